"""Checks of the landing zone: whether what waits there goes on from the warehouse's cursors, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.landing import PartInfo, StreamLanding
from hub.contract.errors import LineageError
from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look
from warehouse import raw


def landed(look: Look) -> Iterator[Finding]:
    """Folders of nobody; parts and mirrors of the streams that hub.yaml has; raw of sources it has no more."""
    yield from _folders(look)
    if look.working is not None:
        yield from _parts(look, look.working)
        yield from _forgotten(look, look.working)


def _stream_folders(look: Look) -> list[tuple[str, str]]:
    root = look.hub.config.warehouse.landing
    return [(path.parent.name, path.name) for path in sorted(root.glob("*/*")) if path.is_dir()]


def _is_configured(look: Look, source: str, stream: str) -> bool:
    streams = look.streams.get(source, frozenset())
    return streams is None or stream in streams


def _folders(look: Look) -> Iterator[Finding]:
    root, fine = look.hub.config.warehouse.landing, True
    for source, stream in _stream_folders(look):
        if _is_configured(look, source, stream):
            continue
        fine = False
        parts = len(StreamLanding(root, source, stream).parts())
        place = root / source if source not in look.streams else root / source / stream
        what = f"hub.yaml has no {source}/{stream}; {parts} parts wait there for nobody"
        yield Finding(
            "landing_folder", "warning", what, str(root / source / stream), f"put it back under sources:, or rm -r {place}"
        )
    if fine:
        yield Finding("landing_folder", "ok", "every folder is of a stream in hub.yaml", str(root))


def _parts(look: Look, con: Any) -> Iterator[Finding]:
    root, waiting, fine = look.hub.config.warehouse.landing, 0, True
    for source, stream in _stream_folders(look):
        if not _is_configured(look, source, stream):
            continue
        landing = look.hub.landing(source, stream)
        value, seq, _ = raw.cursor(con, source, stream)
        mirrored, mirrored_seq = landing.mirror()
        if (mirrored, mirrored_seq) != (value, seq):
            fine = False
            what = f"its copy of the cursor stands at part {mirrored_seq}, the warehouse's at {seq}"
            yield Finding("cursor", "warning", what, f"{source}/{stream}", f"hub sync {source}")
        try:
            infos = [(path, landing.info(path)) for path in landing.parts()]
            waiting += len(raw.waiting(con, source, stream, infos))
        except FileNotFoundError:
            continue  # taken in meanwhile
        except LineageError:
            fine = False
            what = "landed parts do not go on from the warehouse's cursor; the sync sets them aside and reads again"
            yield Finding("landing_parts", "warning", what, f"{source}/{stream}", f"hub sync {source}")
        except (pa.ArrowException, KeyError, ValueError, TypeError):
            fine = False
            bad = next(path for path in landing.parts() if _info(path) is None)
            yield Finding("landing_parts", "error", "a landed part cannot be read", str(bad), f"rm {bad}, then hub sync {source}")
    if fine:
        yield Finding(
            "landing_parts", "ok", f"{waiting} parts wait for the next sync; all cursors are as the warehouse has them", str(root)
        )


def _info(part: Path) -> PartInfo | None:
    try:
        return StreamLanding.info(part)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None


def _forgotten(look: Look, con: Any) -> Iterator[Finding]:
    rows = con.execute("SELECT DISTINCT source_system, stream FROM ops.raw_load ORDER BY ALL").fetchall()
    gone = [(source, stream) for source, stream in rows if not _is_configured(look, source, stream)]
    for source, stream in gone:
        what = "is in raw and no more in hub.yaml; what it brought stays in the customers as it was"
        remedy = (
            f"put {source} back under sources:, with enabled: false if it is not to be read"
            if source not in look.streams
            else f"put the stream back under sources.{source}.streams"
        )
        yield Finding("raw_source", "warning", what, f"{source}/{stream}", remedy)
    if not gone:
        yield Finding("raw_source", "ok", f"{len(rows)} streams in raw are all in hub.yaml", str(look.hub.config.warehouse.path))
