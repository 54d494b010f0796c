"""What Dagster sees: asset keys, groups, jobs, checks; each sync a run in the hub's instance; nothing personal or secret."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest

from connectors.sandbox import SandboxHandle, credentials
from expectations import CHECKS
from hub.contract.columns import TABLES as STAGING_TABLES
from hub.golden import TABLES
from pipelines.build_assets import build_assets
from pipelines.config import load_config
from pipelines.definitions import build_defs
from pipelines.instance import clear_dead_runs, open_instance, process_tags
from tests.pipelines.world import World

GROUPS = {
    "ingest_invoicing": {f"raw/stripe/{stream}" for stream in ("invoices", "charges", "refunds", "credit_notes", "customers")},
    "ingest_ecommerce": {"raw/shopify/orders", "raw/shopify/customers"},
    "ingest_ticketing": {"raw/zendesk/tickets", "raw/zendesk/users"},
    "ingest_ads": {f"raw/google_ads/{stream}" for stream in ("ad_spend_daily", "leads", "ads", "ad_groups", "campaigns")},
    "backfill": {
        *(f"backfill/stripe/{stream}" for stream in ("invoices", "charges", "refunds", "credit_notes", "customers")),
        *("backfill/shopify/orders", "backfill/shopify/customers", "backfill/zendesk/tickets", "backfill/zendesk/users"),
        "backfill/google_ads/ad_spend_daily",
    },
    "staging": {f"staging/{table}" for table in STAGING_TABLES},
    "identity": {"identity/customer_xref"},
    "golden": {f"golden/{table}" for table in TABLES},
    "publish": {"published/golden"},
}  # fmt: skip


@pytest.fixture
def defs(world: World) -> dg.Definitions:
    with world.hub() as hub:
        return build_defs(hub)


def test_asset_keys_and_groups_are_those_people_rely_on(defs: dg.Definitions) -> None:
    found: dict[str, set[str]] = {}
    for spec in defs.resolve_all_asset_specs():
        found.setdefault(spec.group_name or "", set()).add(spec.key.to_user_string())
        assert spec.description
        assert spec.kinds
    assert found == GROUPS


def test_there_is_a_job_and_a_schedule_per_source_and_the_build(defs: dg.Definitions) -> None:
    sources = ("stripe", "shopify", "zendesk", "google_ads")
    assert {job.name for job in defs.resolve_all_job_defs()} >= {*(f"sync_{source}" for source in sources), "build"}
    for source in sources:
        schedule = defs.resolve_schedule_def(f"sync_{source}_schedule")
        assert schedule.job_name == f"sync_{source}"
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_a_schedule_that_hub_yaml_asks_for_runs_by_itself(world: World) -> None:
    world.change("stripe", schedule="*/5 * * * *")
    with world.hub() as hub:
        defs = build_defs(hub)
    schedule = defs.resolve_schedule_def("sync_stripe_schedule")
    assert (schedule.cron_schedule, schedule.default_status) == ("*/5 * * * *", dg.DefaultScheduleStatus.RUNNING)
    assert defs.resolve_sensor_def("build_after_sync").default_status is dg.DefaultSensorStatus.RUNNING


def test_the_sensor_asks_for_a_build_only_when_a_sync_brought_something(synced: World, sandbox: SandboxHandle) -> None:
    with synced.hub() as hub, open_instance(hub.config) as instance:
        sensor = build_defs(hub).resolve_sensor_def("build_after_sync")
        context = dg.build_sensor_context(instance=instance)
        assert isinstance(sensor(context), dg.SkipReason)
        sandbox.advance(1)
        result = build_defs(hub).resolve_job_def("sync_stripe").execute_in_process(instance=instance)
        assert result.success
        asked = sensor(context)
        assert isinstance(asked, dg.RunRequest)
        built = build_defs(hub).resolve_job_def("build").execute_in_process(instance=instance)
        assert built.success
        assert isinstance(sensor(context), dg.SkipReason)


def test_a_sync_leaves_runs_materialisations_and_check_results_in_the_hubs_instance(
    first_day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that what the instance sets is gone after the test
    monkeypatch.delenv("DAGSTER_HOME")
    with open_instance(load_config(first_day / "hub.yaml")) as instance:
        runs = {run.job_name: run for run in instance.get_runs()}
        assert set(runs) == {"sync_stripe", "sync_shopify", "sync_zendesk", "sync_google_ads", "build"}
        assert {run.tags["hub/batch"] for run in runs.values()} == {next(iter(runs.values())).tags["hub/batch"]}
        assert all(run.is_success for run in runs.values())
        for keys in (keys for group, keys in GROUPS.items() if group != "backfill"):
            for key in keys:
                event = instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
                assert event is not None, key
        orders = instance.get_latest_materialization_event(dg.AssetKey(["raw", "shopify", "orders"]))
        assert orders is not None
        assert orders.asset_materialization is not None
        figures = {name: value.value for name, value in orders.asset_materialization.metadata.items()}
        assert (
            figures["rows_in"]
            == figures["inserted"] + figures["updated"] + figures["unchanged"] + figures["deleted"] + figures["quarantined"]
        )
        golden = instance.get_latest_materialization_event(dg.AssetKey(["golden", "customer"]))
        assert golden is not None
        assert golden.asset_materialization is not None
        schema = golden.asset_materialization.metadata["dagster/column_schema"].value
        assert isinstance(schema, dg.TableSchema)
        told = {column.name: column for column in schema.columns}
        assert (told["birth_date"].type, told["birth_date"].tags) == ("DATE", {"sensitivity": "personal"})
        assert "E.164" in str(told["phone_e164"].description)
        checked = [
            record.event_log_entry.dagster_event.event_specific_data.check_name  # type: ignore[union-attr]
            for record in instance.get_records_for_run(runs["build"].run_id).records
            if record.event_log_entry.dagster_event is not None
            and record.event_log_entry.dagster_event.event_type_value == "ASSET_CHECK_EVALUATION"
        ]
        assert set(checked) == {check.check_id for check in CHECKS}


def test_without_the_gates_checks_nothing_is_published(synced: World, sandbox: SandboxHandle) -> None:
    link = (synced.root / "data" / "golden.duckdb").readlink()
    sandbox.advance(1)
    with synced.hub() as hub, open_instance(hub.config) as instance:
        connectors = [hub.config.connector(name) for name in hub.config.enabled()]
        assert build_defs(hub).resolve_job_def("sync_stripe").execute_in_process(instance=instance).success
        result = dg.materialize(build_assets(hub, connectors), instance=instance, raise_on_error=False)
        failure = next(event for event in result.all_events if event.is_step_failure)
        assert failure.step_key == "publish"
        assert "has no verdict of the gate" in str(failure.step_failure_data.user_failure_data)
    assert (synced.root / "data" / "golden.duckdb").readlink() == link


def test_a_stage_of_another_run_is_refused(synced: World) -> None:
    link = (synced.root / "data" / "golden.duckdb").readlink()
    with synced.hub() as hub, open_instance(hub.config) as instance:
        result = (
            build_defs(hub)
            .resolve_job_def("build")
            .execute_in_process(
                instance=instance, raise_on_error=False, asset_selection=[dg.AssetKey(["golden", table]) for table in TABLES]
            )
        )
        failure = next(event for event in result.all_events if event.is_step_failure)
        assert "is being built by run" in str(failure.step_failure_data.user_failure_data)
    assert (synced.root / "data" / "golden.duckdb").readlink() == link


def test_a_run_whose_process_is_dead_is_failed_and_its_slots_are_freed(world: World) -> None:
    with world.hub() as hub, open_instance(hub.config) as instance:
        job = build_defs(hub).resolve_job_def("sync_stripe")
        dead = instance.create_run_for_job(job, tags={**process_tags(), "hub/pid": "999999999"})
        alive = instance.create_run_for_job(job, tags=process_tags())
        for run in (dead, alive):
            instance.report_run_canceling(run)
        assert clear_dead_runs(instance) == [dead.run_id]
        found = instance.get_run_by_id(dead.run_id)
        assert found is not None
        assert found.is_failure


def test_no_secret_and_no_personal_value_is_in_the_event_log_or_the_landing_zone(
    first_day: Path, synced: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_STRIPE_API_KEY", "sk_test_a_wrong_one_0815")
    assert set(synced.sync().errors) == {"stripe"}
    secrets = {*credentials.env().values(), "sk_test_a_wrong_one_0815"}
    people = {row[0] for row in synced.ask("SELECT id_value FROM golden.customer_identifier WHERE id_type IN ('email', 'phone')")}
    people |= {row[0] for row in synced.ask("SELECT DISTINCT family_name FROM golden.customer WHERE length(family_name) > 6")}
    assert len(people) > 100
    for path in (*_files(first_day / "var" / "dagster"), *_files(synced.root / "var" / "dagster")):
        content = path.read_bytes().decode(errors="ignore")
        assert [word for word in secrets | people if word in content] == [], path
    for path in _files(synced.root / "data"):
        content = path.read_bytes().decode(errors="ignore")
        assert [word for word in secrets if word in content] == [], path


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def test_the_packaged_instance_keeps_to_its_folder_and_reports_to_nobody(world: World) -> None:
    with world.hub() as hub, open_instance(hub.config) as instance:
        assert instance.root_directory == str(world.root / "var" / "dagster")
        assert instance.get_settings("telemetry") == {"enabled": False}
    text = (world.root / "var" / "dagster" / "dagster.yaml").read_text()
    assert not re.search(r"^\s+base_dir: var/", text, re.MULTILINE)
