"""`python -m bench.week --seed 1`: a week of nine sources under Dagster's daemon with a fault each day, next to one without any.

Each source has a cron of a few minutes, in which a day of the sandbox goes by. Prints what happened on each day, the alerts that
came, and what differs in the end; exits with 1 if something does, an alert came twice or not at all, or a source did not recover by
itself.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from bench.chaos.world import Crm
from bench.week.proxy import Fault, Proxy, between, inbox
from bench.week.seen import differences
from bench.week.world import command, config, daemon, export, now, whole_day, write
from connectors.sandbox import running

THROTTLED = ("stripe", "shopify", "zendesk", "woocommerce")


@dataclass(frozen=True)
class Day:
    """A day of the week.

    Attributes:
        does: what befalls the sources.
        fails: sources whose syncs fail on it.
        alerts: what is told on it, event and kind.
        broken_export: the CRM's file is cut off after its first line.
    """

    title: str
    does: Callable[[Proxy], None] = lambda _: None
    fails: tuple[str, ...] = ()
    alerts: tuple[tuple[str, str], ...] = ()
    broken_export: bool = False


def _throttle(proxy: Proxy) -> None:
    proxy.faults.update({vendor: Fault(status=429, times=3) for vendor in THROTTLED})


def _outage(proxy: Proxy) -> None:
    proxy.faults = {"zendesk": Fault(status=503)}


def _new_field(proxy: Proxy) -> None:
    proxy.faults = {"freshdesk": Fault(new_field=True)}


def _expired(proxy: Proxy) -> None:
    proxy.faults["shopify"] = Fault(status=401)


def _renewed(proxy: Proxy) -> None:
    del proxy.faults["shopify"]


WEEK = (
    Day("four vendors answer 429 three times each", _throttle),
    Day("Zendesk is down", _outage, fails=("zendesk",), alerts=(("opened", "run_failed"),)),
    Day(
        "Zendesk is back; Freshdesk has a new field",
        _new_field,
        alerts=(("recovered", "run_failed"), ("opened", "schema_changed")),
    ),
    Day("the CRM's export breaks off", alerts=(("opened", "gate_held"),), broken_export=True),
    Day(
        "the CRM's export is whole again; Shopify's token has expired",
        _expired,
        fails=("shopify",),
        alerts=(("recovered", "gate_held"), ("opened", "run_failed")),
    ),
    Day("the token was renewed", _renewed, alerts=(("recovered", "run_failed"),)),
)


def main() -> None:
    """Live through a week."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--minutes", type=int, default=3, help="between two ticks of each source's cron")
    parser.add_argument("--folder", type=Path, help="keep the hubs there, to look at")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(week(options.folder or Path(temporary), options.seed, options.people, options.minutes))


def week(folder: Path, seed: int, people: int, minutes: int) -> int:
    """The whole of it; 1 if anything is not as it should be."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seed {seed}, {people} people\n")
    calm, troubled = folder / "calm", folder / "troubled"
    with (
        running(seed=seed, people=people) as ours,
        running(seed=seed, people=people) as theirs,
        between(theirs.base_url) as proxy,
        inbox() as (url, came),
    ):
        crm = Crm(folder, Random(seed))
        calm.mkdir()
        write(calm, config(ours.base_url, None, None))
        export(folder, calm)
        _synced(calm)
        # the same first load: who is who is learnt once, and customer IDs are made from one secret
        shutil.copytree(calm, troubled, symlinks=True, ignore=shutil.ignore_patterns("var"))
        write(troubled, config(proxy.url, f"*/{minutes} * * * *", url))
        sources = list(config(proxy.url, None, None)["sources"])
        _synced(troubled)
        wrong, expected = [], Counter[tuple[str, str]]()
        print("| day | seconds | failed | alerts |\n|---|---|---|---|", flush=True)
        with daemon(troubled) as instance:
            for number, day in enumerate(WEEK, 2):
                for sandbox in (ours, theirs):
                    sandbox.advance(1)
                crm.new_day()
                export(folder, calm)
                export(folder, troubled, broken=day.broken_export)
                day.does(proxy)
                began, told = time.monotonic(), len(came)
                ended = whole_day(instance, sources, now())
                _synced(calm)
                failed = tuple(sorted(source for source, how in ended.items() if how != "SUCCESS"))
                if failed != day.fails:
                    wrong.append(f"day {number}: {failed} failed, not {day.fails}")
                news = [f"{alert['event']} {alert['kind']} {alert['where']}" for alert in came[told:]]
                print(
                    f"| {number}: {day.title} | {time.monotonic() - began:.0f} | {', '.join(failed)} | {'; '.join(news)} |",
                    flush=True,
                )
                expected.update(day.alerts)
        wrong += wrong_alerts(came, expected)
        wrong += differences(calm, troubled)
        print(f"\nanswers that were not the vendors' own: {proxy.hit}")
    print("\n".join(wrong) if wrong else "golden tables equal, each alert came once")
    return 1 if wrong else 0


def _synced(root: Path) -> None:
    done = command(root, "sync")
    if done.returncode != 0:
        sys.exit(f"hub sync of {root} ended with {done.returncode}: {done.stdout}{done.stderr}")


def wrong_alerts(came: list[dict[str, Any]], expected: Counter[tuple[str, str]]) -> list[str]:
    """What alerts came that should not have, or not, or twice: one line each."""
    told = Counter((alert["event"], alert["key"], alert["episodes"]) for alert in came)
    lines = [f"alert {key} ({event}) came {times} times" for (event, key, _), times in told.items() if times > 1]
    kinds = Counter((alert["event"], alert["kind"]) for alert in came)
    if kinds["opened", "schema_changed"]:
        kinds["opened", "schema_changed"] = 1  # a new field is news of every stream that has it
    for pair in sorted(expected.keys() | kinds.keys()):
        if kinds[pair] != expected[pair]:
            lines.append(f"alert {' '.join(pair)}: {kinds[pair]} came, {expected[pair]} should have")
    return lines


if __name__ == "__main__":
    main()
