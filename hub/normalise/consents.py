"""Consent signals as sources tell them -> the words and identifiers of staging.consent, for a whole relation at once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import duckdb

from hub.normalise.parties import normalise_parties

_AS_PARTY = "normalise_consent_party"
_NORMALISED = "normalise_consent_done"


def normalise_consents(con: duckdb.DuckDBPyConnection, relation: str, country: str | None) -> None:
    """Bring purpose, channel, status and identifier of a relation of consent signals to the hub's words, in place.

    An identifier goes through the very normaliser that parties go through, so that it equals the e-mail address or phone number of
    the record it is about; one that cannot be read is kept in lower case, and is equal to itself.

    Args:
        con: a connection to the working warehouse.
        relation: temp table with row_no and the columns of staging.consent.
        country: ISO code of the source's country, for phone numbers that name none; None where it has none.
    """
    con.execute(_macros())
    con.execute(
        f"UPDATE {relation} SET channel = consent_channel(channel), status = consent_status(status),"
        " purpose = coalesce(nullif(consent_word(purpose), ''), 'marketing'), is_kept = coalesce(is_kept, false)"
    )
    if con.execute(f"SELECT count(*) FROM {relation} WHERE identifier IS NOT NULL").fetchall() == [(0,)]:
        return
    con.execute(_sql("consent_party").format(relation=relation, target=_AS_PARTY), {"country": country})
    normalise_parties(con, _AS_PARTY, _NORMALISED)
    con.execute(
        f"UPDATE {relation} AS c SET identifier = coalesce(n.email_norm, n.phone_e164, lower(trim(c.identifier)))"
        f" FROM {_NORMALISED} AS n WHERE n.record_key = c.row_no::VARCHAR"
    )
    con.execute(f"DROP TABLE {_AS_PARTY}")
    con.execute(f"DROP TABLE {_NORMALISED}")


@cache
def _macros() -> str:
    return _sql("consents")


def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
