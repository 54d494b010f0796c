"""CSV and JSON lines that are not as they should be: encodings, quotes, lines that are no record, and reading that breaks off."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.extract import extract_stream
from connectors.files import csv as files_csv
from connectors.files import lines as files_lines
from connectors.landing import StreamLanding
from connectors.payload import encode
from hub.contract.errors import SourceDataError
from tests.connectors.files_kit import connector, contacts, ids, pages, records, rejects, write

HEAD = "id,name,email\n"


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few bytes, so that every record meets the end of one."""
    monkeypatch.setattr(files_lines, "BLOCK_BYTES", 64)


# encodings ---------------------------------------------------------------------------------------------------------


def test_bytes_that_appear_late_are_decoded_as_what_they_are(tmp_path: Path) -> None:
    plain = "".join(f"{n},Jane,j@x.example\n" for n in range(60_000))
    write(tmp_path / "contacts-1.csv", (HEAD + plain + "x1,Jürgen Müller,\nx2,Zoë Größe,\n").encode("cp1252"))
    read = pages(connector(tmp_path))
    assert [record.payload["name"] for record in records(read)[-2:]] == ["Jürgen Müller", "Zoë Größe"]
    assert rejects(read) == []


def test_what_is_not_of_the_encoding_told_from_the_beginning_is_rejected_by_its_line(tmp_path: Path) -> None:
    good = "".join(f"{n},Zoë Müller,j@x.example\n" for n in range(60_000)).encode()
    write(tmp_path / "contacts-1.csv", HEAD.encode() + good + "late,Jürgen,\n".encode("cp1252") + "end,Łukasz,\n".encode())
    read = pages(connector(tmp_path))
    assert len(records(read)) == 60_001
    assert records(read)[-1].payload["name"] == "Łukasz"
    assert [(reject.where, reject.reason) for reject in rejects(read)] == [
        ("contacts-1.csv:60002", "the line has bytes that are not of the file's encoding")
    ]


def test_a_line_of_utf_8_in_a_file_that_was_taken_for_another_encoding_is_rejected_not_garbled(tmp_path: Path) -> None:
    western = "".join(f"{n},Jürgen Größe,\n" for n in range(40)).encode("cp1252")
    write(tmp_path / "contacts-1.csv", HEAD.encode() + western + "x,Zoë Müller,\n".encode())
    read = pages(connector(tmp_path))
    assert {record.payload["name"] for record in records(read)} == {"Jürgen Größe"}
    (reject,) = rejects(read)
    assert (reject.where, reject.reason) == (
        "contacts-1.csv:42",
        "the line is UTF-8 in a file that was taken for cp1252; encoding in hub.yaml would settle it",
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_wide_encodings_are_read_in_blocks_too(tmp_path: Path, encoding: str, end: str, small_blocks: None) -> None:
    # U+0A0D and U+0D0A hold the bytes of line ends, and end none
    names = ["Zoë \u0a0d\u0d0a", "a\u0a00b", 'two\n"lines"', "😀"] * 5
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([["id", "name", "email"], *([n, name, ""] for n, name in enumerate(names))])
    write(tmp_path / "contacts-1.csv", out.getvalue().encode(encoding))
    read = pages(connector(tmp_path))
    assert [record.payload["name"] for record in records(read)] == names
    assert rejects(read) == []


def test_half_a_character_of_utf_16_costs_its_line(tmp_path: Path) -> None:
    lines = [HEAD, "1,Jane,\n", "2,X,\n", "3,Ann,\n"]
    content = b"\xff\xfe" + b"".join(line.encode("utf-16-le").replace(b"X\x00", b"\x3d\xd8") for line in lines)
    write(tmp_path / "contacts-1.csv", content)
    read = pages(connector(tmp_path))
    assert ids(read) == ["1", "3"]
    assert [reject.where for reject in rejects(read)] == ["contacts-1.csv:3"]


def test_a_replacement_character_that_someone_else_left_is_data(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", HEAD + "1,M\ufffdller,\n")
    assert records(pages(connector(tmp_path)))[0].payload["name"] == "M\ufffdller"


def test_what_hub_yaml_says_of_encoding_and_delimiter_goes_before_what_the_bytes_look_like(tmp_path: Path) -> None:
    content = "id;name;email\n" + "".join(f"{n};Příliš žluťoučký;\n" for n in range(40))
    write(tmp_path / "contacts-1.csv", content.encode("cp1250"))
    read = pages(contacts(tmp_path, "*.csv", encoding="cp1250", delimiter=";"))
    assert {record.payload["name"] for record in records(read)} == {"Příliš žluťoučký"}
    write(tmp_path / "contacts-1.csv", (HEAD + "1,Jane,\n").encode("utf-16-le"))
    assert ids(pages(contacts(tmp_path, "*.csv", encoding="utf-16"))) == ["1"]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", ["Zoë"]),
        ("cp1252", ["José García", "Muñoz", "Peña Ibáñez", "Concepción"]),
        ("cp1252", ["Müller", "Hélène", "João", "Sørensen", "Åsa Öberg", "Muñoz", "O’Brien", "5 €"]),
        ("cp1250", ["Dvořák"]),
        ("cp1250", ["Łukasz Wiśniewski", "Żółć", "Paweł Dąbrowski"]),
        ("cp1250", ["Gyöngyösi Erzsébet", "Szőke", "Győr"]),
        ("cp1251", ["Иван"]),
        ("cp1253", ["Γιώργος Παπαδόπουλος"]),
        ("cp1254", ["Ayşe Yılmaz", "Çağrı Öztürk", "İbrahim Şahin"]),
        ("cp1255", ["דוד כהן", "שרה לוי"]),
        ("cp1256", ["محمد علي", "فاطمة"]),
        ("cp1257", ["Žilvinas Šarūnas", "Rūta Kazlauskienė"]),
        ("shift_jis", ["山田太郎", "ﾔﾏﾀﾞ ﾀﾛｳ"]),
        ("gb18030", ["王伟", "李娜", "北京市朝阳区"]),
        ("big5", ["陳大文", "台北市"]),
        ("euc_kr", ["김철수", "서울특별시"]),
    ],
)
def test_a_few_names_are_enough_to_tell_the_encoding(tmp_path: Path, encoding: str, names: list[str]) -> None:
    names = names * 10
    write(tmp_path / "contacts-1.csv", (HEAD + "".join(f"{n},{name},\n" for n, name in enumerate(names))).encode(encoding))
    read = pages(connector(tmp_path))
    assert [record.payload["name"] for record in records(read)] == names


@pytest.mark.parametrize(("country", "name"), [("TR", "Yılmaz"), ("CZ", "Veselý"), ("LT", "Jonė"), ("GR", "Άννα"), ("JP", "山田")])
def test_the_country_settles_what_one_word_leaves_open(tmp_path: Path, country: str, name: str) -> None:
    encoding = {"TR": "cp1254", "CZ": "cp1250", "LT": "cp1257", "GR": "cp1253", "JP": "shift_jis"}[country]
    write(tmp_path / "contacts-1.csv", f"{HEAD}1,{name},\n".encode(encoding))
    assert records(pages(connector(tmp_path, country=country)))[0].payload["name"] == name


# lines that are no record ------------------------------------------------------------------------------------------


def test_a_megabyte_in_one_field_and_a_zero_byte_are_data(tmp_path: Path) -> None:
    large = "ä " * 600_000
    write(tmp_path / "contacts-1.csv", f'{HEAD}1,"{large}\nend",\n2,nul\x00nul,\n3,Ann,\n')
    read = pages(connector(tmp_path))
    assert ids(read) == ["1", "2", "3"]
    assert records(read)[0].payload["name"] == f"{large}\nend"
    assert records(read)[1].payload["name"] == "nul\x00nul"
    assert "nul\\u0000nul" in encode(records(read)[1].payload)[0]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_line_without_end_is_cut_short_and_takes_no_other_along(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch, small_blocks: None
) -> None:
    monkeypatch.setattr(files_lines, "MAX_LINE", 1_000)
    monkeypatch.setattr(files_csv, "MAX_LINE", 1_000)
    monkeypatch.setattr(files_lines, "_SHOWN", 50)
    lines = [[1, "Jane", ""], [2, "x" * 5_000, ""], [3, "Ann", ""], [4, "y" * 5_000, ""]]
    content = HEAD + "".join(f"{n},{name},{mail}\n" for n, name, mail in lines)
    if suffix == "jsonl":
        content = "".join(json.dumps({"id": n, "name": name, "email": mail}) + "\n" for n, name, mail in lines)
    write(tmp_path / f"c.{suffix}", content)
    source = contacts(tmp_path, f"*.{suffix}")
    read = pages(source)
    first = 2 if suffix == "csv" else 1
    assert ids(read) == ["1", "3"]
    assert [(reject.where, len(reject.content)) for reject in rejects(read)] == [
        (f"c.{suffix}:{first + 1}", 50),
        (f"c.{suffix}:{first + 3}", 50),
    ]
    assert {reject.reason for reject in rejects(read)} == {"the line is longer than any record may be; only its beginning is kept"}
    for number, page in enumerate(read):
        rest = pages(source, page.checkpoint)
        assert ids(read[: number + 1]) + ids(rest) == ["1", "3"]
        assert [r.where for r in rejects(read[: number + 1]) + rejects(rest)] == [r.where for r in rejects(read)]


def test_a_quote_that_never_closes_costs_one_line_of_a_long_file(tmp_path: Path) -> None:
    lines = [f"{n},Jane,j@x.example" for n in range(30_000)]
    lines[100] = '100,"Jane,j@x.example'
    write(tmp_path / "contacts-1.csv", HEAD + "\n".join(lines) + "\n")
    read = pages(connector(tmp_path))
    assert len(ids(read)) == 29_999
    assert [(reject.where, reject.content) for reject in rejects(read)] == [("contacts-1.csv:102", lines[100])]


def test_lines_of_nothing_but_delimiters_are_empty(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", HEAD + "1,Jane,\n,,\n,,,,\n2,Joe,\n,,\n")
    read = pages(connector(tmp_path))
    assert (ids(read), rejects(read)) == (["1", "2"], [])


def test_lines_before_the_header_are_passed_over_where_hub_yaml_says_so(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "Contacts of ACME\nas of 2026-01-01\nid,name,email\n1,Jane,\nbad\n")
    read = pages(contacts(tmp_path, "*.csv", header_row=3))
    assert ids(read) == ["1"]
    assert [reject.where for reject in rejects(read)] == ["contacts-1.csv:5"]
    with pytest.raises(SourceDataError, match=r"field header_row: no header in row 9 in contacts-1.csv"):
        pages(contacts(tmp_path, "*.csv", header_row=9))


def test_json_that_is_nested_too_deep_is_rejected_and_the_rest_is_written_again_as_it_was(tmp_path: Path) -> None:
    deep = "[" * 150 + "]" * 150
    lines = [
        f'{{"id": 1, "name": "a", "email": "x", "deep": {deep}}}',
        f'{{"id": 2, "deep": {"[" * 400 + "]" * 400}}}',
        f'{{"id": 3, "deep": {"[" * 100_000}',
        '{"id": 123456789012345678901234567890, "name": "nul \\u0000 😀", "flat": [' + "[1]," * 300 + "[1]]}",
        '{"id": 5, "name": "\x00"}',
    ]
    write(tmp_path / "c.jsonl", "\n".join(lines))
    read = pages(contacts(tmp_path, "*.jsonl"))
    assert ids(read) == ["1", "123456789012345678901234567890"]
    assert json.loads(encode(records(read)[0].payload)[0]) == json.loads(lines[0])
    assert records(read)[1].payload["name"] == "nul \x00 😀"
    assert [(reject.where, reject.reason) for reject in rejects(read)] == [
        ("c.jsonl:2", "the line's JSON is nested more than 200 deep"),
        ("c.jsonl:3", "the line is no JSON"),
        ("c.jsonl:5", "the line is no JSON"),
    ]


# files of one stream that differ -----------------------------------------------------------------------------------


def test_columns_that_come_and_go_between_files_are_kept_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email,note\n1,Jane,j@x.example,vip\n")
    write(tmp_path / "contacts-2.csv", "email;phone;name;id\nk@x.example;020;Joe;2\n")
    read = pages(connector(tmp_path))
    assert [dict(record.payload) for record in records(read)] == [
        {"id": "1", "name": "Jane", "email": "j@x.example", "note": "vip"},
        {"email": "k@x.example", "phone": "020", "name": "Joe", "id": "2"},
    ]
    write(tmp_path / "contacts-3.csv", "id,email\n3,a@x.example\n")
    with pytest.raises(SourceDataError, match=r"^crm/contacts field name: no column 'name' in contacts-3.csv; there are"):
        pages(connector(tmp_path), read[-1].checkpoint)


# going on where reading broke off ----------------------------------------------------------------------------------


def _messy(count: int) -> list[str]:
    rng = random.Random(4)
    lines = []
    for n in range(count):
        lines.append(
            rng.choice(
                [
                    f"{n},Jane,j@x.example\n",
                    f'{n},"two\nlines, ""quoted""",\r\n',
                    f'{n},"never closed,\n',
                    f"{n},too,many,fields\n",
                    f'{n},"a"b,\n',
                    "\n",
                    f"{n},Zoë,\r\n",
                ]
            )
        )
    return lines


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_reading_resumes_at_every_page_and_gives_the_rest(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch, small_blocks: None
) -> None:
    monkeypatch.setattr(files_csv, "BATCH_ROWS", 3)
    monkeypatch.setattr(files_csv, "MAX_LINE", 200)
    write(tmp_path / "contacts-1.csv", (HEAD + "".join(_messy(120))).encode(encoding))
    source = connector(tmp_path)
    whole = pages(source)
    seen = [(r.id, dict(r.payload)) for r in records(whole)], [(r.where, r.content, r.reason) for r in rejects(whole)]
    assert len(whole) > 20
    for number, page in enumerate(whole):
        checkpoint = json.loads(json.dumps(page.checkpoint))
        both = whole[: number + 1] + pages(source, checkpoint)
        again = [(r.id, dict(r.payload)) for r in records(both)], [(r.where, r.content, r.reason) for r in rejects(both)]
        assert again == seen


def test_reading_in_blocks_of_any_size_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "contacts-1.csv", HEAD + "".join(_messy(200)))
    found = []
    for size in (1_000_000, 997, 50, 7):
        monkeypatch.setattr(files_lines, "BLOCK_BYTES", size)
        read = pages(connector(tmp_path))
        found.append(([(r.id, dict(r.payload)) for r in records(read)], [(r.where, r.content, r.reason) for r in rejects(read)]))
    assert found[0] == found[1] == found[2] == found[3]
    assert len(found[0][0]) > 50
    assert len(found[0][1]) > 50


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.text(max_size=6).filter(lambda t: "\x00" not in t), st.text(alphabet='a",;\n\ré', max_size=9)), max_size=20
    )
)
def test_whatever_the_csv_module_writes_comes_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("id", "name", "email"), *((f"k{n}", *row) for n, row in enumerate(rows))])
    write(tmp_path / "contacts-1.csv", out.getvalue().encode(errors="replace"))
    read = pages(connector(tmp_path))
    assert [(r.payload["name"], r.payload["email"]) for r in records(read)] == [
        (a.encode(errors="replace").decode(), b) for a, b in rows
    ]
    assert rejects(read) == []


def test_a_checkpoint_that_counted_rows_reads_that_file_from_its_beginning(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", HEAD + "1,Jane,\n2,Joe,\n")
    source = connector(tmp_path)
    digest = pages(source)[0].checkpoint["partial"][1]
    assert ids(pages(source, {"files": {}, "partial": ["contacts-1.csv", digest, 1]})) == ["1", "2"]


def test_a_killed_extraction_does_not_read_again_what_has_landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "contacts-1.csv", HEAD + "".join(f"{n},Jane,j@x.example\n" for n in range(200_000)))
    source = connector(tmp_path)
    stream = source.streams()[0]
    done = extract_stream(source, stream, tmp_path / "landing", sync_run_id="r1", limit=120_000)
    landing = StreamLanding(tmp_path / "landing", "crm", "contacts")
    at = landing.info(landing.parts()[-1]).checkpoint["partial"][2]["at"]  # type: ignore[index]
    sought: list[int] = []

    def blocks(stream: Any, offset: int, *others: Any, **named: Any) -> Iterator[files_lines.Block]:
        sought.append(offset)
        return files_lines.blocks(stream, offset, *others, **named)

    monkeypatch.setattr(files_csv, "blocks", blocks)
    rest = extract_stream(source, stream, tmp_path / "landing", sync_run_id="r2")
    assert at > 2_000_000
    assert sought == [0, at], "the header, then on from where it stopped"
    assert done.rows + rest.rows == 200_000


# compressed --------------------------------------------------------------------------------------------------------


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/contacts.csv", data)
        archive.writestr("__MACOSX/._contacts.csv", b"junk")
    return out.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
    ".zip": _zip,
}


@pytest.mark.parametrize("suffix", PACKED)
def test_compressed_text_is_read_and_resumed_as_it_is_unpacked(tmp_path: Path, suffix: str) -> None:
    content = (HEAD + "".join(f"{n},Zoë,z@x.example\n" for n in range(12_000))).encode()
    write(tmp_path / f"contacts-1.csv{suffix}", PACKED[suffix](content))
    source = contacts(tmp_path, f"contacts-*.csv{suffix}")
    whole = pages(source)
    assert ids(whole) == [str(n) for n in range(12_000)]
    assert ids(pages(source, whole[0].checkpoint)) == ids(whole[1:])
    lines = "".join(json.dumps({"id": n, "name": "Zoë", "email": None}) + "\n" for n in range(9_000)).encode()
    if suffix != ".zip":
        write(tmp_path / f"c.jsonl{suffix}", PACKED[suffix](lines))
        read = pages(contacts(tmp_path, f"c.jsonl{suffix}"))
        assert len(ids(read)) == 9_000


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst", ".zip"])
def test_a_compressed_file_that_is_cut_off_is_an_error_and_never_a_short_file(tmp_path: Path, suffix: str) -> None:
    rng = random.Random(1)
    content = (HEAD + "".join(f"{n},{rng.random()},\n" for n in range(60_000))).encode()
    packed = PACKED[suffix](content)
    write(tmp_path / f"contacts-1.csv{suffix}", packed[: len(packed) // 2])
    what = rf"crm/contacts: .*contacts-1.csv\{suffix}; (export it again|check that it is whole)"
    with pytest.raises(SourceDataError, match=what) as caught:
        pages(contacts(tmp_path, f"*.csv{suffix}"))
    assert "\n" not in str(caught.value)


def test_an_archive_must_hold_one_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.csv.zip", "w") as archive:
        archive.writestr("a.csv", HEAD)
        archive.writestr("b.csv", HEAD)
    with pytest.raises(SourceDataError, match=r"there are 2 files in c.csv.zip; pack each into an archive of its own"):
        pages(contacts(tmp_path, "c.csv.zip"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("c.parquet.gz", r"\.parquet files are compressed inside; leave off \.gz"),
        ("c.doc.gz", r"\.doc files are not read"),
        ("c.csv.rar", r"\.rar files are not read"),
    ],
)
def test_what_cannot_be_unpacked_is_said_when_hub_yaml_is_read(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        contacts(tmp_path, path)


def test_an_unknown_kind_of_packed_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "c.doc.gz", b"")
    source: Any = contacts(tmp_path, "c.*")
    with pytest.raises(Exception, match=r"\.doc\.gz: c\.doc\.gz is of no type we read"):
        pages(source)
