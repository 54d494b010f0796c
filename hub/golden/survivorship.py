"""Survivorship: of all values that a customer's records hold, which one is golden, and by which rule it won.

Every candidate is kept in golden.customer_attribute with its source record and rank, so that a golden value can always be
explained. Rules are applied as a lexicographic order (as in Informatica MDM and Reltio):

1. what a steward said: a pinned or written value, the newest first; an ignored one is last and never wins;
2. a role mailbox stands behind every mailbox of one's own;
3. the configured rules, in their order;
4. the newer source time, then the lesser value, then the lesser record key: no two candidates are equal in all of these,
   so the result does not depend on the order of rows.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.resources import files

import duckdb

from hub.golden.attributes import ATTRIBUTES, DECIDED_BY, Attribute
from hub.golden.maker import Maker
from hub.golden.rules import Rule
from hub.golden.settings import OTHERS, GoldenSettings, SurvivorshipSettings, Trusted
from hub.golden.text import over

_COLUMNS = """customer_id VARCHAR NOT NULL, attribute VARCHAR NOT NULL, value VARCHAR NOT NULL, record_key VARCHAR NOT NULL,
  source_system VARCHAR NOT NULL, source_updated_at TIMESTAMP, is_winner BOOLEAN NOT NULL, survivorship_rule VARCHAR NOT NULL,
  rank_no BIGINT NOT NULL, validation_status VARCHAR, is_verified BOOLEAN, agrees_with_winner BOOLEAN, trust_score DOUBLE,
  trust_floor DOUBLE, trust_half_life_days INTEGER, override_id VARCHAR"""
_TABLE = "customer_attribute"
# what the ranking reads where only touched customers are ranked anew
TOUCHED = {"staging.party_record": "person_record", "owner_current": "person_owner", "setting": "person_setting"}
_OVERRIDE = {
    **dict.fromkeys(("override_id", "anchor_record_key", "attribute", "action", "value", "reason", "created_by"), "VARCHAR"),
    **dict.fromkeys(("created_at", "expires_at", "revoked_at"), "TIMESTAMP"),
    **dict.fromkeys(("revoked_by", "revoke_reason"), "VARCHAR"),
}
_NO_OVERRIDES = f"(SELECT {', '.join(f'NULL::{type_} AS {name}' for name, type_ in _OVERRIDE.items())} WHERE false)"
_SUPPORT = """supported AS (
  SELECT customer_id, value_key, count(DISTINCT source_system) AS sources
  FROM candidate WHERE action IS NULL OR action = 'pin' GROUP BY ALL
), """
_TRUST_JOIN = """LEFT JOIN (
  SELECT * EXCLUDE (attribute) RENAME (source_system AS trusted_source) FROM source_trust WHERE attribute = '{name}'
) t ON action IS DISTINCT FROM 'set' AND trusted_source =
  CASE WHEN source_system IN (SELECT source_system FROM source_trust) THEN source_system ELSE '*' END"""
_TRUST_KEPT = "CASE WHEN quality < {best} THEN 1 - t.downgrade ELSE 1 END"
_TRUST_COLUMNS = (
    f"t.max * {_TRUST_KEPT} AS trust_score, t.min * {_TRUST_KEPT} AS trust_floor, t.half_life_days AS trust_half_life_days"
)
_NO_TRUST = "NULL::DOUBLE AS trust_score, NULL::DOUBLE AS trust_floor, NULL::INTEGER AS trust_half_life_days"
# trust in a value on $day; rounded, so that no last digit of a power decides
TRUST_ON = """round(trust_floor + (trust_score - trust_floor) * CASE WHEN trust_half_life_days IS NULL THEN 1
  WHEN source_updated_at IS NULL THEN 0
  ELSE 0.5 ** (greatest(date_diff('day', source_updated_at::DATE, $day::DATE), 0) / trust_half_life_days::DOUBLE) END, 9)"""


@cache
def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def put_in_force(con: duckdb.DuckDBPyConnection, settings: GoldenSettings, now: datetime) -> None:
    """Make the temporary tables of what stewards said that is in force when the load begins: override_in_force, ruling, setting."""
    _run(con, _sql("override").replace("{overrides}", settings.overrides or _NO_OVERRIDES), now=now)


def rank_attributes(maker: Maker, settings: GoldenSettings, now: datetime) -> None:
    """Fill golden.customer_attribute and golden.attribute_override from staging.party_record, the crosswalk and the overrides.

    Where only touched rows are made anew, those are the candidates of the customers in ``touched_person``.

    Args:
        now: when the load began, UTC without zone: overrides expire and trust decays up to it, trust by whole days.
    """
    con = maker.con
    into = "ranked_value" if maker.partly else f"golden.{_TABLE}"
    kind, last = ("TEMP TABLE", "") if maker.partly else ("TABLE", ", load_id VARCHAR NOT NULL")
    con.execute(f"CREATE OR REPLACE {kind} {into} ({_COLUMNS}{last})")
    reads = TOUCHED if maker.partly else {}
    con.execute("CREATE OR REPLACE TEMP TABLE survivor (attribute VARCHAR, customer_id VARCHAR, record_key VARCHAR)")
    _weigh_sources(con, settings)
    survivorship = settings.survivorship
    followed = {rule.argument for name in ATTRIBUTES for rule in survivorship.rules(name) if rule.kind == "follow"}
    for name in survivorship.order():
        _run(con, _ranking(ATTRIBUTES[name], survivorship.rules(name), over(_sql("rank"), reads)), day=now.date())
        picked = " UNION ALL ".join(_picked(member.name) for member in ATTRIBUTES[name].members)
        con.execute(f"INSERT INTO {into} {picked if maker.partly else maker.stamped(_TABLE, picked)}")
        if name in followed:
            con.execute(
                "INSERT INTO survivor SELECT $name, customer_id, about FROM ranked WHERE is_winner",
                {"name": name},
            )
    if maker.partly:
        maker.exchange(_TABLE, into, "touched_person")
        con.execute(f"DROP TABLE {into}")
    maker.run(
        _sql("attribute_override").replace("{overrides}", settings.overrides or _NO_OVERRIDES),
        columns=list(DECIDED_BY),
        deciders=list(DECIDED_BY.values()),
    )
    con.execute("DROP TABLE ranked")


def _run(con: duckdb.DuckDBPyConnection, script: str, **values: object) -> None:
    for statement in con.extract_statements(script):
        con.execute(statement, {key: values[key] for key in statement.named_parameters})


def _weigh_sources(con: duckdb.DuckDBPyConnection, settings: GoldenSettings) -> None:
    """Tables source_priority (a source's place in line) and source_trust (how far it is trusted in each attribute)."""
    named = settings.survivorship.source_priority
    priority = [*named, *(name for name in settings.sources if name not in named)]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE source_priority AS"
        " SELECT unnest($names::VARCHAR[]) AS source_system, unnest(range(len($names))) AS position",
        {"names": priority},
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE source_trust (source_system VARCHAR, attribute VARCHAR, max DOUBLE, min DOUBLE,"
        " half_life_days INTEGER, downgrade DOUBLE)"
    )
    rows = [(source, name, *trusted) for source, name, trusted in _trusted(settings.survivorship)]
    if rows:
        con.executemany("INSERT INTO source_trust VALUES (?, ?, ?, ?, ?, ?)", rows)


def _trusted(settings: SurvivorshipSettings) -> list[tuple[str, str, Trusted]]:
    """How far each source is trusted in each attribute that goes by trust; whoever is not named is not trusted at all."""
    going = [name for name in ATTRIBUTES if any(rule.kind == "trust" for rule in settings.rules(name))]
    others = [] if OTHERS in settings.trust else [(OTHERS, name, Trusted(0.0, 0.0, None, 0.0)) for name in going]
    return others + [(source, name, trust.of(name)) for source, trust in settings.trust.items() for name in going]


def _term(rule: Rule, attribute: Attribute) -> str:
    """A rule as a value per candidate, greater is better, NULL least."""
    match rule.kind:
        case "verified":
            return "quality"
        case "source_priority":
            return "-coalesce(s.position, 1000000)"
        case "trust":
            return TRUST_ON
        case "recency":
            return "epoch_us(source_updated_at)"
        case "oldest":
            return "-epoch_us(source_updated_at)"
        case "longest":
            return "length(value)"
        case "frequency":
            return "f.sources"
        case "max" | "min":
            return attribute.members[0].name
        case "follow":
            return f"coalesce(about IN (SELECT record_key FROM survivor WHERE attribute = '{rule.argument}'), false)"
        case _:
            return f"TRY({rule.argument})"


def _ranking(attribute: Attribute, rules: tuple[Rule, ...], script: str) -> str:
    """The script that ranks the candidates of one attribute or group; `script` is what it is made of."""
    kinds = {rule.kind for rule in rules}
    terms = [("own_mailbox", "NOT is_fallback", "DESC")] if attribute.fallback != "false" else []
    terms += [(rule.kind, _term(rule, attribute), "ASC" if rule.kind == "min" else "DESC") for rule in rules]
    joins = [
        "LEFT JOIN source_priority s USING (source_system)" if "source_priority" in kinds else "",
        "LEFT JOIN supported f USING (customer_id, value_key)" if "frequency" in kinds else "",
        _TRUST_JOIN if "trust" in kinds else "",
    ]
    members = attribute.members
    shown = {m.name: m.value for m in members}
    if "expression" in kinds:
        shown |= {m.name: m.value for one in ATTRIBUTES.values() for m in one.members}
        shown |= {name: f"p.{name}" for name in ("stream", "record_role", "party_type", "source_created_at")}
    compared = [*(f"term_{i}" for i in range(len(terms))), "ruling"]
    neighbours = [f"lead({c}) OVER w AS next_{c}, first_value({c}) OVER w AS best_{c}" for c in compared]
    neighbours += [
        f"first_value({m.name}) OVER w AS best_{m.name}, first_value(key_{m.name}) OVER w AS best_key_{m.name}" for m in members
    ]
    said = {m.name: f"(s.value ->> '$.{m.name}')" if attribute.is_group else f"s.value::{m.type}" for m in members}
    parts = {
        "columns": ", ".join(f"{value} AS {name}" for name, value in shown.items()),
        "members": ", ".join(f"{m.name}, key_{m.name}" for m in members),
        "trust": _TRUST_COLUMNS if "trust" in kinds else _NO_TRUST,
        "value": _whole([m.value for m in members]),
        "key": _whole([m.key for m in members]),
        "keys": ", ".join(f"{m.key} AS key_{m.name}" for m in members),
        "quality": attribute.quality,
        "status": attribute.status,
        "verified": attribute.verified,
        "fallback": attribute.fallback,
        "eligible": attribute.eligible,
        "set_columns": ", ".join(f"{value} AS {name}" for name, value in said.items()),
        "set_value": _whole(list(said.values())),
        "set_keys": ", ".join(f"lower({value}::VARCHAR) AS key_{name}" for name, value in said.items()),
        "support": _SUPPORT if "frequency" in kinds else "",
        "terms": ", ".join(f"{sql} AS term_{i}" for i, (_, sql, _) in enumerate(terms)),
        "joins": " ".join(joins),
        "judged": ", ".join(f"{m.name}, {_agrees(m.name)} AS agrees_{m.name}" for m in members),
        "order": ", ".join(f"term_{i} {direction} NULLS LAST" for i, (_, _, direction) in enumerate(terms)),
        "neighbours": ", ".join(neighbours),
        "decided": " ".join(
            f"WHEN term_{i} IS DISTINCT FROM CASE WHEN rank_no = 1 THEN next_term_{i} ELSE best_term_{i} END THEN '{kind}'"
            for i, (kind, _, _) in enumerate(terms)
        ),
        # the last two stand in the texts above
        "name": attribute.name,
        "best": str(attribute.best),
    }
    for key, text in parts.items():
        script = script.replace("{" + key + "}", text)
    return script


def _whole(values: list[str]) -> str:
    return f"{values[0]}::VARCHAR" if len(values) == 1 else f"nullif(concat_ws(' ', {', '.join(values)}), '')"


def _agrees(name: str) -> str:
    """Whether a value is the winner's; NULL where none may win."""
    return f"CASE WHEN best_ruling >= 0 THEN coalesce({name} = best_{name} OR key_{name} = best_key_{name}, false) END"


def _picked(name: str) -> str:
    """The candidates of one golden column."""
    return (
        f"SELECT customer_id, '{name}' AS attribute, {name}::VARCHAR AS value, record_key, source_system, source_updated_at,"
        f" is_winner, rule AS survivorship_rule, rank_no, validation_status, is_verified, agrees_{name} AS agrees_with_winner,"
        " trust_score, trust_floor, trust_half_life_days, override_id"
        f" FROM ranked WHERE {name} IS NOT NULL"
    )
