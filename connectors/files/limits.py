"""How far a file may unfold: a few kilobytes can be packed so that they become more than any disk holds.

A file is refused for what its own directory says of it, before anything is unpacked, or as soon as more has come out of it than
may.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from connectors.files.rows import Place
from hub.contract.errors import SourceDataError

_MEGABYTE = 1024 * 1024
# what is small however it was packed does no harm: much of a small file may be one repeated word
_HARMLESS = 64 * _MEGABYTE
_SETTING = "if it is right as it is, raise limits.{} of the source in hub.yaml"
# the largest sheet that Excel knows
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384


class Limits(BaseModel):
    """What one file may become."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_ratio: int = Field(200, ge=1, description="how many times its packed size a file may unpack to, above 64 MB")
    max_unpacked_mb: int = Field(20_480, ge=1, description="what a file may unpack to")
    max_workbook_mb: int = Field(1_024, ge=1, description="what a workbook of Excel may unpack to")
    max_columns: int = Field(MOST_COLUMNS, ge=1, description="columns that a file may have")

    def check(self, unpacked: int, packed: int | None, place: Place, *, workbook: bool = False) -> None:
        """Raise `SourceDataError` if so many bytes are more than may come of so many; ``packed`` None: nobody knows how many."""
        most, name = (self.max_workbook_mb, "max_workbook_mb") if workbook else (self.max_unpacked_mb, "max_unpacked_mb")
        if unpacked > most * _MEGABYTE:
            raise _refused(place, f"more than {most:,} MB are packed", name)
        if packed is not None and unpacked > max(_HARMLESS, self.max_ratio * packed):
            raise _refused(place, f"more than {self.max_ratio} times its size is packed", "max_ratio")

    def columns(self, count: int, place: Place) -> None:
        """Raise `SourceDataError` if these are too many columns."""
        if count > self.max_columns:
            raise _refused(place, f"{count:,} columns are", "max_columns")


def _refused(place: Place, what: str, setting: str) -> SourceDataError:
    return place.error(what, field=f"limits.{setting}", remedy=f"nothing more of it is read; {_SETTING.format(setting)}")


class Counted(io.RawIOBase):
    """What comes out of a packed file, and no more of it than may.

    Args:
        inside: gives it.
        packed: size of the packed file in bytes, as far as it is known.
    """

    def __init__(self, inside: Any, packed: int | None, limits: Limits, place: Place) -> None:
        self._inside, self._packed, self._limits, self._place, self._at = inside, packed, limits, place, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._inside.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = int(self._inside.seek(offset, whence))
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        count: int = self._inside.readinto(buffer)
        self._at += count
        self._limits.check(self._at, self._packed, self._place)
        return count

    def close(self) -> None:
        self._inside.close()
        super().close()


def check_workbook(stream: BinaryIO, limits: Limits, place: Place) -> None:
    """Raise `SourceDataError` if the parts of a workbook are together more than may be. No more of a part than its directory says
    is ever unpacked. Raises `zipfile.BadZipFile` of what is none.
    """
    with zipfile.ZipFile(stream) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    limits.check(unpacked, stream.seek(0, os.SEEK_END), place, workbook=True)
    stream.seek(0)


def check_parquet(meta: Any, packed: int | None, limits: Limits, place: Place) -> None:
    """Raise `SourceDataError` if the values that a Parquet file says it holds are more than may be.

    Args:
        meta: pyarrow's `FileMetaData`.
    """
    limits.columns(meta.num_columns, place)
    unpacked = 0
    for group in map(meta.row_group, range(meta.num_row_groups)):
        # an empty list takes no byte in the file, and eight in the memory
        nested = sum(max(0, group.column(at).num_values - group.num_rows) for at in range(group.num_columns))
        unpacked += max(group.total_byte_size, 0) + 8 * nested
    limits.check(max(unpacked, meta.num_rows), packed, place)
