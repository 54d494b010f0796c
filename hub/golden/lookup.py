"""Finding a customer by whatever somebody has at hand, and everything a person wants to see of them. Reads a published load."""

from __future__ import annotations

from typing import Any

import duckdb

from hub.golden.build import sql
from hub.normalise import normalise_email, normalise_phone


def find_customers(con: duckdb.DuckDBPyConnection, key: str, *, region: str | None = None) -> list[str]:
    """The customers a key speaks of: any customer ID ever issued, a record key or source record ID, an e-mail or a phone number.

    The kinds are tried in that order and the first that finds something answers, so that an ID never turns into a search.

    Args:
        region: ISO country for phone numbers without a country code.
    """
    by_id = con.execute("SELECT current_customer_id FROM identity.customer_registry WHERE customer_id = ?", [key]).fetchall()
    if by_id:
        return [by_id[0][0]]
    by_record = con.execute(
        "SELECT DISTINCT r.current_customer_id FROM identity.customer_xref x JOIN identity.customer_registry r USING (customer_id)"
        " WHERE x.record_key = $key OR x.source_record_id = $key"
        " QUALIFY row_number() OVER (PARTITION BY x.record_key ORDER BY x.is_current DESC, x.valid_from DESC) = 1 ORDER BY 1",
        {"key": key},
    ).fetchall()
    if by_record:
        return [row[0] for row in by_record]
    wanted = [("email", normalise_email(key).value), ("phone", normalise_phone(key, region).value)]
    for id_type, value in wanted:
        if value is None:
            continue
        found = con.execute(
            "SELECT DISTINCT customer_id FROM golden.customer_identifier WHERE id_type = ? AND id_value = ? ORDER BY 1",
            [id_type, value],
        ).fetchall()
        if found:
            return [row[0] for row in found]
    return []


def customer_card(con: duckdb.DuckDBPyConnection, customer_id: str) -> dict[str, Any]:
    """A customer's golden row with aggregates, the source records behind it, where each value comes from, and the timeline."""
    return {
        "customer": next(iter(_rows(con, "SELECT * FROM golden.customer_360 WHERE customer_id = ?", customer_id)), None),
        "records": _rows(
            con,
            "SELECT record_key, link_reason, match_probability, valid_from FROM identity.customer_xref x"
            " WHERE is_current AND customer_id = ? ORDER BY record_key",
            customer_id,
        ),
        "values": _rows(
            con,
            "SELECT attribute, value, record_key, survivorship_rule, override_id FROM golden.customer_attribute"
            " WHERE is_winner AND customer_id = ? ORDER BY attribute",
            customer_id,
        ),
        "overrides": _rows(
            con,
            "SELECT override_id, attribute, action, anchor_record_key, state, overruled_by, created_by, created_at, expires_at,"
            " reason FROM golden.attribute_override WHERE customer_id = ? AND state NOT IN ('revoked', 'expired')"
            " ORDER BY attribute, created_at, override_id",
            customer_id,
        ),
        "conflicts": _rows(
            con,
            "SELECT attribute, distinct_values, source_count, is_settled, candidates FROM golden.conflicting_attribute"
            " WHERE customer_id = ? ORDER BY attribute",
            customer_id,
        ),
        "timeline": _rows(con, sql("timeline"), customer_id),
        "former_ids": [
            row["old_customer_id"]
            for row in _rows(
                con, "SELECT old_customer_id FROM identity.customer_redirect WHERE customer_id = ? ORDER BY 1", customer_id
            )
        ],
    }


def _rows(con: duckdb.DuckDBPyConnection, query: str, customer_id: str) -> list[dict[str, Any]]:
    cursor = con.execute(query, [customer_id])
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
