"""What hub.yaml says of a `files` source: which files a stream is made of, and which column is which canonical field.

Everything that can be judged without opening a file is judged here, when hub.yaml is read.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from connectors.fields import AnyField, FieldSource, MappedSettings, MappedStream, nearest
from connectors.files.limits import Limits
from connectors.files.options import StorageOptions, checked_url, is_url, shown

__all__ = ["COMPRESSED", "EXTENSIONS", "FieldSource", "FileStream", "FilesSettings", "nearest"]

EXTENSIONS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xlsm")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")  # of text only: the others are compressed inside


class FileStream(MappedStream):
    """One stream: files of one shape."""

    made_of: ClassVar[str] = "files"

    path: str = Field(min_length=1, description="file or pattern (*, **), relative to hub.yaml's folder, or a URL such as s3://…")
    updated_at: AnyField | None = Field(None, description="column with the time of the last change; decides between two versions")
    deletes: Literal["none", "snapshot"] = Field(
        "none", description="snapshot: the files together hold every row; one absent is gone"
    )
    may_be_empty: bool = Field(False, description="files are taken away once they were read: no file is no error")
    links: bool = Field(False, description="symbolic links may lead out of the folder that path names")
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="of CSV, where it is not one of , ; | or tab")
    encoding: str | None = Field(None, description="of CSV, where it cannot be told from the bytes")
    sheet: str | None = Field(None, min_length=1, description="of Excel; the first one without")
    header_row: int | None = Field(None, ge=1, description="of CSV and Excel: row of the header, where others come before it")

    @property
    def used_columns(self) -> tuple[tuple[str, ...], ...]:
        """The columns a file must have: one at least of each group."""
        dated = (self.updated_at.column,) if self.updated_at else ()
        return tuple(dict.fromkeys((*super().used_columns, *dated)))

    @model_validator(mode="after")
    def _emptied(self) -> Self:
        if self.may_be_empty and self.deletes == "snapshot":
            raise ValueError("may_be_empty does not go with deletes: snapshot; an empty folder would delete every row")
        return self

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        name = Path(shown(checked_url(value)) if is_url(value) else value)
        suffix = name.suffix.lower()
        if suffix in COMPRESSED and not re.search(r"[*?\[]", name.with_suffix("").suffix or "*"):
            suffix = name.with_suffix("").suffix.lower()
            if suffix in EXTENSIONS[4:]:
                raise ValueError(f"{suffix} files are compressed inside; leave off {name.suffix}")
        if suffix not in (*EXTENSIONS, *COMPRESSED) and not re.search(r"[*?\[]", suffix or "*"):
            raise ValueError(f"{suffix} files are not read; the extension must be one of {', '.join(EXTENSIONS)}")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str | None) -> str | None:
        try:
            return codecs.lookup(value).name if value is not None else None
        except LookupError:
            raise ValueError(f"{value!r} is no known encoding; utf-8, cp1252 and utf-16 are usual ones") from None


class FilesSettings(MappedSettings):
    """Settings of a source of type `files`."""

    root: Path = Field(Path("."), exclude=True, description="folder relative paths are relative to; set by the program")
    streams: dict[str, FileStream] = Field(min_length=1)
    limits: Limits = Field(default_factory=Limits, description="how far one file may unfold")
    storage: StorageOptions = Field(
        default_factory=dict,
        description="options of the storage that paths with a URL lie in, as its fsspec file system takes them",
    )
