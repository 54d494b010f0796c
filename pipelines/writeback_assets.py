"""The assets of the write-back: per source that is written to, what was delivered to it of the published load."""

# no `from __future__ import annotations` here: Dagster reads the config classes from the annotations themselves

from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.build_assets import plainly
from pipelines.context import Hub
from pipelines.pauses import active_pauses, pause_line
from pipelines.writeback.run import FATES, Options, targets, write_back

PREFIX = "write_back"
_PUBLISHED = dg.AssetKey(["published", "golden"])


class WriteBackConfig(dg.Config):
    """What a run may ask; see `pipelines.writeback.run.Options`."""

    verify: bool = False
    adopt: bool = False
    limit: int | None = None


def write_back_key(source: str) -> dg.AssetKey:
    """The asset key of what is written back to a source."""
    return dg.AssetKey([PREFIX, source])


def write_back_step(source: str) -> str:
    """The name of the step that writes back to a source."""
    return f"{PREFIX}_to_{source}"


def write_back_assets(hub: Hub) -> list[dg.AssetsDefinition]:
    """One per source that hub.yaml has written to."""
    return [_asset(hub, source) for source in targets(hub)]


def _asset(hub: Hub, source: str) -> dg.AssetsDefinition:
    settings = hub.config.sources[source].write_back
    assert settings is not None
    told = ", ".join(f"{attribute} into {name}" for attribute, name in settings.fields.items())
    spec = dg.AssetSpec(
        write_back_key(source),
        deps=[_PUBLISHED],
        group_name=PREFIX,
        description=f"What {source} is told of the published load: {told}. Only differences are sent.",
        kinds={hub.config.sources[source].type},
        skippable=True,  # nothing is written to a source that is paused
    )

    @dg.multi_asset(specs=[spec], name=write_back_step(source))
    def deliver(context: dg.AssetExecutionContext, config: WriteBackConfig) -> Iterator[dg.MaterializeResult[Any]]:
        paused = active_pauses(hub).get(source)
        if paused is not None:
            context.log.info(f"nothing is written: {source} is {pause_line(paused)}")
            return
        options = Options(verify=config.verify, adopt=config.adopt, limit=config.limit)
        result = plainly(lambda: write_back(hub, source, options))
        metadata: dict[str, Any] = {fate: result.fates[fate] for fate in (*FATES, "unchanged")}
        metadata |= {"load_id": result.load_id, "api_calls": result.calls, "retries": result.retries, "seconds": result.seconds}
        if result.error is not None:
            raise dg.Failure(str(result.error), metadata=metadata, allow_retries=False)
        yield dg.MaterializeResult(asset_key=write_back_key(source), metadata=metadata)

    return deliver
