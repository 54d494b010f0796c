"""The landing zone: Parquet parts, each with the checkpoint that follows it, made visible by atomic rename.

    <root>/<source>/<stream>/part-00000007.parquet    landed, not yet in raw
    <root>/<source>/<stream>/committed.json           mirror of the cursor that is durably in raw

Connectors write here, many in parallel; the warehouse reads the parts, commits them with their cursor in one transaction, and
then calls `committed`. A killed extraction resumes after its last whole part. The parts of a stream form a chain: each names the
digest of the checkpoint it follows, so that the warehouse can tell parts that continue its cursor from those that do not (a
warehouse restored from a backup, a folder copied from elsewhere) and have them read again instead of losing what lies between.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.column_records import ColumnRecords
from connectors.contract import Checkpoint, Page
from connectors.parts import Block, Pieces, Row, record_row, reject_row, table
from hub.contract.errors import WarehouseAccessError

_META = b"hub.part"
_REPEATED = ["op", "extracted_at", "merged_into", "reject_reason"]  # the others' values hardly do, and looking takes time
_GROUP_BYTES = 2 * 1024 * 1024  # of a row group; whoever reads a part holds as much of it at a time, however large its rows are
PART_ROWS = 5_000
PART_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class PartInfo:
    """What a part says of itself, stored in its Parquet metadata.

    Attributes:
        seq: number in the stream, increasing by one, never used twice.
        sync_run_id: the run that wrote it.
        follows: digest of the checkpoint it continues; see `digest`.
        checkpoint: where reading goes on after it.
        leads_to: digest of that checkpoint.
        begins: whether it is the first part of a reading from the beginning.
        complete: whether the reading ended with it.
        snapshot: whether a complete reading from the beginning holds every record there is.
    """

    seq: int
    sync_run_id: str
    follows: str
    checkpoint: dict[str, Any] | None
    leads_to: str
    begins: bool
    complete: bool
    snapshot: bool


@dataclass(frozen=True)
class ResumePoint:
    """Where an extraction goes on.

    Attributes:
        checkpoint: to read after; None: from the beginning.
        seq: number of the next part.
        broken_off: whether parts of an unfinished reading lie there, which this one completes.
    """

    checkpoint: Checkpoint | None
    seq: int
    broken_off: bool


def digest(checkpoint: Checkpoint | None) -> str:
    """A short digest of a checkpoint, independent of key order; of None too."""
    text = json.dumps(checkpoint, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


class StreamLanding:
    """The landing folder of one stream."""

    def __init__(self, root: Path, source: str, stream: str) -> None:
        self.folder = root / source / stream
        self.source, self.stream = source, stream

    # for the extraction ----------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Remove what a killed process wrote halfway. For the one who reads the source: what lies there is nobody's then."""
        for leftover in self.folder.glob(".part-*.tmp"):
            leftover.unlink(missing_ok=True)

    def resume_point(self) -> ResumePoint:
        """Where reading goes on: after the last whole part if there are parts, else after the committed cursor."""
        while parts := self.parts():
            try:
                last = self.info(parts[-1])
            except FileNotFoundError:
                continue  # it was taken in meanwhile, and the mirror moved before it went
            return ResumePoint(last.checkpoint, last.seq + 1, broken_off=not last.complete)
        checkpoint, seq = self.mirror()
        return ResumePoint(checkpoint, seq + 1, broken_off=False)

    def mirror(self) -> tuple[Checkpoint | None, int]:
        """The committed checkpoint and the last committed part's number; (None, 0) if there is none that can be read.

        A mirror that cannot be read costs a full reading, never a record: raw drops what it already has.
        """
        try:
            data = json.loads((self.folder / "committed.json").read_text())
            return data["checkpoint"], int(data["seq"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None, 0

    def write(self, pieces: Pieces, info: PartInfo) -> Path:
        """Write one part durably and make it visible.

        Raises `WarehouseAccessError` if the folder cannot be written.
        """
        target = self.folder / f"part-{info.seq:08d}.parquet"
        temporary = self.folder / f".part-{info.seq:08d}.{os.getpid()}.tmp"
        made = table(pieces)
        made = made.replace_schema_metadata({**(made.schema.metadata or {}), _META: json.dumps(asdict(info))})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as sink:
                # a part is read once and removed: what makes it smaller than lz4 does costs more than it saves
                rows = max(1, len(made) * _GROUP_BYTES // max(1, made.nbytes))
                pq.write_table(made, sink, row_group_size=rows, compression="lz4", use_dictionary=_REPEATED)
                sink.flush()
                os.fsync(sink.fileno())
            os.replace(temporary, target)
            _sync_folder(self.folder)
        except OSError as error:
            raise self._unwritable(error) from error
        return target

    def _unwritable(self, error: OSError) -> WarehouseAccessError:
        return WarehouseAccessError(
            f"cannot write to the landing folder {self.folder} ({error.strerror or error})",
            source=self.source,
            stream=self.stream,
            remedy="free disk space or mend the folder's permissions, then run the sync again",
        )

    # for the warehouse -----------------------------------------------------------------------------------------

    def parts(self) -> list[Path]:
        """Landed parts, oldest first."""
        return sorted(self.folder.glob("part-*.parquet"))

    @staticmethod
    def info(part: Path) -> PartInfo:
        """What a part says of itself."""
        return PartInfo(**json.loads(pq.read_schema(part).metadata[_META]))

    def committed(self, checkpoint: Checkpoint | None, seq: int) -> None:
        """Mirror a cursor that is durably in raw, then remove the parts it covers. Raises as `write` does."""
        temporary = self.folder / f".committed.{os.getpid()}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"checkpoint": checkpoint, "seq": seq, "at": datetime.now(UTC).isoformat()}))
            os.replace(temporary, self.folder / "committed.json")
        except OSError as error:
            raise self._unwritable(error) from error
        for part in self.parts():
            if int(part.stem.removeprefix("part-")) <= seq:
                part.unlink()

    def forget(self, seq: int) -> None:
        """Remove the parts from a number on."""
        for part in self.parts()[::-1]:
            if int(part.stem.removeprefix("part-")) >= seq:
                part.unlink()

    def discard(self) -> None:
        """Forget parts and mirror, so that the next extraction starts anew. What another process is about to land stays."""
        self.forget(0)
        (self.folder / "committed.json").unlink(missing_ok=True)


class PartWriter:
    """Gathers pages into parts of a fair size and lands them, one after the other.

    Columns are hashed, and land, while the next pages are read. What goes wrong with a part is then raised when the next one
    is to be landed, and nothing lands after it.

    Args:
        landing: where.
        sync_run_id: the run that reads.
        follows: the checkpoint the first page continues.
        seq: number of the first part.
        begins: whether this is a reading from the beginning.
        owes_end: whether parts of an unfinished reading lie there, so that this one must land its end even if nothing comes.
        snapshot: see `PartInfo.snapshot`.
    """

    def __init__(
        self,
        landing: StreamLanding,
        *,
        sync_run_id: str,
        follows: Checkpoint | None,
        seq: int,
        begins: bool,
        owes_end: bool,
        snapshot: bool,
    ) -> None:
        self._landing, self.sync_run_id, self._seq, self._owes_end = landing, sync_run_id, seq, owes_end or begins
        self._follows, self._begins, self._snapshot = digest(follows), begins, snapshot
        self._checkpoint: Checkpoint | None = follows
        self._pieces: list[list[Row] | Block] = []
        self._count = self._bytes = 0
        self._writing: Future[Path] | None = None
        self._failed = False

    def add(self, page: Page) -> None:
        """Take a page; lands a part when enough has gathered."""
        if page.begins and not self._begins:
            self.flush()
            self._begins = self._owes_end = True
        now = datetime.now(UTC)
        if isinstance(page.records, ColumnRecords):
            self._take(Block(page.records, now), page.records.texts.nbytes)
        else:
            rows = [record_row(record, now) for record in page.records]
            self._take(rows, sum([len(row[2]) for row in rows]))
        rejects = [reject_row(reject, now) for reject in page.rejects]
        self._take(rejects, sum([len(row[2]) for row in rejects]))
        self._checkpoint = page.checkpoint
        if self._count >= PART_ROWS or self._bytes >= PART_BYTES:
            self._land(complete=False)

    def finish(self) -> None:
        """Land what is left. Says so in the part when the reading is complete; lands nothing if nothing came and nothing moved."""
        if self._count or self._owes_end or digest(self._checkpoint) != self._follows:
            self._land(complete=True)
        self._landed()

    def flush(self) -> None:
        """Land what was read so far, for a reading that breaks off: the next one resumes after it."""
        if self._count and not self._failed:
            self._land(complete=False)
        self._landed()

    def _take(self, piece: list[Row] | Block, size: int) -> None:
        if not len(piece):
            return
        last = self._pieces[-1] if self._pieces else None
        if isinstance(piece, list) and isinstance(last, list):
            last.extend(piece)
        else:
            self._pieces.append(piece)
        self._count += len(piece)
        self._bytes += size

    def _land(self, *, complete: bool) -> None:
        info = PartInfo(
            seq=self._seq,
            sync_run_id=self.sync_run_id,
            follows=self._follows,
            checkpoint=None if self._checkpoint is None else dict(self._checkpoint),
            leads_to=digest(self._checkpoint),
            begins=self._begins,
            complete=complete,
            snapshot=self._snapshot,
        )
        self._landed()
        if any(isinstance(piece, Block) for piece in self._pieces):
            worker = ThreadPoolExecutor(1, thread_name_prefix="landing")
            self._writing = worker.submit(self._landing.write, self._pieces, info)
            worker.shutdown(wait=False)
        else:
            self._landing.write(self._pieces, info)
        self._pieces, self._count, self._bytes, self._begins, self._owes_end = [], 0, 0, False, not complete
        self._seq, self._follows = self._seq + 1, digest(self._checkpoint)

    def _landed(self) -> None:
        """Wait until the part that is being written lies there."""
        writing, self._writing = self._writing, None
        if writing is not None:
            try:
                writing.result()
            except BaseException:
                self._failed = True
                raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
