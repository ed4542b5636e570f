"""
The records that are in no block yet, as blocks in memory, cached from query to query.

They are read from the batches of the snapshot of a query. Only new batches are read; a few hundred
records are a block, of which only the last is made again.
"""

from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from chronologer.storage.block.batch import BatchRow, join, read_batches
from chronologer.storage.block.block import Block, block_of
from chronologer.storage.block.pack import pack
from chronologer.storage.block.table import Table, fields_of
from chronologer.storage.database import Connection
from chronologer.storage.fields import Fields

CHUNK = 512  # records of a block in memory, at least


class State(NamedTuple):
    """Identifies the batches of a snapshot."""

    first_id: int | None
    last_id: int | None
    changes: int  # how often batches were replaced


class Chunk(NamedTuple):
    """A block in memory."""

    block: Block
    table: Table
    size: int  # of its columns, in bytes
    low_ts: int
    high_ts: int


class Tail:
    """The records that are in no block; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._state = State(None, None, 0)
        self._batches: list[BatchRow] = []
        self._chunks: list[Chunk] = []
        self._chunked = 0  # batches in chunks that are not made again

    def read(self, db: Connection) -> Sequence[Chunk]:
        """Return the records as of the snapshot of *db*, in the order of their ids."""
        row = db.execute(
            'SELECT (SELECT min(id) FROM batch), (SELECT max(id) FROM batch), changes FROM state'
        )
        state = State(*row.fetchone())
        if state.last_id is None:
            return ()
        with self._lock:
            if state == self._state:
                return tuple(self._chunks)
            if self._is_newer_than(state):  # of a query that began earlier
                return _chunks_of(read_batches(db))[0]
            self._update(db, state)
            return tuple(self._chunks)

    def fields(self, db: Connection) -> Fields:
        """Return the fields of the records."""
        fields: Fields = set()
        for chunk in self.read(db):
            fields |= fields_of(chunk.table)
        return fields

    def _is_newer_than(self, state: State) -> bool:
        ours = self._state
        if ours.changes != state.changes or ours.last_id is None or state.last_id is None:
            return ours.changes > state.changes
        return state.last_id < ours.last_id or (state.first_id or 0) < (ours.first_id or 0)

    def _update(self, db: Connection, state: State) -> None:
        """Read what is new."""
        ours = self._state
        is_continued = (state.changes, state.first_id) == (ours.changes, ours.first_id)
        if not is_continued:
            self._batches, self._chunks, self._chunked = [], [], 0
        last_id = self._batches[-1].id if self._batches else 0
        self._batches += read_batches(db, last_id)
        if self._chunked < len(self._batches):
            del self._chunks[self._complete_chunks :]
            chunks, count = _chunks_of(self._batches[self._chunked :])
            self._chunks += chunks
            self._chunked += count
        self._state = state

    @property
    def _complete_chunks(self) -> int:
        """How many chunks are not made again."""
        return len(self._chunks) - bool(self._chunks and self._chunks[-1].block.count < CHUNK)


def _chunks_of(batches: Sequence[BatchRow]) -> tuple[list[Chunk], int]:
    """Make blocks of batches; return them, and how many batches are in complete ones."""
    chunks: list[Chunk] = []
    start = count = 0
    for end, batch in enumerate(batches, 1):
        count += len(batch.ids)
        if count >= CHUNK:
            chunks.append(_chunk(batches[start:end]))
            start, count = end, 0
    if count:
        chunks.append(_chunk(batches[start:]))
    return chunks, start


def _chunk(batches: Sequence[BatchRow]) -> Chunk:
    table = join((batch.content, batch.ids) for batch in batches)
    packed = pack(table)
    size = sum(map(len, packed.parts))
    block = block_of(packed, batches[0].ids[0])
    return Chunk(block, table, size, packed.low_ts, packed.high_ts)
