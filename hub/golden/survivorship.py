"""Survivorship: of all values that a customer's records hold, which one is golden, and by which rule it won.

Every candidate is kept in golden.customer_attribute with its source record and rank, so that a golden value can always be
explained. Rules are applied as a lexicographic order (as in Informatica MDM and Reltio); value and record key settle what is left,
so the result does not depend on the order of rows.
"""

from __future__ import annotations

import duckdb

from hub.golden.settings import GROUPS, SINGLE_ATTRIBUTES, Rule, SurvivorshipSettings

# How good a value is by itself; greater is better. The status columns are normalisation's verdict.
_VERIFIED = {
    # a mailbox of one's own beats info@
    "email": "CASE WHEN p.email_status = 'valid' AND NOT p.email_is_role THEN 2 WHEN p.email_status = 'valid' THEN 1 ELSE 0 END",
    "phone_e164": "CASE p.phone_status WHEN 'valid' THEN 2 WHEN 'possible' THEN 1 ELSE 0 END",
    "company_name": "CASE WHEN p.company_key IS NOT NULL THEN 1 ELSE 0 END",
    "birth_date": "1",
    "tax_id": "1",
    "locale": "1",
    "name": "(p.given_key IS NOT NULL)::INT + (p.family_key IS NOT NULL)::INT + (coalesce(length(p.given_key), 0) > 1)::INT",
    "address": (
        "(p.street_key IS NOT NULL)::INT + (p.postal_key IS NOT NULL)::INT"
        " + (p.city_key IS NOT NULL)::INT + (p.country_code IS NOT NULL)::INT"
    ),
}
_VALUE = {"email": "p.email_norm"}
_DDL = """CREATE OR REPLACE TABLE golden.customer_attribute (
  customer_id VARCHAR NOT NULL, attribute VARCHAR NOT NULL, value VARCHAR NOT NULL, record_key VARCHAR NOT NULL,
  source_system VARCHAR NOT NULL, source_updated_at TIMESTAMP, is_winner BOOLEAN NOT NULL, survivorship_rule VARCHAR NOT NULL,
  rank_no BIGINT NOT NULL, validation_status VARCHAR)"""


def rank_attributes(con: duckdb.DuckDBPyConnection, settings: SurvivorshipSettings, sources: tuple[str, ...]) -> None:
    """Fill golden.customer_attribute from staging.party_record and the current crosswalk.

    Args:
        sources: all sources, in hub.yaml's order; the priority where the settings name none.
    """
    con.execute(_DDL)
    priority = list(settings.source_priority) + [name for name in sources if name not in settings.source_priority]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE source_priority AS"
        " SELECT unnest($names) AS source_system, unnest(range(len($names))) AS position",
        {"names": priority},
    )
    for attribute in SINGLE_ATTRIBUTES:
        con.execute(_ranking(attribute, (attribute,), settings.rules(attribute)))
    for group, members in GROUPS.items():
        con.execute(_ranking(group, members, settings.rules(group)))


def _term(rule: Rule, name: str, whole: str) -> str:
    """A rule as a number per candidate, greater is better."""
    match rule:
        case "verified":
            return _VERIFIED[name]
        case "source_priority":
            return "-coalesce((SELECT position FROM source_priority s WHERE s.source_system = p.source_system), 1000000)"
        case "recency":
            return "coalesce(epoch_us(p.source_updated_at), -9223372036854775808)"
        case "oldest":
            return "-coalesce(epoch_us(p.source_updated_at), 9223372036854775807)"
        case "longest":
            return f"length({whole})"
        case "frequency":
            return (
                f"(SELECT count(DISTINCT o.source_system) FROM member o WHERE o.customer_id = p.customer_id AND o.whole = {whole})"
            )


def _ranking(name: str, members: tuple[str, ...], rules: tuple[Rule, ...]) -> str:
    """INSERT that ranks the records of each customer for one attribute, or for a group whose members win together."""
    values = [_VALUE.get(member, f"p.{member}") for member in members]
    whole = values[0] + "::VARCHAR" if len(values) == 1 else f"nullif(concat_ws(' ', {', '.join(values)}), '')"
    terms = [f"{_term(rule, name, 'p.whole')} AS term_{i}" for i, rule in enumerate(rules)]
    order = ", ".join([*(f"term_{i} DESC" for i in range(len(rules))), "whole", "record_key"])
    # the winner is compared with the runner-up, every other candidate with the winner
    decided = " ".join(
        f"WHEN term_{i} <> CASE WHEN rank_no = 1 THEN next_{i} ELSE best_{i} END THEN '{rule}'" for i, rule in enumerate(rules)
    )
    neighbours = ", ".join(
        f"lead(term_{i}) OVER w AS next_{i}, first_value(term_{i}) OVER w AS best_{i}" for i in range(len(rules))
    )
    status = {"email": "email_status", "phone_e164": "phone_status"}.get(name, "NULL::VARCHAR")
    picked = " UNION ALL ".join(
        f"SELECT customer_id, '{member}' AS attribute, {value}::VARCHAR AS value, record_key, source_system,"
        f" source_updated_at, rank_no, rule, {status} AS validation_status FROM judged p WHERE {value} IS NOT NULL"
        for member, value in zip(members, values, strict=True)
    )
    return f"""
    INSERT INTO golden.customer_attribute
    WITH member AS (
      SELECT p.*, x.customer_id, {whole} AS whole
      FROM staging.party_record p JOIN owner_current x USING (record_key)
      WHERE {whole} IS NOT NULL
    ), termed AS (
      SELECT p.*, {", ".join(terms)} FROM member p
    ), ranked AS (
      SELECT *, row_number() OVER w AS rank_no, count(*) OVER (PARTITION BY customer_id) AS candidates, {neighbours}
      FROM termed WINDOW w AS (PARTITION BY customer_id ORDER BY {order})
    ), judged AS (
      SELECT *, CASE WHEN candidates = 1 THEN 'only_candidate' {decided} ELSE 'tie_break' END AS rule FROM ranked
    ), picked AS ({picked})
    SELECT customer_id, attribute, value, record_key, source_system, source_updated_at, rank_no = 1, rule, rank_no,
           validation_status
    FROM picked"""
