"""The file of exchange rates that `reporting.rates` names: found, read as it is, and told from what it was before.

What its columns mean is the hub's to know (`hub.golden.rates`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from hub.contract.errors import ConfigError
from hub.golden import ReportingSettings

if TYPE_CHECKING:
    import pyarrow as pa

_FIELD = "reporting.rates"


def read_rates(settings: ReportingSettings) -> pa.Table | None:
    """The rates as they stand in the file, or None where none are set.

    Raises:
        ConfigError: the file is not there, or is neither CSV nor Parquet.
    """
    if settings.rates is None:
        return None
    path = _there(settings.rates)
    reader = {".csv": "read_csv(?, header = true, all_varchar = true)", ".parquet": "read_parquet(?)"}.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"cannot read {path.name}", field=_FIELD, remedy="name a .csv or .parquet file")
    try:
        with duckdb.connect() as con:
            return con.sql(f"SELECT * FROM {reader}", params=[str(path)]).to_arrow_table()
    except duckdb.Error as error:
        raise ConfigError(
            f"cannot read {path.name} ({str(error).splitlines()[0]})", field=_FIELD, remedy="mend the file"
        ) from error


def rates_digest(settings: ReportingSettings) -> str | None:
    """A digest of the file's content, None where no rates are set. Raises `ConfigError` if the file is not there."""
    if settings.rates is None:
        return None
    return hashlib.blake2b(_there(settings.rates).read_bytes(), digest_size=16).hexdigest()


def _there(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(f"there is no file {path}", field=_FIELD, remedy="put it there, or take the key out")
    return path
