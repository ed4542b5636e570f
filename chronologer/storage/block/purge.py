"""
Deletes records, a block in each transaction.

A block of which some records are left is replaced by one of these, with their ids. Its place in the
signature of its group stays: the signature may have more than the block.
"""

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from chronologer.model import Filter
from chronologer.storage.block.batch import encode_records, insert_batch, read_batches
from chronologer.storage.block.block import Block, table_values
from chronologer.storage.block.build import build
from chronologer.storage.block.cache import Cache, OfFile
from chronologer.storage.block.column import Positions
from chronologer.storage.block.find import Find
from chronologer.storage.block.store import (
    BlockRow,
    delete_block,
    insert_block,
    read_state,
    write_state,
)
from chronologer.storage.block.table import (
    LEVEL_NUMBER,
    MESSAGE,
    NAME,
    Key,
    Table,
    count_records,
    selected,
)
from chronologer.storage.block.tail import Chunk, Tail
from chronologer.storage.database import Connection
from chronologer.storage.sql import counters
from chronologer.storage.sql.dialect import Dialect

MAX_SECONDS = 0.1  # that a transaction looks for matching records; others wait for it
FREED_PAGES = 512  # of 4 KB, that a transaction gives back to the file system


class Purge:
    """One purge: first of batches, then of blocks, those of the oldest records first."""

    def __init__(self, dialect: Dialect, filter: Filter):
        self._dialect, self._filter = dialect, filter
        self._caches = OfFile(None, Cache(), Tail())  # a transaction may be undone
        self.is_done = False
        self._has_begun = False
        self._done: set[int] = set()  # ids of blocks without matching records

    def purge_some(self, db: Connection) -> int:
        """Delete some matching records, if there are any soon, and return their number."""
        purged = 0 if self._has_begun else self._purge_batches(db)
        self._has_begun = True
        purged = purged or self._purge_block(db)
        _give_back(db)
        return purged

    def _find(self, db: Connection) -> Find:
        return Find(db, self._caches, self._filter, math.inf)

    def _purge_block(self, db: Connection) -> int:
        find = self._find(db)
        deadline = time.monotonic() + MAX_SECONDS
        for candidate in find.candidates('low_ts'):
            row = candidate.source
            if isinstance(row, Chunk) or row.id in self._done:
                continue
            self._done.add(row.id)
            block, where = find.look_through(candidate)
            if len(where):
                self._delete(db, row, block, where)
                return len(where)
            if time.monotonic() > deadline:
                return 0
        self.is_done = True
        return 0

    def _delete(self, db: Connection, row: BlockRow, block: Block, where: Positions) -> None:
        """Delete records of a block."""
        table = table_of(block)
        self._uncount(db, selected(table, where))
        kept = np.setdiff1d(np.arange(len(block)), where)
        delete_block(db, row)
        if len(kept):
            rest = selected(table, kept)
            assert rest.ids is not None
            self._done.add(insert_block(db, build(rest), rest.ids.tolist()))

    def _purge_batches(self, db: Connection) -> int:
        """Delete records that are in batches; what is left of a batch is a new one."""
        purged: set[int] = set()
        find = self._find(db)
        for candidate in find.in_memory():
            block, where = find.look_through(candidate)
            if len(where):
                purged.update(block.ids[where].tolist())
        if purged:
            _rewrite_batches(db, purged)
        return len(purged)

    def _uncount(self, db: Connection, table: Table) -> None:
        counts: Counter[tuple[int, int, int]] = Counter()
        for (name, quarter, level), n in count_records(table).items():
            id = self._dialect.find_logger(db, name)
            assert id is not None
            counts[id, quarter, level] = n
        counters.subtract(db, self._dialect, counts)


def _give_back(db: Connection) -> None:
    """Give free pages back to the file system; the driver steps once, which is one page."""
    (free,) = db.execute('PRAGMA freelist_count').fetchone()
    for _ in range(min(free, FREED_PAGES)):
        db.execute('PRAGMA incremental_vacuum(1)')


def _rewrite_batches(db: Connection, purged: set[int]) -> None:
    state = read_state(db)
    for batch in read_batches(db):
        pairs = zip(batch.ids, batch.records, strict=True)
        left = [(id, record) for id, record in pairs if id not in purged]
        if len(left) == len(batch.ids):
            continue
        db.execute('DELETE FROM batch WHERE id = ?', (batch.id,))
        state.batched -= len(batch.ids)
        state.batched_size -= batch.size
        if left:
            ids, records = zip(*left, strict=True)
            json = encode_records(records)
            insert_batch(db, json, ids)
            state.batched += len(ids)
            state.batched_size += len(json)
    state.changes += 1
    write_state(db, state)


def table_of(block: Block) -> Table:
    """Return the columns of a block as lists."""
    columns: dict[Key, Sequence[Any]] = {}
    keys: list[Key] = [NAME, LEVEL_NUMBER, MESSAGE, *block.keys]
    for key in keys:
        column = block.column(key)
        assert column is not None
        columns[key] = table_values(column, len(block))
    return Table(block.ids, block.ts, columns)
