"""Commands of the daily run: sync, status."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.contract.errors import ConfigError
from pipelines import forking
from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.releases import pin_line, print_targets
from pipelines.cli.render import print_json, print_table, progress
from pipelines.cli.writeback import print_write_back
from warehouse.drift import FieldChange

if TYPE_CHECKING:
    from pipelines.context import Hub
    from pipelines.runner import SyncOutcome


_SHOWN = 20  # changes of IDs that a dry run prints


@app.command()
def sync(
    sources: Annotated[list[str] | None, typer.Argument(help="sources to read; all enabled ones without")] = None,
    streams: Annotated[
        list[str] | None, typer.Option("--stream", metavar="STREAM", help="read this stream of the source only; may be repeated")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="read everything again and resolve with the current model")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="read about so many rows per stream, to try a source out")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="backfill: read again what changed from then on ..."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="... up to then; the cursor stays")] = None,
    accept_schema: Annotated[
        bool, typer.Option("--accept-schema", help="take in fields that changed, where schema_drift says stop")
    ] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="read and publish nothing; list the IDs that the next load would change")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the sources, resolve customers, judge the load and publish it.

    Exit codes: 0 published or nothing to do, 3 held by the gate or withheld behind a pinned load (the last good load stays),
    4 published but a source, target or write-back failed, 1 error.
    """
    if dry:
        if sources or streams or full or limit or since or until or accept_schema:
            raise ConfigError("a dry run reads nothing", field="--dry-run", remedy="leave out sources and the other options")
        _dry_run(config, as_json)
        return
    with opened(config) as hub, ExitStack() as stack:
        at_a_time = min(hub.config.sync.at_a_time, len(sources or hub.config.enabled()))
        forks = forking.forks_itself()
        if at_a_time > 1 and not forks:
            forking.start()
        from pipelines.definitions import build_defs
        from pipelines.runner import run_sync
        from pipelines.source_runs import SyncOptions, forked_readers

        options = SyncOptions(tuple(sources or ()), full, limit, since, until, accept_schema, tuple(streams or ()))
        defs = build_defs(hub)
        readers = stack.enter_context(forked_readers(hub, defs, at_a_time)) if at_a_time > 1 and forks else []
        notice = stack.enter_context(progress(not as_json))  # which begins a thread, and that a fork would lose
        outcome = run_sync(hub, options, notice, readers, defs)
        checks = failed_checks(hub, outcome.load)
        page = verdict_page(hub, outcome)
    if as_json:
        print_json(_as_json(outcome, checks) | {"page": page})
    else:
        print_sync(outcome, checks, page)
    raise typer.Exit(outcome.exit_code)


def _dry_run(config: Path | None, as_json: bool) -> None:
    from pipelines.dry_run import dry_run

    with progress(not as_json) as notice, opened(config) as hub:
        found = dry_run(hub, notice)
    if as_json:
        print_json(found)
        return
    report, ids = found["report"], found["ids"]
    typer.echo(
        f"{report['records']:,} records would be {report['customers']:,} customers: "
        + ", ".join(f"{n:,} IDs {word}" for word, n in ids.items())
    )
    typer.echo(f"the ID of {report['id_churn_rate'] or 0:.2%} of the records would change; nothing was read, published or kept")
    changes = [event for event in found["events"] if event["what"] != "minted" or event["cause"] == "split"]
    if changes:
        print_table(
            "IDs that would change"
            if len(changes) <= _SHOWN
            else f"The first {_SHOWN} of {len(changes):,} IDs that would change; --json lists all",
            ("what", "customer", "other customer", "cause", "records"),
            [(e["what"], e["customer_id"], e["other_customer_id"], e["cause"], len(e["record_keys"])) for e in changes[:_SHOWN]],
            right=("records",),
        )


def verdict_page(hub: Hub, outcome: SyncOutcome) -> Path | None:
    """The page of the verdict on a sync's load, if there is one."""
    from pipelines.gate import page_path

    path = page_path(hub, outcome.load["load_id"]) if outcome.load else None
    return path if path is not None and path.exists() else None


def failed_checks(hub: Hub, load: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The checks of a load that failed, blocking ones first."""
    import sqlalchemy as sa

    from warehouse import control_tables as t

    if load is None:
        return []
    failed = (t.check_result.c.load_id == load["load_id"]) & (t.check_result.c.status == "failed")
    return hub.control.rows(sa.select(t.check_result).where(failed).order_by(t.check_result.c.severity, t.check_result.c.check_id))


def _as_json(outcome: SyncOutcome, checks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "action": outcome.action,
        "exit_code": outcome.exit_code,
        "load": outcome.load,
        "sources": source_totals(outcome.streams),
        "streams": outcome.streams,
        "schema_changes": outcome.changes,
        "failed_checks": [{**check, "examples": json.loads(check["examples"])} for check in checks],
        "errors": outcome.errors,
        "paused": outcome.paused,
        "targets": outcome.targets,
        "write_back": outcome.write_back,
        "error": outcome.error,
    }


def source_totals(streams: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per source: rows in, and where they went. Loaded are new, changed and deleted records."""
    totals: dict[str, dict[str, Any]] = {}
    for row in streams:
        total = totals.setdefault(
            row["source_system"], {"source": row["source_system"], "rows_in": 0, "loaded": 0, "unchanged": 0, "quarantined": 0}
        )
        total["rows_in"] += row["rows_extracted"]
        total["loaded"] += row["rows_inserted"] + row["rows_updated"] + row["rows_deleted"]
        total["unchanged"] += row["rows_unchanged"]
        total["quarantined"] += row["rows_quarantined"]
    return list(totals.values())


def print_sync(outcome: SyncOutcome, checks: list[dict[str, Any]], page: Path | None = None) -> None:
    """What a sync did, for people.

    Args:
        page: of the verdict, if there is one.
    """
    columns = ("rows in", "loaded", "unchanged", "quarantined")
    rows = [
        (
            t["source"],
            t["rows_in"],
            t["loaded"],
            t["unchanged"],
            t["quarantined"],
            "failed" if t["source"] in outcome.errors else "ok",
        )
        for t in source_totals(outcome.streams)
    ]
    if rows:
        print_table("Sources", ("source", *columns, "sync"), rows, right=columns)
    for change in outcome.changes:
        if change["policy"] != "evolve":
            field = FieldChange(change["field"], change["change"], change["type_before"], change["type_now"])
            typer.echo(f"  fields of {change['source_system']}/{change['stream']}: {field}")
    for source, line in outcome.paused.items():
        typer.echo(f"left out: {source} is {line}; hub resume {source} ends it")
    for message in outcome.errors.values():
        typer.echo(f"failed: {message}", err=True)
    typer.echo(_verdict_line(outcome))
    for check in checks:
        mark = "held by" if check["severity"] == "critical" else "warning"
        typer.echo(f"  {mark} {check['check_id']}: {check['message']}")
        examples = json.loads(check["examples"])
        if examples and check["severity"] == "critical":
            typer.echo(f"    for example {', '.join(examples[:5])}")
    if outcome.action == "held" and outcome.load is not None:
        typer.echo(f"  all checks: hub gate show; if the load is right: hub gate override {outcome.load['load_id']} --reason ...")
        if page is not None:
            typer.echo(f"  as a page: {page}")
    print_targets(outcome.targets)
    print_write_back(outcome.write_back)


def _verdict_line(outcome: SyncOutcome) -> str:
    load = outcome.load or {}
    match outcome.action:
        case "published":
            return (
                f"published load {load['load_id']}: {load['records']:,} records are {load['customers']:,} customers"
                f" ({load['inserted'] or 0:,} new, {load['changed'] or 0:,} changed, {load['removed'] or 0:,} gone)"
            )
        case "unchanged":
            return f"nothing changed; load {load['load_id']} stays"
        case "held":
            return f"held: the gate does not let load {load['load_id']} pass; the last good load stays"
        case "withheld":
            return (
                f"withheld: load {load['load_id']} passed the gate, but another one is pinned;"
                " hub rollback --release lets the next sync publish"
            )
        case _:
            return f"error: {outcome.error}"


@app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Per source: last sync, freshness, rows, quarantine; and the last load with its verdict. Works while a sync runs."""
    with opened(config) as hub:
        from pipelines.pauses import pause_line
        from pipelines.privacy.cut_offs import overdue_line
        from pipelines.report import hub_status

        found = hub_status(hub)
    if as_json:
        print_json(found)
        return
    right = ("rows in", "loaded", "unchanged", "quarantined", "in quarantine")
    print_table(
        "Sources",
        ("source", "last sync", "result", "fresh", *right),
        [
            (
                s["source"],
                s["last_sync_at"],
                s["result"],
                "paused" if s["paused"] else s["fresh"],
                *(s[name.replace(" ", "_")] for name in right),
            )
            for s in found["sources"]
        ],
        right=right,
    )
    for source in found["sources"]:
        if source["paused"]:
            typer.echo(f"  {source['source']} is {pause_line(source['paused'])}; hub resume {source['source']} ends it")
        if source["error"]:
            typer.echo(f"  {source['source']}: {source['error']}")
    _print_load(found["load"], found["held"])
    if found["pin"] is not None:
        typer.echo(pin_line(found["pin"]))
    print_targets(found["targets"])
    print_write_back(found["write_back"])
    if found["alerts"] is not None:
        typer.echo(f"alerts: {found['alerts']['open']} open, {found['alerts']['owed']} messages owed; see hub alerts")
        for error in found["alerts"]["failing"].values():
            typer.echo(f"  still owed: {error}")
    owed = None if found["retention"] is None else overdue_line(found["retention"])
    if owed is not None:
        typer.echo(f"{owed}; run hub privacy retention")


def _print_load(load: dict[str, Any] | None, held: dict[str, Any] | None) -> None:
    if load is None:
        typer.echo("nothing is published yet; run hub sync")
    else:
        churn = "not applicable" if load["id_churn_rate"] is None else f"{load['id_churn_rate']:.2%}"
        typer.echo(
            f"published: load {load['load_id']}, {load['records']:,} records are {load['customers']:,} customers;"
            f" ID churn {churn}; largest customer {load['largest_cluster']} records"
        )
        for check in load["warnings"]:
            typer.echo(f"  warning: {check}")
    if held is not None:
        typer.echo(f"held: load {held['load_id']} by {', '.join(held['blocking_checks'])}")
        for check in held["failed_checks"]:
            typer.echo(f"  {check['check_id']} ({check['failed_rows']:,} rows): {check['message']}")
            if check["examples"]:
                typer.echo(f"    for example {', '.join(check['examples'][:5])}")
        typer.echo(f"  all checks: hub gate show; if the load is right: hub gate override {held['load_id']} --reason ...")
