"""Files to rows, a batch at a time, with whatever cannot be read beside them; which reader it takes is told by the name.

What a row means, and which files are read, is not decided here. A file is judged before its first row is given: a column that
hub.yaml names and the file lacks is an error then.
"""

from __future__ import annotations

import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from connectors.files.csv import read_csv
from connectors.files.json import read_json_lines
from connectors.files.limits import Limits
from connectors.files.packed import unpacked
from connectors.files.parquet import read_parquet
from connectors.files.progress import FoundFile
from connectors.files.remote import FileChanged
from connectors.files.rows import Batches, Place, Position, Shape
from connectors.files.settings import COMPRESSED, EXTENSIONS
from connectors.files.xlsx import read_xlsx
from hub.contract.errors import ConfigError, HubError

_TEXT = {".csv": read_csv, ".tsv": read_csv, ".jsonl": read_json_lines, ".ndjson": read_json_lines}
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def read_batches(
    file: FoundFile, shape: Shape, place: Place, after: Position | None = None, limits: Limits | None = None
) -> Batches:
    """Open a file and give its rows after a position.

    Args:
        limits: how far it may unfold.

    Raises:
        SourceDataError: at once: the file cannot be opened, lacks a column or would unfold too far; later: it breaks off, or does.
        ConfigError: its extension is not one we read.
    """
    try:
        return _guarded(_reader(file, place, limits or Limits())(shape, place, after), place)
    except HubError:
        raise
    except _BROKEN as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise place.error(f"cannot read the file ({reason})", remedy="check that it is whole and readable") from error


def _guarded(batches: Batches, place: Place) -> Batches:
    try:
        yield from batches
    except HubError:
        raise
    except FileChanged as error:
        raise place.error("the storage replaced the file while it was read", remedy="run the sync again") from error
    except _BROKEN as error:
        raise place.error(f"the file breaks off ({type(error).__name__})", remedy="export it again") from error


def _reader(file: FoundFile, place: Place, limits: Limits) -> Callable[[Shape, Place, Position | None], Batches]:
    suffixes = [suffix.lower() for suffix in PurePosixPath(file.name).suffixes]
    last = suffixes[-1] if suffixes else ""
    inner = suffixes[-2] if last in COMPRESSED and len(suffixes) > 1 else last
    if inner in _TEXT and (inner == last or last in COMPRESSED):
        opened = partial(_seekable, file) if last == ".zip" else file.open  # its table of contents is at its end
        return lambda shape, place, after: _TEXT[inner](
            lambda: unpacked(opened(), last, place, limits, file.size), shape, place, after, limits
        )
    if last == ".parquet":
        return lambda shape, place, after: read_parquet(
            lambda: file.path or _seekable(file), shape, place, after, limits, file.size
        )
    if last in (".xlsx", ".xlsm"):
        return lambda shape, place, after: read_xlsx(lambda: _seekable(file, whole=True), shape, place, after, limits)
    raise ConfigError(
        f"{''.join(suffixes[-2:]) or 'files without an extension'}: {place.file} is of no type we read",
        source=place.source,
        stream=place.stream,
        field="path",
        remedy=f"save it as one of {', '.join(EXTENSIONS)}",
    )


def _seekable(file: FoundFile, *, whole: bool = False) -> BinaryIO:
    """A stream that jumps about cheaply: a copy on this machine's disk if the file's own does not, or is read all over."""
    stream = file.open()
    if file.path is not None or (file.seekable and not whole):
        return stream
    with stream:
        copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the reader closes it
        shutil.copyfileobj(stream, copy, 1024 * 1024)
        copy.seek(0)
        return copy
