"""Compressed files: what is inside, as a stream, unpacked as it is read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from typing import Any, BinaryIO, cast

from connectors.files.limits import Counted, Limits
from connectors.files.rows import Place


class _Inside(io.BufferedReader):
    """What is inside; closes what it is in too."""

    def __init__(self, inside: Any, outside: BinaryIO) -> None:
        super().__init__(inside, buffer_size=256 * 1024)
        self._outside = outside

    def close(self) -> None:
        super().close()
        self._outside.close()


def unpacked(stream: BinaryIO, suffix: str, place: Place, limits: Limits, size: int | None) -> BinaryIO:
    """What is in a compressed stream, by its file's extension; the stream itself if that is none of a compressed file.

    Args:
        size: of the compressed file in bytes, as far as it is known.

    Raises:
        SourceDataError: an archive that does not hold one file, or has a password; or, as it is read, more comes out than may.
    """
    match suffix:
        case ".gz":
            inside: Any = gzip.GzipFile(fileobj=stream)
        case ".bz2":
            inside = bz2.BZ2File(stream)
        case ".xz":
            inside = lzma.LZMAFile(stream)  # noqa: SIM115 - closed with what it is wrapped in
        case ".zst":
            import pyarrow as pa

            inside = pa.CompressedInputStream(stream, "zstd")
        case ".zip":
            inside = _only_one(stream, place, limits, size)
        case _:
            return stream
    return cast(BinaryIO, _Inside(Counted(inside, size, limits, place), stream))


def _only_one(stream: BinaryIO, place: Place, limits: Limits, size: int | None) -> Any:
    archive = zipfile.ZipFile(stream)
    files = [info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        raise place.error(f"there are {len(files)} files", remedy="pack each into an archive of its own")
    if files[0].flag_bits & 1:
        raise place.error("there is a file with a password", remedy="pack it without one")
    limits.check(files[0].file_size, size, place)
    return archive.open(files[0])
