"""A steward's commands: review, merge, unmerge. They write to the control store only, so they work while a sync runs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import cell, print_json, print_table, progress

if TYPE_CHECKING:
    from pipelines.context import Hub
    from pipelines.decision_rows import Steward

review = typer.Typer(
    name="review",
    help="The review queue: questions that the linkage does not answer alone, ranked by what an answer is worth.",
    no_args_is_help=True,
)
app.add_typer(review)

ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="who decides; else the user of this process", show_default=False)
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="why; kept with the decision", show_default=False)]
NowOption = Annotated[bool, typer.Option("--now", help="build and publish a load at once instead of with the next hub sync")]


class Kind(StrEnum):
    """Kinds of review tasks."""

    near_miss = "near_miss"
    shared_mailbox = "shared_mailbox"
    refused_join = "refused_join"
    id_contradiction = "id_contradiction"
    weak_link = "weak_link"
    oversized_cluster = "oversized_cluster"
    capped_value = "capped_value"
    overruled_merge = "overruled_merge"


class Verdict(StrEnum):
    """What a steward may decide of two records."""

    must_link = "must_link"
    cannot_link = "cannot_link"


def acting(by: str | None, reason: str | None) -> Steward:
    """Who acts and why."""
    import getpass

    from pipelines.decision_rows import Steward

    return Steward(by or getpass.getuser(), reason)


def finish(hub: Hub, done: dict[str, Any], said: str, *, now: bool, as_json: bool) -> int:
    """Print what was done and, if asked, build the load that applies it."""
    if not now:
        if as_json:
            print_json(done)
        else:
            typer.echo(f"{said}; it takes effect with the next hub sync")
        return 0
    from pipelines.cli.operate import failed_checks, print_sync
    from pipelines.runner import run_build

    with progress(not as_json) as notice:
        outcome = run_build(hub, notice)
    if as_json:
        print_json({**done, "action": outcome.action, "exit_code": outcome.exit_code, "load": outcome.load, "error": outcome.error})
    else:
        typer.echo(said)
        print_sync(outcome, failed_checks(hub, outcome.load))
    return outcome.exit_code


@review.command("list")
def list_tasks(
    kind: Annotated[Kind | None, typer.Option("--kind", help="tasks of this kind only", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="how many to show")] = 10,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The open tasks, those first whose answer puts most right: expected pairs of records gained or parted."""
    from pipelines.review_queue import open_tasks

    with opened(config) as hub:
        found = open_tasks(hub, kind=None if kind is None else kind.value, limit=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("no open review tasks")
    for task in found:
        _print_task(task)


def _print_task(task: dict[str, Any]) -> None:
    worth = "" if task["worth"] is None else f", worth {task['worth']:.1f} pairs"
    probability = "" if task["match_probability"] is None else f", probability {task['match_probability']:.2f}"
    typer.echo(
        f"{task['task_id']}  {task['kind']}{worth}{probability}"
        + (f"; {task['others']} other tasks about them" if task["others"] else "")
    )
    for side in ("left", "right"):
        if task[side] is not None:
            typer.echo(f"  {_side(task[side])}")
    typer.echo(f"  why: {task['detail']}")
    for command in task["decide"]:
        typer.echo(f"  {command}")


def _side(side: dict[str, Any]) -> str:
    told = [
        str(value)
        for name, value in side.items()
        if name not in ("record_key", "customer_id", "records", "orders", "invoices", "tickets")
    ]
    counts = [f"{side[name]} {name}" for name in ("records", "orders", "invoices", "tickets") if side.get(name)]
    return f"{side['record_key']}  {side['customer_id'] or 'not published yet'}  {', '.join([*told, *counts])}"


@review.command()
def decide(
    subject: Annotated[list[str], typer.Argument(metavar="TASK | RECORD RECORD", help="a task's ID, or the keys of two records")],
    verdict: Annotated[Verdict, typer.Argument(help="must_link: one customer; cannot_link: two")],
    by: ByOption = None,
    reason: ReasonOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a task, or any two records. The decision holds whatever the data says later, until it is revoked."""
    from pipelines import stewardship

    with opened(config) as hub:
        done = stewardship.decide(hub, subject, verdict.value, acting(by, reason))
        said = f"decision {done['decision_id']}: {done['decision']} on {done['record_key_l']} and {done['record_key_r']}"
        code = finish(hub, done, said, now=now, as_json=as_json)
    raise typer.Exit(code)


@review.command()
def decisions(
    everything: Annotated[bool, typer.Option("--all", help="revoked ones too")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The decisions in force, newest first: who decided what, when and why."""
    from pipelines.stewardship import decision_history

    with opened(config) as hub:
        found = decision_history(hub, everything=everything)
    if as_json:
        print_json(found)
        return
    columns = ("decision_id", "act_id", "decision", "record_key_l", "record_key_r", "decided_by", "decided_at", "reason")
    shown = (*columns, "revoked_at", "revoked_by", "revoke_reason") if everything else columns
    print_table("Decisions", [name.replace("_", " ") for name in shown], [[cell(row[name]) for name in shown] for row in found])


@review.command()
def revoke(
    decision: Annotated[str, typer.Argument(help="a decision's ID, or the ID of an act for all that was decided in it")],
    reason: Annotated[str, typer.Option("--reason", help="why; kept with the decision")],
    by: ByOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a decision back. It stays on record, with who revoked it and why."""
    from pipelines import stewardship

    with opened(config) as hub:
        ids = stewardship.revoke(hub, decision, acting(by, reason))
        code = finish(hub, {"revoked": ids}, f"revoked {_listed(ids)}", now=now, as_json=as_json)
    raise typer.Exit(code)


@review.command()
def learn(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be answered, and answer nothing")] = False,
    by: ByOption = None,
    reason: ReasonOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer open questions as the answers given so far teach, where they are likely enough to change something."""
    from pipelines.learnt_answers import learn as learn_answers

    with opened(config) as hub:
        done = learn_answers(hub, acting(by, reason), dry_run=dry_run)
        if not as_json:
            _print_lessons(done)
        said = f"learnt {len(done['learnt']):,} answers"
        said += f" (act {done['act_id']})" if done["act_id"] else ""
        said += f", revoked {len(done['revoked']):,} that no longer hold" if done["revoked"] else ""
        if dry_run:
            if as_json:
                print_json(done)
            else:
                typer.echo(f"{said}; nothing was written, as this is a dry run")
            return
        code = finish(hub, done, said, now=now, as_json=as_json)
    raise typer.Exit(code)


def _print_lessons(done: dict[str, Any]) -> None:
    for verdict, lesson in done["lessons"].items():
        typer.echo(f"{verdict}: {lesson['changing']} of {lesson['answers']} answers, where {lesson['expected']:.0f} were expected")
    if not done["lessons"]:
        typer.echo("too few questions have been answered to learn from them")
    columns = ("kind", "decision", "record_key_l", "record_key_r", "likelihood")
    if done["learnt"]:
        print_table("Learnt", [name.replace("_", " ") for name in columns], [[cell(r[n]) for n in columns] for r in done["learnt"]])


@app.command()
def merge(
    keys: Annotated[
        list[str], typer.Argument(metavar="CUSTOMER CUSTOMER...", help="customer IDs, or keys that find one customer each")
    ],
    by: ByOption = None,
    reason: ReasonOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make customers one, for good. The ID of the largest stays, the others lead to it; hub unmerge takes it back."""
    from pipelines import stewardship

    with opened(config) as hub:
        done = stewardship.merge(hub, keys, acting(by, reason))
        said = f"{' and '.join(done['customer_ids'])} are one customer (act {_listed([a['act_id'] for a in done['acts']])})"
        code = finish(hub, done, said, now=now, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def unmerge(
    key: Annotated[
        str, typer.Argument(metavar="FORMER_ID | CUSTOMER", help="the ID that was merged, or the customer it went into")
    ],
    by: ByOption = None,
    reason: ReasonOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Undo a merge exactly: the former ID comes back with its records. For a customer, its newest merge is undone."""
    from pipelines import stewardship

    with opened(config) as hub:
        done = stewardship.unmerge(hub, key, acting(by, reason))
        how = (
            f"revoked {_listed(done['revoked'])}"
            if done["revoked"]
            else f"{done['forbidden']:,} pairs of records may not be linked"
        )
        back = f"{done['former_id']} comes back out of {done['customer_id']}" if done["former_id"] else "the merge will not be made"
        code = finish(hub, done, f"{back} ({how})", now=now, as_json=as_json)
    raise typer.Exit(code)


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5:,} more" if len(ids) > 5 else "")
