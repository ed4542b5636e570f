"""
A storage that keeps records as blocks of columns, in SQLite.

Writing: `lines` and `table` make columns, `pack` and `encoding` encode them, `build` compresses,
`batch` keeps a few records until they fill a block, `store` has the tables, `insertion` and `purge`
the transactions.

Reading: `find` chooses blocks, `block` and `column` decode them, `evaluate` (with `operand`) and
`search` find records in them; `cache` keeps what is decoded, `tail` what is in no block yet;
`counted` counts.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.model import MICROSECOND, Filter, Record, instant
from chronologer.query.tree import Path
from chronologer.storage import (
    Batch,
    BatchKey,
    FieldTypes,
    Outcome,
    Prepared,
    ignore,
)
from chronologer.storage.block import insertion
from chronologer.storage.block.block import Block
from chronologer.storage.block.cache import Caches
from chronologer.storage.block.column import Positions
from chronologer.storage.block.counted import Counted
from chronologer.storage.block.find import Find
from chronologer.storage.block.insertion import Insertion, last_stored_id
from chronologer.storage.block.operand import column_at
from chronologer.storage.block.purge import Purge
from chronologer.storage.block.store import BLOCK, BlockRow
from chronologer.storage.bucket import older
from chronologer.storage.database import Connection, Database
from chronologer.storage.listing import SLICE_SIZE, Listing, Position
from chronologer.storage.sql.dialect import Dialect
from chronologer.storage.sql.field_table import read_fields, types_of

PURGE_PAUSE = 0.002  # seconds between transactions, in which others write

Ids = NDArray[np.int64]
Located = tuple[Block, Positions, int]  # positions of records in a block, and its size in bytes


class BlockStorage(Listing):
    """A storage in a SQLite file."""

    slice_records = insertion.BLOCK_RECORDS
    group_records = 2 * insertion.BLOCK_RECORDS
    reads_lines = True

    def __init__(self, database: Database[Any], dialect: Dialect) -> None:
        self._database = database
        self.query_timeout = database.query_timeout
        self._dialect = dialect
        self._insertion = Insertion(dialect)
        self._caches = Caches()

    # Writing

    def insert(
        self, batches: Sequence[Batch], keys: Sequence[BatchKey | None] = ()
    ) -> list[Outcome]:
        keys = [*keys, *[None] * (len(batches) - len(keys))]
        pieces = list(map(insertion.prepare, batches))
        return self._database.write(lambda db: self._insertion.insert(db, pieces, keys))

    def prepare(self, lines: Sequence[bytes], decode: Callable[[bytes], Record]) -> Prepared | None:
        decoded = insertion.decode(lines)
        return None if decoded is None else Prepared(lines, decode, decoded)

    def resume_restore(self) -> int:
        with self._database.snapshot() as db:  # an interrupted transaction leaves nothing
            return last_stored_id(db)

    def restore(self, records: Sequence[Record]) -> None:
        if records:
            self._database.write(lambda db: self._insertion.restore(db, records))

    def purge(
        self, before: datetime, filter: Filter, progress: Callable[[int], None] = ignore
    ) -> int:
        old = older(filter, before)
        if old is None:
            return 0
        purged = 0
        purge = Purge(self._dialect, old)
        while not purge.is_done:
            count = self._database.write(lambda db: self._purge_some(db, purge))
            purged += count
            if count:
                progress(purged)
            time.sleep(PURGE_PAUSE)
        return purged

    def _purge_some(self, db: Connection, purge: Purge) -> int:
        self._insertion.drop_caches()
        return purge.purge_some(db)

    # Reading

    def get(self, id: int) -> Record | None:
        with self._database.snapshot() as db:
            for block, positions, _ in self._locate(db, np.array([id])):
                return next(block.records(positions, whole=True))
        return None

    def _find(
        self, filter: Filter, left: int, right: int, ascending: bool = False
    ) -> list[Position]:
        if right < left:
            return []
        with self._database.snapshot() as db:
            filter, offset = self._counted(db, filter).narrow(left, right, ascending)
            return self._query(db, filter).positions(offset, right - left + 1, ascending)

    def _find_at(self, filter: Filter, id: int, limit: int, ascending: bool) -> list[Position]:
        with self._database.snapshot() as db:
            return self._query(db, filter).positions(0, limit, ascending, beyond=id)

    def _fetch_slice(self, positions: Sequence[Position], whole: bool) -> tuple[list[Record], int]:
        ids = np.fromiter((id for _, id in positions), np.int64, len(positions))
        records: dict[int, Record] = {}
        with self._database.snapshot() as db:
            located = list(self._locate(db, ids))
            taken = _fitting(ids, located)
            for block, where, _ in located:
                where = where[np.isin(block.ids[where], ids[:taken])]
                records.update((record.id or 0, record) for record in block.records(where, whole))
        return [records[id] for id in ids[:taken].tolist() if id in records], taken

    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        with self._database.snapshot() as db:
            positions = self._query(db, filter).since(id, limit)
        return self._fetch(positions, whole)

    def last_id(self) -> int:
        with self._database.snapshot() as db:
            return last_stored_id(db)

    def count(self, filter: Filter) -> int:
        with self._database.snapshot() as db:
            return self._counted(db, filter).count()

    def timeline(self, filter: Filter, step: timedelta) -> list[tuple[datetime, int, int]]:
        with self._database.snapshot() as db:
            counts = self._counted(db, filter).count_steps(step // MICROSECOND)
        starts = {start: instant(start) for start in {start for start, _ in counts}}
        return [(starts[start], level, n) for (start, level), n in sorted(counts.items())]

    def _names(self, filter: Filter) -> Counter[str]:
        with self._database.snapshot() as db:
            return self._counted(db, filter).count_names()

    def _values(self, filter: Filter, path: Path, sample: int) -> Iterator[Any]:
        """Read the column of the field only."""
        newest = self._find(filter, 0, sample - 1)
        ids = np.fromiter((id for _, id in newest), np.int64, len(newest))
        values: dict[int, Any] = {}
        with self._database.snapshot() as db:
            for block, where, _ in self._locate(db, ids):
                column, _ = column_at(block, path)
                if column is not None:
                    its_ids = block.ids[where].tolist()
                    values.update((its_ids[number], value) for number, value in column.some(where))
        return map(values.get, ids.tolist())

    def fields(self) -> FieldTypes:
        with self._database.snapshot() as db:
            return types_of(read_fields(db), self._caches.of(db).tail.fields(db))

    def _query(self, db: Connection, filter: Filter) -> Find:
        return Find(db, self._caches.of(db), filter, self.query_timeout)

    def _counted(self, db: Connection, filter: Filter) -> Counted:
        return Counted(db, self._dialect, self._caches.of(db), filter, self.query_timeout)

    def _locate(self, db: Connection, ids: Ids) -> Iterator[Located]:
        """Find the records with *ids*."""
        left = np.sort(ids)
        caches = self._caches.of(db)
        for chunk in caches.tail.read(db):
            where = np.flatnonzero(np.isin(chunk.block.ids, left))
            if len(where):
                yield chunk.block, where, chunk.size
                left = np.setdiff1d(left, chunk.block.ids[where])
        while len(left):
            first = int(left[0])
            rows = db.execute(
                f'SELECT {BLOCK} FROM block WHERE last_id >= ? AND first_id <= ?', (first, first)
            ).fetchall()
            for row in itertools.starmap(BlockRow, rows):
                block = caches.blocks.block(db, row)
                where = np.flatnonzero(np.isin(block.ids, left))
                if len(where):
                    yield block, where, row.size
                    left = np.setdiff1d(left, block.ids[where])
            left = left[left > first]

    # The schema

    def migrate(self) -> None:
        self._database.migrate()

    def check(self) -> None:
        self._database.check()

    def close(self) -> None:
        self._database.close()


def _fitting(ids: Ids, located: Sequence[Located]) -> int:
    """Return how many records are about a megabyte, by the mean sizes of their blocks."""
    sizes = np.zeros(len(ids))
    for block, where, size in located:
        sizes[np.isin(ids, block.ids[where])] = size / len(block)
    return 1 + int(np.searchsorted(np.cumsum(sizes)[:-1], SLICE_SIZE))
