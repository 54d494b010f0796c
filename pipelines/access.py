"""Who may read what of a target: the roles of analysts, stewards and ops, and the script that gives their rights to them.

A masked target holds nothing that a role would have to be kept from. In one that holds persons, analysts have no business; ops
reads how syncs, checks and loads went, and of that no column that is personal or sensitive.
"""

from __future__ import annotations

from hub.contract.errors import ConfigError
from hub.golden.dictionary import table_docs
from pipelines.context import Hub
from pipelines.targets import all_specs, settings_of
from warehouse.targets.grants import Rights, mysql_script, postgres_script
from warehouse.targets.server import Server

ROLES = ("analyst", "steward", "ops")
_OF_OPS = ("quality", "ops")  # schemas
_ALSO_OF_OPS = ("identity.resolution_run",)


def rights(tables: tuple[str, ...], *, masked: bool, prefix: str) -> list[Rights]:
    """What each role may read of a target.

    Args:
        tables: that the target gets, as ``schema.name``.
        masked: whether it gets them without personal data.
        prefix: of the names of roles.
    """
    schemas = tuple(dict.fromkeys(table.partition(".")[0] for table in tables))
    if masked:
        return [Rights(f"{prefix}{role}", schemas, {}) for role in ROLES]
    docs = {str(doc): doc for doc in table_docs().values()}
    of_ops = [table for table in tables if table.partition(".")[0] in _OF_OPS or table in _ALSO_OF_OPS]
    plain = {
        table: [column.name for column in docs[table].columns if column.sensitivity in ("public", "internal")] for table in of_ops
    }
    return [Rights(f"{prefix}analyst", (), {}), Rights(f"{prefix}steward", schemas, {}), Rights(f"{prefix}ops", (), plain)]


def grants(hub: Hub, target: str, *, prefix: str = "hub_") -> str:
    """The script for a target's server; it ends with what is left to do by hand.

    Raises:
        ConfigError: hub.yaml has no target of that name, or its system is none that has such a script.
    """
    settings = settings_of(hub, target)
    server = Server(settings)
    tables = tuple(str(spec) for spec in all_specs() if settings.tables.chosen(str(spec)))
    given = rights(tables, masked=settings.masked, prefix=prefix)
    schemas = tuple(dict.fromkeys([*(table.partition(".")[0] for table in tables), "ops"]))
    if server.system == "postgresql":
        statements = ["BEGIN", *postgres_script(given, schemas, server.prefix, server.url.username), "COMMIT"]
        last = f"then, for each person:  GRANT {prefix}analyst TO ann;"
    elif server.system == "mysql":
        statements = list(mysql_script(given, schemas, server.prefix))
        last = (
            f"then, for each person:  GRANT {prefix}analyst TO ann;  and SET DEFAULT ROLE {prefix}analyst FOR ann;"
            " (MySQL: ... TO ann)"
        )
    else:
        raise ConfigError(
            f"rights on {server.system} are not known",
            field=f"publish.{target}.url",
            remedy="grant them by hand; see docs/privacy.md",
        )
    what = (
        "without personal data: every role reads all of it" if settings.masked else "with personal data: analysts read none of it"
    )
    head = [
        f"-- Rights to the tables of target {target}, {what}.",
        "-- Made by hub access grants; run it as the user who publishes or as an administrator, after the first publish and",
        "-- after each upgrade.",
    ]
    return "\n".join([*head, *(f"{statement};" for statement in statements), f"-- {last}"]) + "\n"
