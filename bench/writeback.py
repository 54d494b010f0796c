"""`python -m bench.writeback --decisions 1000 --seed 1`: merges and splits by stewards, and what each system holds in the end.

A hub over the sandbox's eight vendors writes the common ID and the number of open tickets back to the six that take them. In
rounds, customers are merged and merges are undone, a load is built, and the write-back runs through throttling, answers that were
lost after the write took effect, and kills. In the end each vendor is asked by its own protocol what its records hold. Exits with 1
if one holds something else than the published load says, or a second run sends anything.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import yaml

from bench.chaos.processes import in_child
from bench.week.world import config
from connectors.sandbox import SandboxHandle, running
from hub.contract.errors import ConfigError, NotFoundError
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.decision_rows import Steward
from pipelines.runner import run_build, run_sync
from pipelines.source_runs import SyncOptions
from pipelines.stewardship import merge, unmerge
from pipelines.writeback.run import Options, targets, write_back
from pipelines.writeback.values import kind_of
from warehouse.connection import published
from warehouse.publish import live_load

FIELDS: dict[str, dict[str, str]] = {
    "stripe": {"customer_id": "metadata.common_id", "open_tickets": "metadata.open_tickets"},
    "shopify": {"customer_id": "customer_hub.common_id", "open_tickets": "customer_hub.open_tickets"},
    "zendesk": {"customer_id": "external_id"},
    "freshdesk": {"customer_id": "unique_external_id"},
    "woocommerce": {"customer_id": "meta_data.common_id", "open_tickets": "meta_data.open_tickets"},
    "xero": {"customer_id": "ContactNumber"},
}
BY = Steward("bench", "a thousand merges and splits")
_KILLED = 0.4  # share of the rounds whose process is killed
_RUNS = 4  # after the last round, until nothing is owed


def main() -> None:
    """Merge, split, write back, and look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the hub there, to look at")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, running(seed=options.seed, people=options.people) as sandbox:
        sys.exit(storm(options.folder or Path(temporary), sandbox, options.decisions, options.rounds, options.seed))


def storm(root: Path, sandbox: SandboxHandle, decisions: int, rounds: int, seed: int) -> int:
    """The whole of it; 1 if anything is not as it should be."""
    rng = Random(seed)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seed {seed}\n")
    told = config(sandbox.base_url, None, None)
    del told["sources"]["crm"]
    for source, fields in FIELDS.items():
        # some of the sandbox's records come from an older CRM, whose ID stands where ours is to go
        told["sources"][source]["write_back"] = {"fields": fields, "overwrite": True}
    # whoever merges a hundred customers a day has looked at the gate's limits for it
    told["gate"] = {"max_merged_share": 1, "max_id_churn": 1}
    (root / "hub.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    in_child(lambda: _synced(root))
    merged: list[str] = []
    print("| round | merges | splits | killed | sent | found | calls | seconds |\n|---|---|---|---|---|---|---|---|", flush=True)
    for number in range(1, rounds + 1):
        began = time.monotonic()
        merges, splits = in_child(partial(_decide, root, rng.random(), decisions // rounds, merged))
        merged = [*(former for former in merged if former not in splits), *merges]
        _spoil(sandbox, rng)
        killed, done = _build(root, rng)
        cells = (number, len(merges), len(splits), "yes" if killed else "", done["sent"], done["found"], done["calls"])
        print(f"| {' | '.join(map(str, cells))} | {time.monotonic() - began:.0f} |", flush=True)
    sandbox.clear_faults()
    for _ in range(_RUNS):
        last = in_child(lambda: _write(root))
        if not last["errors"] and not last["owed"]:
            break
    again = in_child(lambda: _write(root))
    wrong = in_child(lambda: _wrong(root))
    print(f"\nthe last run: {last}\na run after it: {again}")
    print("\n".join(wrong) if wrong else "every record holds what the published load says")
    return 1 if wrong or again["sent"] or again["calls"] or again["errors"] or again["dead"] else 0


def _hub(root: Path) -> Hub:
    os.environ.pop("DAGSTER_HOME", None)
    return Hub(load_config(root / "hub.yaml"))


def _synced(root: Path) -> None:
    outcome = run_sync(_hub(root), SyncOptions(()))
    if outcome.exit_code:
        raise RuntimeError(f"the first sync ended with {outcome.exit_code}: {outcome.errors} {outcome.error} {outcome.write_back}")


def _decide(root: Path, draw: float, wanted: int, merged: list[str]) -> tuple[list[str], list[str]]:
    """Undo some merges of before, and merge other customers: the IDs that were merged away, and those that came back."""
    hub, rng = _hub(root), Random(draw)
    splits = []
    for former in rng.sample(merged, min(len(merged), wanted // 2)):
        # where the other one's ID was kept, and others came along, it is not said which of them is to come back
        with suppress(ConfigError, NotFoundError):
            unmerge(hub, former, BY)
            splits.append(former)
    with published(hub.config.warehouse) as con:
        free = [
            customer
            for (customer,) in con.execute(
                "SELECT customer_id FROM golden.customer WHERE status = 'active' AND NOT is_test AND source_record_count > 0"
                " ORDER BY customer_id"
            ).fetchall()
        ]
        # who took part in a merge that stands is left alone, so that its undoing stays that of this merge
        taken = {
            customer
            for (customer,) in con.execute(
                "SELECT current_customer_id FROM identity.customer_registry WHERE list_contains(?, customer_id)", [merged]
            ).fetchall()
        }
    pool = [customer for customer in free if customer not in taken]
    rng.shuffle(pool)
    merges = []
    for one, other in zip(pool[: wanted - len(splits)], pool[wanted - len(splits) : 2 * (wanted - len(splits))], strict=False):
        merge(hub, (one, other), BY)
        merges.append(other)
    hub.close()
    return merges, splits


def _spoil(sandbox: SandboxHandle, rng: Random) -> None:
    """Have some vendors throttle, and some lose answers to writes that took effect."""
    sandbox.clear_faults()
    for vendor in FIELDS:
        what = rng.random()
        if what < 0.3:
            sandbox.fault(vendor, status=429, retry_after=1, count=rng.randint(1, 3))
        elif what < 0.6:
            sandbox.fault(
                vendor, status=504, after=True, count=rng.randint(1, 3), method="PUT" if vendor == "freshdesk" else "POST"
            )


def _build(root: Path, rng: Random) -> tuple[bool, Mapping[str, int]]:
    """Build a load and write back in a process of its own, which may be killed once the load is published."""
    kill, moment = rng.random() < _KILLED, rng.uniform(0.0, 6.0)
    hub = _hub(root)
    before, settings = live_load(hub.config.warehouse), hub.config.warehouse
    hub.close()
    results = root / "built"
    results.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _in_fork(lambda: results.write_text(yaml.safe_dump(_built(root))))
    killed = False
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if kill and live_load(settings) != before:
            time.sleep(moment)
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            killed = os.WIFSIGNALED(status)
            break
        time.sleep(0.05)
    done: Mapping[str, int] = yaml.safe_load(results.read_text()) if results.exists() else Counter()
    if not killed and not results.exists():
        raise RuntimeError(f"a build of {root} failed")
    return killed, Counter(done)


def _in_fork(act: Callable[[], Any]) -> None:
    try:
        act()
    finally:
        os._exit(0)


def _built(root: Path) -> dict[str, int]:
    outcome = run_build(_hub(root))
    if outcome.action != "published":
        raise RuntimeError(f"{outcome.action}: {outcome.error}")
    rows = outcome.write_back
    return {name: sum(row[of] for row in rows) for name, of in (("sent", "sent"), ("found", "found"), ("calls", "api_calls"))}


def _write(root: Path) -> dict[str, Any]:
    """One run of the write-back to all."""
    hub = _hub(root)
    done = [write_back(hub, source, Options()) for source in targets(hub)]
    hub.close()
    fates = sum((result.fates for result in done), Counter[str]())
    counts: dict[str, Any] = {name: fates[name] for name in ("sent", "found", "owed", "dead", "gone", "kept", "unchanged")}
    return {
        **counts,
        "calls": sum(result.calls for result in done),
        "errors": [str(result.error) for result in done if result.error],
    }


def _wrong(root: Path) -> list[str]:
    """What a vendor's records hold that they should not, as the vendor itself says."""
    hub, lines = _hub(root), []
    with published(hub.config.warehouse) as con:
        rows = con.execute(
            "SELECT x.source_system, x.stream, x.source_record_id, c.customer_id, c.open_tickets FROM identity.customer_xref AS x"
            " JOIN golden.customer AS c USING (customer_id) WHERE x.is_current ORDER BY ALL"
        ).fetchall()
    for source, fields in FIELDS.items():
        connector = hub.config.connector(source)
        kinds = {name: kind_of(attribute) for attribute, name in fields.items()}
        for stream in connector.streams():
            writer = connector.writer(stream.name, kinds)
            mine = {
                record: {"customer_id": customer, "open_tickets": str(tickets)}
                for system, of, record, customer, tickets in rows
                if (system, of) == (source, stream.name)
            }
            if writer is None:
                continue
            records = list(mine)
            held: dict[str, Mapping[str, str | None]] = {}
            for start in range(0, len(records), writer.reads):
                found = writer.read(records[start : start + writer.reads])
                held |= {record: standing.fields for record, standing in found.items()}
            for attribute, name in fields.items():
                wrong = {r: held[r].get(name) for r in held if str(held[r].get(name)) != mine[r][attribute]}
                if writer.is_unique(name):
                    # one record of a customer has it, the others have nothing
                    lacking = {mine[r][attribute] for r in held} - {held[r].get(name) for r in held}
                    wrong = {r: value for r, value in wrong.items() if value} | dict.fromkeys(sorted(lacking))
                if wrong:
                    lines.append(
                        f"{source}.{stream.name} {name}: {len(wrong)} of {len(held)} are wrong: {dict(list(wrong.items())[:3])}"
                    )
            print(f"{source}.{stream.name}: {len(held)} of {len(records)} records asked", flush=True)
        connector.close()
    hub.close()
    return lines


if __name__ == "__main__":
    main()
