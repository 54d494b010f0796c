"""staging.normalised_value: what the libraries said of each value, so that a later sync asks only about values never seen.

Which values need a library is the callers' affair; how one is normalised, the other modules'.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version

import duckdb

from hub.normalise import companies, countries, emails, names, phones
from hub.normalise.values import INVALID, Normalised, fold

_RULES = "1"  # raise it when a rule of this package changes what a value becomes
_LIBRARIES = ("anyascii", "babel", "cleanco", "email-validator", "nameparser", "phonenumbers", "pycountry")
NORMALISER_VERSION = " ".join([f"rules {_RULES}", *(f"{library} {version(library)}" for library in _LIBRARIES)])


def _said(value: str | None) -> Normalised:
    return Normalised(value, None, "valid") if value else INVALID


_NORMALISERS: dict[str, Callable[[str, str], Normalised]] = {
    "case": lambda raw, _: _said(names.title_case(raw)),
    "company": lambda raw, _: _said(companies.without_legal_form(raw)),
    "country": lambda raw, _: _said(countries.country_code(raw)),
    "email": lambda raw, _: emails.normalise_email(raw),
    "fold": lambda raw, _: Normalised(fold(raw), None, "valid"),
    "name": lambda raw, _: _said(json.dumps(names.split_name(raw).as_dict(), ensure_ascii=False)),
    "phone": lambda raw, region: phones.normalise_phone(raw, region or None),
}


def learn(con: duckdb.DuckDBPyConnection, wanted: str) -> int:
    """See to it that the temp table ``normalise_known`` holds what is known of the wanted values; ask the libraries for the rest.

    Args:
        wanted: a query that yields id_type, raw_value and region_hint ('' for none); NULL values are passed over.

    Returns:
        How many values the libraries were asked for.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE normalise_wanted AS SELECT DISTINCT * FROM ({wanted}) WHERE raw_value IS NOT NULL")
    unseen = con.execute(
        "SELECT * FROM normalise_wanted ANTI JOIN (FROM staging.normalised_value WHERE normaliser_version = $version)"
        " USING (id_type, raw_value, region_hint) ORDER BY ALL",
        {"version": NORMALISER_VERSION},
    ).fetchall()
    if unseen:
        _store(con, unseen)
    con.execute(
        "INSERT INTO normalise_known BY NAME SELECT id_type, raw_value, region_hint, norm_value, match_key, status"
        " FROM staging.normalised_value SEMI JOIN normalise_wanted USING (id_type, raw_value, region_hint)"
    )
    con.execute("DROP TABLE normalise_wanted")
    return len(unseen)


def _store(con: duckdb.DuckDBPyConnection, unseen: list[tuple[str, str, str]]) -> None:
    import pyarrow as pa

    learnt = [_NORMALISERS[id_type](raw, region) for id_type, raw, region in unseen]
    id_types, raws, regions = zip(*unseen, strict=True)
    columns = {
        "id_type": id_types,
        "raw_value": raws,
        "region_hint": regions,
        "norm_value": [n.value for n in learnt],
        "match_key": [n.key for n in learnt],
        "status": [n.status for n in learnt],
        "normaliser_version": [NORMALISER_VERSION] * len(learnt),
    }
    con.register("normalise_learnt", pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}))
    # what an older version said of a value is replaced; values no source sends any more keep theirs and are not read
    con.execute("INSERT OR REPLACE INTO staging.normalised_value BY NAME FROM normalise_learnt")
    con.unregister("normalise_learnt")
