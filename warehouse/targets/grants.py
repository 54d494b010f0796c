"""Rights of roles to the tables of a target, as a script for its server: whoever administers it reads the script, then runs it.

Roles may be of several targets on one server; a script speaks of its own target only, and running it again changes nothing. On both
systems the rights outlive a publish: PostgreSQL's tables stay the same tables, MySQL's rights are by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warehouse.targets.mysql_ddl import name_of as mysql_name
from warehouse.targets.postgres_ddl import name_of as postgres_name
from warehouse.targets.postgres_ddl import names_of as postgres_names


@dataclass(frozen=True)
class Rights:
    """What a role may read.

    Attributes:
        schemas: read whole, with whatever tables come to be there.
        columns: columns of tables (``schema.name``) of other schemas, and no others.
    """

    role: str
    schemas: tuple[str, ...]
    columns: Mapping[str, Sequence[str]]


def postgres_script(rights: Sequence[Rights], schemas: Sequence[str], prefix: str, publisher: str | None) -> Iterator[str]:
    """Statements for PostgreSQL.

    Args:
        schemas: all of the target's, without the prefix.
        publisher: the user who makes the tables; None for whoever runs the script.
    """
    places = postgres_names(prefix + schema for schema in schemas)
    roles = postgres_names(right.role for right in rights)
    for right in rights:
        name = postgres_name(right.role)
        yield f"DO $$ BEGIN CREATE ROLE {name} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {places} FROM PUBLIC, {roles}"
    yield f"REVOKE ALL ON SCHEMA {places} FROM PUBLIC, {roles}"
    made_by = f"FOR ROLE {postgres_name(publisher)} " if publisher else ""
    default = f"ALTER DEFAULT PRIVILEGES {made_by}IN SCHEMA"
    yield f"{default} {places} REVOKE ALL ON TABLES FROM {roles}"
    for right in rights:
        name = postgres_name(right.role)
        entered = dict.fromkeys([*right.schemas, *(table.partition(".")[0] for table in right.columns)])
        if entered:
            yield f"GRANT USAGE ON SCHEMA {postgres_names(prefix + schema for schema in entered)} TO {name}"
        if right.schemas:
            whole = postgres_names(prefix + schema for schema in right.schemas)
            yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {whole} TO {name}"
            yield f"{default} {whole} GRANT SELECT ON TABLES TO {name}"
        for table, columns in right.columns.items():
            schema, _, table_name = table.partition(".")
            place = f"{postgres_name(prefix + schema)}.{postgres_name(table_name)}"
            yield f"GRANT SELECT ({postgres_names(columns)}) ON {place} TO {name}"


def mysql_script(rights: Sequence[Rights], schemas: Sequence[str], prefix: str) -> Iterator[str]:
    """Statements for MySQL and MariaDB. There a schema is a database, and _ in the name of one stands for any character."""
    for right in rights:
        yield f"CREATE ROLE IF NOT EXISTS {mysql_name(right.role)}"
    for right in rights:
        name = mysql_name(right.role)
        for schema in schemas:
            place = mysql_name((prefix + schema).replace("_", "\\_"))
            if schema in right.schemas:
                yield f"GRANT SELECT ON {place}.* TO {name}"
            else:
                # what was never granted cannot be revoked, so something harmless is granted first
                yield f"GRANT SHOW VIEW ON {place}.* TO {name}"
                yield f"REVOKE SELECT, SHOW VIEW ON {place}.* FROM {name}"
        for table, columns in right.columns.items():
            schema, _, table_name = table.partition(".")
            listed = ", ".join(mysql_name(column) for column in columns)
            yield f"GRANT SELECT ({listed}) ON {mysql_name(prefix + schema)}.{mysql_name(table_name)} TO {name}"
