"""Files in storages: found, told apart by version, streamed, and asked for again when a read fails."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from openpyxl import Workbook
from pydantic import ValidationError

from connectors import http
from connectors.contract import Secret
from connectors.files.connector import FilesConnector
from connectors.files.settings import FilesSettings
from hub.contract.errors import ConfigError, CredentialsError, SourceDataError, SourceUnavailableError
from tests.connectors.files_kit import contacts, ids, pages, records, write
from tests.loopback import Loopback, Reply, Request, serve

HEAD = "id,name,email\n"


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """fsspec's storage in memory, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were made, without waiting."""
    made: list[float] = []
    monkeypatch.setattr(http, "pause", made.append)
    return made


def put(system: MemoryFileSystem, path: str, content: str | bytes) -> None:
    system.pipe_file(path, content.encode() if isinstance(content, str) else content)


# finding -----------------------------------------------------------------------------------------------------------


def test_files_of_a_storage_are_found_by_pattern_and_read_like_those_of_a_folder(tmp_path: Path, memory: MemoryFileSystem) -> None:
    put(memory, "/bucket/exports/contacts-1.csv", HEAD + "1,Jane,\nbad\n")
    put(memory, "/bucket/exports/contacts-2.csv", HEAD + "2,Joe,\n")
    put(memory, "/bucket/exports/orders-1.csv", "no\n1\n")
    put(memory, "/bucket/exports/.contacts-3.csv", HEAD + "3,hidden,\n")
    put(memory, "/bucket/exports/deep/er/contacts-4.csv", HEAD + "4,Ann,\n")
    put(memory, "/bucket/other/contacts-5.csv", HEAD + "5,Eve,\n")
    for pattern, found in {
        "memory://bucket/exports/contacts-*.csv": ["1", "2"],
        "memory://bucket/exports/contacts-1.csv": ["1"],
        "memory://bucket/exports/contacts-[12].csv": ["1", "2"],
        "memory://bucket/*/contacts-?.csv": ["1", "2", "5"],
        "memory://bucket/**/contacts-*.csv": ["1", "2", "4", "5"],
        "memory://bucket/exports/**/contacts-*.csv": ["1", "2", "4"],
        "memory://bucket/e*/d*/**": ["4"],
    }.items():
        assert ids(pages(contacts(tmp_path, pattern))) == found, pattern
    source = contacts(tmp_path, "memory://bucket/exports/contacts-*.csv")
    assert source.check() == "contacts: 2 files"
    (reject,) = [reject for page in pages(source) for reject in page.rejects]
    assert reject.where == "/bucket/exports/contacts-1.csv:3"


def test_no_matching_file_is_an_error_at_first(tmp_path: Path, memory: MemoryFileSystem) -> None:
    for path in ("memory://bucket/none-*.csv", "memory://bucket/none.csv"):
        with pytest.raises(SourceDataError, match=r"crm/contacts field path: no file matches memory://bucket/none"):
            pages(contacts(tmp_path, path))


def test_files_of_a_storage_that_vanish_are_an_error_unless_they_are_taken_away(tmp_path: Path, memory: MemoryFileSystem) -> None:
    put(memory, "/bucket/in/contacts-1.csv", f"{HEAD}1,Jane,\n")
    source, inbox = (contacts(tmp_path, "memory://bucket/in/contacts-*.csv", may_be_empty=empty) for empty in (False, True))
    read = pages(source)[-1].checkpoint
    memory.rm("/bucket/in/contacts-1.csv")
    with pytest.raises(SourceDataError, match=r"no file matches memory://bucket/in/contacts-\*\.csv any more; 1 did"):
        pages(source, read)
    assert pages(inbox, read) == []


def test_every_kind_of_file_is_read_from_a_storage(tmp_path: Path, memory: MemoryFileSystem) -> None:
    rows = [{"id": str(n), "name": "Zoë", "email": None} for n in range(7_000)]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in rows[0]])), out)
    put(memory, "/b/c.parquet", out.getvalue())
    put(memory, "/b/c.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    put(memory, "/b/c.csv.gz", gzip.compress((HEAD + "".join(f"{row['id']},Zoë,\n" for row in rows)).encode()))
    book = Workbook()
    assert book.active is not None
    book.active.append(["id", "name", "email"])
    for row in rows[:50]:
        book.active.append(list(row.values()))
    out = io.BytesIO()
    book.save(out)
    put(memory, "/b/c.xlsx", out.getvalue())
    for suffix, count in {"parquet": 7_000, "jsonl": 7_000, "csv.gz": 7_000, "xlsx": 50}.items():
        source = contacts(tmp_path, f"memory://b/c.{suffix}")
        whole = pages(source)
        assert ids(whole) == [row["id"] for row in rows[:count]], suffix
        assert ids(pages(source, whole[0].checkpoint)) == ids(whole[1:]), suffix


# new and changed only ----------------------------------------------------------------------------------------------


def test_only_new_and_changed_files_are_read_again(tmp_path: Path, memory: MemoryFileSystem) -> None:
    put(memory, "/b/contacts-1.csv", HEAD + "1,Jane,\n")
    source = contacts(tmp_path, "memory://b/contacts-*.csv")
    first = pages(source)
    assert ids(first) == ["1"]
    assert json.loads(json.dumps(first[-1].checkpoint)) == first[-1].checkpoint
    assert pages(source, first[-1].checkpoint) == []
    put(memory, "/b/contacts-2.csv", HEAD + "2,Joe,\n")
    second = pages(source, first[-1].checkpoint)
    assert ids(second) == ["2"]
    put(memory, "/b/contacts-1.csv", HEAD + "1,June,\n")
    third = pages(source, second[-1].checkpoint)
    assert [record.payload["name"] for record in records(third)] == ["June"]
    memory.rm("/b/contacts-2.csv")
    assert pages(source, third[-1].checkpoint) == []


def test_a_storage_that_tells_no_version_has_its_files_compared_by_content(
    tmp_path: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare: Callable[..., Any] = MemoryFileSystem.ls
    monkeypatch.setattr(
        MemoryFileSystem,
        "ls",
        lambda self, path, detail=True, **k: [
            {key: value for key, value in entry.items() if key != "created"} for entry in bare(self, path, detail=True)
        ],
    )
    put(memory, "/b/contacts-1.csv", HEAD + "1,Jane,\n")
    source = contacts(tmp_path, "memory://b/contacts-*.csv")
    first = pages(source)
    put(memory, "/b/contacts-1.csv", HEAD + "1,Jane,\n")
    again = pages(source, first[-1].checkpoint)
    assert ids(again) == []
    put(memory, "/b/contacts-1.csv", HEAD + "1,Jana,\n")
    assert ids(pages(source, first[-1].checkpoint)) == ["1"]


def test_a_snapshot_in_a_storage_reads_all_again_when_a_file_goes(tmp_path: Path, memory: MemoryFileSystem) -> None:
    put(memory, "/b/contacts-1.csv", HEAD + "1,Jane,\n")
    put(memory, "/b/contacts-2.csv", HEAD + "2,Joe,\n")
    source = contacts(tmp_path, "memory://b/contacts-*.csv", deletes="snapshot")
    first = pages(source)
    memory.rm("/b/contacts-2.csv")
    again = pages(source, first[-1].checkpoint)
    assert (ids(again), again[0].begins) == (["1"], True)


# over HTTP ---------------------------------------------------------------------------------------------------------


class Shelf:
    """A plain file server: an index page, ETags, no ranges."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.before: list[Callable[[Request], Reply | None]] = []

    def __call__(self, request: Request) -> Reply:
        for hook in list(self.before):
            if (reply := hook(request)) is not None:
                return reply
        name = request.path.removeprefix("/exports/")
        if name == "" or request.path == "/exports":
            links = "".join(f'<a href="{file}">{file}</a>' for file in self.files)
            return Reply(
                f'<html><a href="../">up</a><a href="?C=N;O=D">Name</a>{links}</html>'.encode(), 200, {"content-type": "text/html"}
            )
        if name not in self.files:
            return Reply({}, 404)
        content = self.files[name]
        return Reply(content, 200, {"content-type": "text/csv", "etag": f'"{hashlib.md5(content).hexdigest()}"'})


@pytest.fixture
def shelf() -> Iterator[tuple[Shelf, Loopback]]:
    """The file server, running."""
    made = Shelf({"contacts-1.csv": (HEAD + "1,Jane,\n").encode(), "contacts-2.csv": (HEAD + "2,Zoë,\n").encode()})
    with serve(made) as server:
        yield made, server


PATIENT = {"attempts": 3, "backoff_seconds": 0.0, "timeout_seconds": 10.0, "max_wait_seconds": 60.0}


def over_http(folder: Path, url: str, path: str, **storage: Any) -> FilesConnector:
    source = FilesSettings(
        type="files",
        streams={
            "contacts": {
                "path": f"{url}/exports/{path}",
                "kind": "party",
                "id": "id",
                "fields": {"full_name": "name", "email": "email"},
            }
        },
        storage=storage,
        retry=PATIENT,  # type: ignore[arg-type]
    )
    return FilesConnector("crm", source.model_copy(update={"root": folder}))


def test_a_file_server_is_a_storage(tmp_path: Path, shelf: tuple[Shelf, Loopback]) -> None:
    files, server = shelf
    source = over_http(tmp_path, server.base_url, "contacts-*.csv")
    first = pages(source)
    assert ids(first) == ["1", "2"]
    assert pages(source, first[-1].checkpoint) == []
    files.files["contacts-2.csv"] = (HEAD + "2,Joe,\n").encode()
    assert ids(pages(source, first[-1].checkpoint)) == ["2"]
    assert source.calls()[1] == 0
    exact = over_http(tmp_path, server.base_url, "contacts-1.csv?signature=abc")
    got = pages(exact)
    assert ids(got) == ["1"]
    assert "signature" not in json.dumps(got[-1].checkpoint)


def test_workbooks_and_parquet_files_come_over_http_without_ranges(tmp_path: Path, shelf: tuple[Shelf, Loopback]) -> None:
    files, server = shelf
    out = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"], "name": ["Zoë"], "email": ["z@x.example"]}), out)
    files.files["c.parquet"] = out.getvalue()
    assert ids(pages(over_http(tmp_path, server.base_url, "c.parquet"))) == ["1"]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("refused", ["/exports", "/exports/contacts-1.csv"])
def test_what_we_may_not_read_is_a_failure_and_never_an_empty_success(
    tmp_path: Path, shelf: tuple[Shelf, Loopback], waits: list[float], status: int, refused: str
) -> None:
    files, server = shelf
    source = over_http(tmp_path, server.base_url, "contacts-*.csv")
    checkpoint = pages(source)[-1].checkpoint
    files.files["contacts-1.csv"] = (HEAD + "1,June,\n").encode()
    files.before.append(lambda request: Reply({}, status) if request.path.rstrip("/") == refused else None)
    source = over_http(tmp_path, server.base_url, "contacts-*.csv")
    with pytest.raises(
        CredentialsError, match=rf"crm/contacts: the storage refuses to let us read http://.* \({status}\)"
    ) as caught:
        pages(source, checkpoint)
    assert "\n" not in str(caught.value)
    assert (source.calls()[1], waits) == (0, [])


def test_a_storage_that_throttles_is_asked_again_after_the_wait_it_asks_for(
    tmp_path: Path, shelf: tuple[Shelf, Loopback], waits: list[float]
) -> None:
    files, server = shelf
    left = [Reply({}, 429, {"retry-after": "7"}), Reply({}, 503)]
    files.before.append(lambda request: left.pop() if left and request.method == "GET" and request.path.endswith(".csv") else None)
    source = over_http(tmp_path, server.base_url, "contacts-1.csv")
    assert ids(pages(source)) == ["1"]
    assert source.calls()[1] >= 1
    assert max(waits) >= 7


def test_a_storage_that_stays_away_is_one_line_of_error_without_the_signature(
    tmp_path: Path, shelf: tuple[Shelf, Loopback], waits: list[float]
) -> None:
    files, server = shelf
    files.before.append(lambda request: Reply({}, 500))
    with pytest.raises(SourceUnavailableError, match=r"crm/contacts: the storage did not let us read http") as caught:
        pages(over_http(tmp_path, server.base_url, "contacts-1.csv?signature=s3cret"))
    assert "s3cret" not in str(caught.value)
    assert len(waits) == 2


class Breaking:
    """A file whose first readings break off after some bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int, times: int, then: Callable[[], None] = lambda: None) -> None:
        self.left, self._after, self._then = times, after, then
        plain: Callable[..., Any] = MemoryFileSystem._open
        monkeypatch.setattr(MemoryFileSystem, "_open", lambda system, *args, **named: self._opened(plain(system, *args, **named)))

    def _opened(self, inner: Any) -> Any:
        outer, content = self, inner.getvalue()

        class Handle(io.BytesIO):
            def read(self, count: int | None = -1) -> bytes:
                if self.tell() >= outer._after and outer.left:
                    outer.left -= 1
                    outer._then()
                    raise ConnectionResetError("gone")
                return super().read(count)

        return Handle(content)


def test_a_read_that_breaks_off_goes_on_where_it_stopped(
    tmp_path: Path, memory: MemoryFileSystem, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(memory, "/b/contacts-1.csv", HEAD + "".join(f"{n},Jane,j@x.example\n" for n in range(100_000)))
    Breaking(monkeypatch, 1_500_000, 3)
    source = contacts(tmp_path, "memory://b/contacts-1.csv")
    assert ids(pages(source)) == [str(n) for n in range(100_000)]
    assert source.calls()[1] == len(waits) == 3


def test_a_file_that_comes_shorter_than_it_is_said_to_be_is_not_taken_for_whole(
    tmp_path: Path, memory: MemoryFileSystem, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(memory, "/b/contacts-1.csv", HEAD + "1,Jane,\n2,Joe,\n")
    plain: Callable[..., Any] = MemoryFileSystem.info

    def longer(self: MemoryFileSystem, path: str, **others: Any) -> dict[str, Any]:
        entry = plain(self, path, **others)
        return {**entry, "size": entry["size"] + 5}

    monkeypatch.setattr(MemoryFileSystem, "info", longer)
    with pytest.raises(SourceUnavailableError, match=r"contacts-1.csv \(EOFError\)"):
        pages(contacts(tmp_path, "memory://b/contacts-1.csv"))


@pytest.mark.parametrize("rows", [1, 5])
def test_a_file_replaced_before_it_is_opened_is_read_as_it_is_now_and_again_next_time(
    tmp_path: Path, memory: MemoryFileSystem, rows: int
) -> None:
    put(memory, "/b/contacts-1.csv", HEAD + "1,Jane,\n")
    put(memory, "/b/contacts-2.csv", HEAD + "2,Joe,\n3,Ann,\n")
    source = contacts(tmp_path, "memory://b/contacts-*.csv")
    reading = source.streams()[0].read(None)
    read = [next(reading)]
    put(memory, "/b/contacts-2.csv", HEAD + "".join(f"new{n},x,\n" for n in range(rows)))
    read += list(reading)
    assert ids(read) == ["1", *(f"new{n}" for n in range(rows))]
    assert [reject for page in read for reject in page.rejects] == []
    assert ids(pages(source, read[-1].checkpoint)) == [f"new{n}" for n in range(rows)]


def test_a_file_replaced_while_it_is_read_is_never_read_half_and_half(
    tmp_path: Path, memory: MemoryFileSystem, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(memory, "/b/contacts-1.csv", HEAD + "".join(f"{n},Jane,j@x.example\n" for n in range(100_000)))
    june = HEAD + "".join(f"{n},June,j@x.example\n" for n in range(100_000))
    Breaking(monkeypatch, 1_500_000, 1, lambda: put(memory, "/b/contacts-1.csv", june))
    source = contacts(tmp_path, "memory://b/contacts-1.csv")
    with pytest.raises(SourceDataError, match=r"replaced the file while it was read in /b/contacts-1.csv; run the sync again"):
        pages(source)
    assert {record.payload["name"] for record in records(pages(source))} == {"June"}


# hub.yaml ----------------------------------------------------------------------------------------------------------


def test_secrets_of_a_storage_are_named_not_written_and_resolved_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "key": "${HUB_T_KEY}",
        "secret": "${HUB_T_SECRET}",
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:1"},
        "anon": False,
    }
    source = contacts(tmp_path, "s3://bucket/contacts-*.csv", storage=given)
    assert isinstance(source.settings.storage["secret"], Secret)
    assert source.settings.model_dump(mode="json")["storage"] == given
    monkeypatch.delenv("HUB_T_KEY", raising=False)
    with pytest.raises(ConfigError, match="environment variable HUB_T_KEY is not set"):
        source.check()


@pytest.mark.parametrize(
    ("path", "storage", "message"),
    [
        ("s3://b/c.csv", {"secret": "abc"}, "secret must be given as ${ENV_VAR}, not written into the file"),
        ("s3://b/c.csv", {"client_kwargs": {"aws_session_token": "abc"}}, "aws_session_token must be given as ${ENV_VAR}"),
        ("sftp://me:pw@host/c.csv", {}, "a password does not belong in a path; give it under storage as ${ENV_VAR}"),
        ("s4://b/c.csv", {}, "no storage is called s4://; usual ones are s3, gs, az, sftp and https"),
        ("s3://b/c.doc", {}, ".doc files are not read"),
    ],
)
def test_what_cannot_be_right_is_said_when_hub_yaml_is_read(
    tmp_path: Path, path: str, storage: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        contacts(tmp_path, path, storage=storage)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("protocol", "module", "package"),
    [("s3", "s3fs", "s3fs"), ("gs", "gcsfs", "gcsfs"), ("az", "adlfs", "adlfs"), ("sftp", "paramiko", "paramiko")],
)
def test_a_storage_whose_package_is_missing_names_the_package(
    tmp_path: Path, protocol: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ConfigError, match=rf"crm/contacts field path: {protocol}:// needs the package {package}; pip install {package}"
    ):
        contacts(tmp_path, f"{protocol}://host/b/contacts-*.csv").check()


def test_an_option_that_a_storage_does_not_know_is_an_error(tmp_path: Path, shelf: tuple[Shelf, Loopback]) -> None:
    _, server = shelf
    with pytest.raises(ConfigError, match=r"crm/contacts field storage: the storage cannot be asked for http") as caught:
        over_http(tmp_path, server.base_url, "contacts-1.csv", client_kwargs="nonsense").check()
    assert "\n" not in str(caught.value)


def test_a_url_of_this_machine_is_read_through_fsspec(tmp_path: Path) -> None:
    write(tmp_path / "contacts-1.csv", HEAD + "1,Jane,\n")
    assert ids(pages(contacts(tmp_path / "elsewhere", f"file://{tmp_path}/contacts-*.csv"))) == ["1"]
