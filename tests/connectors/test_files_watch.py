"""A file of this machine that somebody writes into, replaces or takes away while it is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.contract.errors import SourceDataError
from tests.connectors.files_kit import contacts, pages, records, rejects, write

HEAD = "id,name,email\n"
ROWS = 60_000


def body(name: str, first: int = 0) -> str:
    return HEAD + "".join(f"{n},{name},j@x.example\n" for n in range(first, first + ROWS))


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda file: file.write_text(body("June", 1)),
        lambda file: file.write_text(HEAD),
        lambda file: file.write_text(body("Josephine")),
    ],
    ids=["rewritten", "emptied", "longer"],
)
def test_a_file_that_is_written_into_is_never_read_half_and_half(tmp_path: Path, meanwhile: Callable[[Path], None]) -> None:
    file = write(tmp_path / "contacts-1.csv", body("Jane"))
    source = contacts(tmp_path, "contacts-*.csv")
    reading = source.streams()[0].read(None)
    read = [next(reading), next(reading)]
    meanwhile(file)
    with pytest.raises(
        SourceDataError, match=r"somebody wrote into the file while it was read in contacts-1.csv; run the sync again"
    ):
        read += list(reading)
    assert {record.payload["name"] for record in records(read)} == {"Jane"}
    assert rejects(read) == []
    again = pages(source, read[-1].checkpoint)
    assert len(records(again)) == file.read_text().count("\n") - 1


@pytest.mark.parametrize("meanwhile", ["replaced", "taken away", "grown", "touched"])
def test_a_file_that_stays_as_it_was_as_far_as_it_went_is_read_to_its_end(tmp_path: Path, meanwhile: str) -> None:
    file = write(tmp_path / "contacts-1.csv", body("Jane"))
    source = contacts(tmp_path, "contacts-*.csv")
    reading = source.streams()[0].read(None)
    read = [next(reading), next(reading)]
    match meanwhile:
        case "replaced":
            os.replace(write(tmp_path / "new", body("June")), file)
        case "taken away":
            file.unlink()
        case "grown":
            with file.open("a") as end:
                end.write(f"{ROWS},Jane,j@x.example\n")
        case "touched":
            os.utime(file, (1, 1))
    read += list(reading)
    assert {record.payload["name"] for record in records(read)} == {"Jane"}
    assert len(records(read)) == ROWS + (meanwhile == "grown")
    if meanwhile == "replaced":
        again = records(pages(source, read[-1].checkpoint))
        assert {record.payload["name"] for record in again} == {"June"}, "the new file is read next time"
