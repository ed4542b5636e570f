"""
The search index of storages that keep records as rows: blocks of records, with signatures.

Records are put into blocks in the order of their ids. The transaction that writes the record which
fills a block makes the block. Records that are in no block yet are read from their table and
searched in the same way, so that an answer is always complete.
"""

from collections.abc import Iterator, Sequence
from threading import Lock

from chronologer.storage.database import Connection
from chronologer.storage.fields import Fields
from chronologer.storage.sql.dialect import Row, RowDialect
from chronologer.storage.sql.field_table import FieldTable
from chronologer.storage.sql.index.block import Block
from chronologer.storage.sql.index.builder import Builder
from chronologer.storage.sql.index.table import (
    insert_block,
    read_rows,
    unindexed_ids,
)

# What fills a block: records, bytes of text and tokens, and characters of message and logrec.
BLOCK_RECORDS, BLOCK_SIZE, BLOCK_SOURCE = 1024, 2**18, 2**20
NEVER = -1  # is no id


class Index:
    """
    Makes the blocks of the records that a process writes.

    Between transactions it caches the records since the last block. These are all unindexed records
    as long as no other process writes or purges, which would use up ids. Then a block is made of
    the cached records, and else of records that are read.
    """

    def __init__(self, dialect: RowDialect):
        self._dialect = dialect
        self._fields = FieldTable()
        self.drop_caches()

    def drop_caches(self) -> None:
        """Drop the caches of a transaction that was undone."""
        self._unindexed = Builder()  # if it is complete
        self._is_complete = False
        self._next_id = NEVER  # if no other process writes
        self._records, self._size = (
            BLOCK_RECORDS,
            0,
        )  # of this process since the last block, if other processes wrote too
        self._fields.clear()

    def add(self, db: Connection, rows: Sequence[Row], ids: range) -> None:
        """Cache records, written with some of *ids*, and make the blocks that they fill."""
        if ids.start != self._next_id:
            self._unindexed = Builder()
            self._is_complete = False
        self._next_id = ids.stop
        if self._is_complete:
            self._make_blocks(db, iter(rows))
            return
        self._records += len(rows)
        self._size += sum(len(row[4]) + len(row[5]) for row in rows)
        if self._records >= BLOCK_RECORDS or self._size >= BLOCK_SOURCE:
            self._read_unindexed(db)

    def index_all(self, db: Connection) -> None:
        """Put all records into blocks, so that no reader uses its cached copies of them."""
        self._read_unindexed(db)
        if len(self._unindexed):
            self._make_block(db)

    def _read_unindexed(self, db: Connection) -> None:
        """Make blocks of the records that are in none, and cache the rest."""
        self._unindexed = Builder()
        self._make_blocks(db, read_rows(db, self._dialect, unindexed_ids(db, self._dialect)))
        self._is_complete = True
        self._records = self._size = 0

    def _make_blocks(self, db: Connection, rows: Iterator[Row]) -> None:
        while self._unindexed.fill(rows, (BLOCK_RECORDS, BLOCK_SIZE, BLOCK_SOURCE)):
            self._make_block(db)

    def _make_block(self, db: Connection) -> None:
        insert_block(db, self._unindexed.build())
        self._fields.add(db, self._unindexed.fields)
        self._unindexed = Builder()


class Unindexed:
    """The records that are in no block yet, as a block; cached from search to search."""

    def __init__(self, dialect: RowDialect):
        self._dialect = dialect
        self._lock = Lock()
        self._builder = Builder()
        self._block = self._builder.build()

    def read(self, db: Connection) -> tuple[Block, Fields]:
        """Return them, and their fields, as of the snapshot of *db*; only new records are read."""
        ids = unindexed_ids(db, self._dialect)
        with self._lock:
            if ids[: len(self._builder)] != self._builder.ids:
                self._builder = Builder()
            new = ids[len(self._builder) :]
            self._builder.fill(read_rows(db, self._dialect, new))
            if len(self._block) != len(ids) or new:
                self._block = self._builder.build()
            return self._block, self._builder.fields
