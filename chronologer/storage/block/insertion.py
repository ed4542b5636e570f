"""
Writes records in a transaction: blocks, batches, counters, fields, keys.

Many records become a block, which is built before the transaction. Fewer become a batch. Who fills
a block's worth of batches makes the block and deletes them, in the same transaction.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from chronologer.errors import RefusedError
from chronologer.model import Record
from chronologer.storage import Batch, BatchKey, Outcome, Prepared, check_ascending, idempotency
from chronologer.storage.block import batch
from chronologer.storage.block.batch import (
    BatchRow,
    encode_records,
    insert_batch,
    insert_lines,
    join,
    read_batches,
)
from chronologer.storage.block.build import Built, build
from chronologer.storage.block.store import (
    State,
    insert_block,
    read_state,
    write_state,
)
from chronologer.storage.block.table import Table, make_table, selected
from chronologer.storage.database import Connection
from chronologer.storage.sql import counters
from chronologer.storage.sql.dialect import Dialect
from chronologer.storage.sql.field_table import FieldTable
from chronologer.storage.sql.loggers import Loggers

# Records of a block; fewer at a time become a batch. Batches of so many bytes become one, too.
BLOCK_RECORDS, MIN_RECORDS, MAX_BATCHES_SIZE = 4096, 2048, 8 * 2**20
JOINED_RECORDS = 256  # of which columns are made together, before there are enough for a block
MIN_LINES = 32  # that are decoded together

ByName = Counter[tuple[str, int, int]]  # records by logger, quarter of an hour and level


@dataclass(slots=True)
class Piece:
    """A batch of a request, ready to be written."""

    count: int
    content: Table | Sequence[Record] = ()  # its records, if they are few
    lines: Sequence[bytes] = ()  # that it was decoded from, if it is a table
    json: bytes = b''  # of the records, if it has no lines
    built: Sequence[Built] = ()  # its blocks, if there are many records
    error: RefusedError | None = None

    @property
    def records(self) -> Sequence[Record]:
        """The records, if they are no table."""
        assert not isinstance(self.content, Table)
        return self.content


def prepare(batch: Batch) -> Piece:
    """Encode a batch; the piece has an error if that is not possible."""
    if isinstance(batch, Prepared):
        piece: Piece = batch.rows
        return piece
    records = list(batch)
    try:
        if len(records) < MIN_RECORDS:
            return Piece(len(batch), records, json=encode_records(records))
        return Piece(len(batch), built=build_all(make_table(records)))
    except (TypeError, ValueError, OverflowError) as ex:
        return Piece(0, error=RefusedError(f'the storage cannot store the batch: {ex}'))


def decode(lines: Sequence[bytes]) -> Piece | None:
    """Decode and encode lines; None is returned if they are few or one of them is unusual."""
    if len(lines) < MIN_LINES:
        return None
    table = batch.lines.decode(lines)
    if table is None:
        return None
    if len(lines) < MIN_RECORDS:
        return Piece(len(lines), table, lines)
    return Piece(len(lines), built=build_all(table))


def build_all(table: Table) -> list[Built]:
    """Build blocks of about the same size."""
    count = max(1, len(table) // BLOCK_RECORDS)
    if count == 1:
        return [build(table)]
    parts = np.array_split(np.arange(len(table)), count)
    return [build(selected(table, where)) for where in parts]


def ids_of(table: Table) -> list[int]:
    """Return the ids of a table that has them."""
    assert table.ids is not None
    ids: list[int] = table.ids.tolist()
    return ids


class Insertion:
    """
    Writes the batches of one storage; caches the ids of loggers, and batches that are in no block.

    The caches are dropped with the connection, which ends when a transaction fails.
    """

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self._db: Connection | None = None  # the last one
        self._version = -1  # of the database, when the batches were cached
        self._loggers, self._fields = Loggers(dialect), FieldTable()
        self._batches: list[BatchRow] | None = None  # None: not all are known
        self._joined, self._new_records = 0, 0  # batches of which columns were made; records after

    def drop_caches(self) -> None:
        """Drop what another transaction of this connection has changed."""
        self._version = -1

    def insert(
        self, db: Connection, pieces: Sequence[Piece], keys: Sequence[BatchKey | None]
    ) -> list[Outcome]:
        """Write batches with their keys; see `Storage.insert`."""
        state = self._begin(db)
        if any(keys):
            idempotency.expire(db)
        outcomes: list[Outcome] = []
        few: list[tuple[Piece, range]] = []
        for piece, key in zip(pieces, keys, strict=True):
            outcome = piece.error or (idempotency.recall(db, key) if key else None)
            if outcome is None:
                ids = state.take_ids(piece.count)
                outcome = list(ids)
                if key:
                    idempotency.remember(db, key, outcome)
                if piece.built:
                    self._insert_blocks(db, piece.built, ids)
                elif ids:
                    few.append((piece, ids))
            outcomes.append(outcome)
        if few:
            self._insert_few(db, state, few)
        write_state(db, state)
        return outcomes

    def restore(self, db: Connection, records: Sequence[Record]) -> None:
        """Write records with their own ids; see `Storage.restore`."""
        state = self._begin(db)
        check_ascending(records, last_stored_id(db))
        ids = [record.id for record in records if record.id is not None]
        state.last_id = max(state.last_id, ids[-1])
        try:
            if len(records) < MIN_RECORDS:
                state.changes += 1  # others may know purged batches with the same ids
                self._insert_records(db, state, records, ids, encode_records(records))
            else:
                blocks = build_all(make_table(records).with_ids(ids))
                self._insert_blocks(db, blocks, ids)
        except (TypeError, ValueError, OverflowError) as ex:
            error = f'the storage cannot store the records {ids[0]} to {ids[-1]}: {ex}'
            raise RefusedError(error) from ex
        write_state(db, state)

    def _begin(self, db: Connection) -> State:
        """Drop caches that another connection has made invalid; return the state."""
        if db is not self._db:
            self._db = db
            self._loggers.clear()
            self._fields.clear()
            self._version = -1
        (version,) = db.execute('PRAGMA data_version').fetchone()
        if version != self._version:
            self._batches = None
            self._version = version
        return read_state(db)

    def _insert_few(self, db: Connection, state: State, few: Sequence[tuple[Piece, range]]) -> None:
        """Write pieces of few records: together those that are no lines."""
        if sum(len(ids) for _, ids in few) >= MIN_RECORDS:
            table = join((piece.content, ids) for piece, ids in few)
            self._insert_blocks(db, build_all(table), ids_of(table))
            return
        for has_lines, some in groupby(few, lambda pair: isinstance(pair[0].content, Table)):
            if has_lines:
                for piece, ids in some:
                    self._insert_lines(db, state, piece, ids)
            else:
                self._insert_together(db, state, list(some))

    def _insert_lines(self, db: Connection, state: State, piece: Piece, ids: range) -> None:
        assert isinstance(piece.content, Table)
        insert_lines(db, piece.lines, ids)
        self._note(db, state, BatchRow(ids, piece.content, sum(map(len, piece.lines))))

    def _insert_together(
        self, db: Connection, state: State, few: Sequence[tuple[Piece, range]]
    ) -> None:
        records = [record for piece, _ in few for record in piece.records]
        json = b','.join(piece.json for piece, _ in few)
        self._insert_records(db, state, records, [id for _, ids in few for id in ids], json)

    def _insert_blocks(self, db: Connection, blocks: Sequence[Built], ids: Sequence[int]) -> None:
        """Write blocks, and count their records."""
        start = 0
        for built in blocks:
            insert_block(db, built, ids[start : start + built.count])
            start += built.count
            self._fields.add(db, built.fields)
            self._count(db, built.counts)

    def _insert_records(
        self,
        db: Connection,
        state: State,
        records: Sequence[Record],
        ids: Sequence[int],
        json: bytes,
    ) -> None:
        insert_batch(db, json, ids)
        self._note(db, state, BatchRow(ids, records, len(json)))

    def _note(self, db: Connection, state: State, batch: BatchRow) -> None:
        """Note a batch, and make blocks of all batches if there are enough records, or bytes."""
        if self._batches is not None:
            self._remember(self._batches, batch)
        state.batched += len(batch.ids)
        state.batched_size += batch.size
        if state.batched >= BLOCK_RECORDS or state.batched_size >= MAX_BATCHES_SIZE:
            self._seal(db)
            state.batched = state.batched_size = 0

    def _remember(self, batches: list[BatchRow], batch: BatchRow) -> None:
        """
        Cache a batch for the block that it will be part of.

        Columns of some hundred records are made together, so that posts do not wait for those of a
        whole block.
        """
        batches.append(batch)
        self._new_records += len(batch.ids)
        if self._new_records >= JOINED_RECORDS:
            new = batches[self._joined :]
            table = join((one.content, one.ids) for one in new)
            size = sum(one.size for one in new)
            batches[self._joined :] = [BatchRow(ids_of(table), table, size)]
            self._joined, self._new_records = len(batches), 0

    def _seal(self, db: Connection) -> None:
        """Make blocks of all batches."""
        batches = read_batches(db) if self._batches is None else self._batches
        self._batches, self._joined, self._new_records = [], 0, 0
        table = join((batch.content, batch.ids) for batch in batches)
        self._insert_blocks(db, build_all(table), ids_of(table))
        db.execute('DELETE FROM batch')

    def _count(self, db: Connection, by_name: ByName) -> None:
        counts = Counter(
            {
                (self._loggers.id_of(db, name), quarter, level): n
                for (name, quarter, level), n in by_name.items()
            }
        )
        counters.add(db, self._dialect, counts)


def last_stored_id(db: Connection) -> int:
    """Return the highest id of a record, or 0."""
    in_batches = 'SELECT last_id FROM batch ORDER BY id DESC LIMIT 1'
    ids = db.execute(f'SELECT (SELECT max(last_id) FROM block), ({in_batches})').fetchone()
    return max(id or 0 for id in ids)
