"""
The tables of blocks, and the state of the storage.

A block is a row of ``block``, and its header, columns and signature are rows of ``part``, numbered
from the block's id. Ids of blocks and batches are never used again, and their rows never change, so
a process may cache what it has read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chronologer.storage.block import signature
from chronologer.storage.block.build import Built
from chronologer.storage.database import Connection

PARTS = 1024  # numbers of parts for each block
HEADER, SIGNATURE = 0, PARTS - 1  # numbers of parts; columns are between them
BLOCK = 'id, first_id, last_id, n, low_ts, high_ts, max_level, size, group_id, slot'


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A row of ``block``."""

    id: int
    first_id: int
    last_id: int
    count: int
    low_ts: int  # microseconds since the epoch
    high_ts: int
    max_level: int
    size: int  # of its data, in bytes
    group_id: int | None  # whose signature it is in
    slot: int  # its bit there


def insert_block(db: Connection, built: Built, ids: Sequence[int]) -> int:
    """Insert a block of records with *ids*, and return its own id."""
    id = db.execute(
        """
        INSERT INTO block (first_id, last_id, n, low_ts, high_ts, max_level, size, slot)
        VALUES (?, ?, ?, ?, ?, ?, ?, 0)
        """,
        (ids[0], ids[-1], built.count, *built.bounds, built.size),
    ).lastrowid
    assert id is not None
    parts = [*enumerate(built.parts), (SIGNATURE, built.signature)]
    rows = [(id * PARTS + number, data) for number, data in parts if data]
    db.executemany('INSERT INTO part (id, data) VALUES (?, ?)', rows)
    _complete_group(db)
    return id


def _complete_group(db: Connection) -> None:
    """Combine the signatures of the blocks that are in no group, if there are enough of them."""
    blocks = db.execute('SELECT id FROM block WHERE group_id IS NULL ORDER BY id').fetchall()
    if len(blocks) < signature.GROUP:
        return
    ids = [id for (id,) in blocks[: signature.GROUP]]
    parts = [read_part(db, id, SIGNATURE) for id in ids]
    group_id = ids[0]
    for page, words in enumerate(signature.pages(signature.combine(parts))):
        statement = 'INSERT INTO signature (page, group_id, words) VALUES (?, ?, ?)'
        db.execute(statement, (page, group_id, words))
    for slot, id in enumerate(ids):
        db.execute('UPDATE block SET group_id = ?, slot = ? WHERE id = ?', (group_id, slot, id))
        db.execute('DELETE FROM part WHERE id = ?', (id * PARTS + SIGNATURE,))


def delete_block(db: Connection, row: BlockRow) -> None:
    """Delete a block, and the signature of its group if no block is left in it."""
    db.execute('DELETE FROM block WHERE id = ?', (row.id,))
    start = row.id * PARTS
    db.execute('DELETE FROM part WHERE id BETWEEN ? AND ?', (start, start + PARTS - 1))
    if row.group_id is not None:
        left = db.execute('SELECT 1 FROM block WHERE group_id = ? LIMIT 1', (row.group_id,))
        if left.fetchone() is None:
            db.execute('DELETE FROM signature WHERE group_id = ?', (row.group_id,))


def read_part(db: Connection, block_id: int, number: int) -> bytes:
    """Return a part of a block as it is stored; it is empty if there is none."""
    row = db.execute('SELECT data FROM part WHERE id = ?', (block_id * PARTS + number,)).fetchone()
    return bytes(row[0]) if row else b''


@dataclass(slots=True)
class State:
    """The one row of ``state``."""

    last_id: int  # that was ever given to a record
    changes: int  # how often batches were replaced
    batched: int  # records in batches
    batched_size: int  # bytes of their JSON

    def take_ids(self, count: int) -> range:
        """Reserve ids for records."""
        ids = range(self.last_id + 1, self.last_id + 1 + count)
        self.last_id += count
        return ids


def read_state(db: Connection) -> State:
    """Return the row of ``state``."""
    row = db.execute('SELECT last_id, changes, batched, batched_size FROM state').fetchone()
    return State(*row)


def write_state(db: Connection, state: State) -> None:
    """Store the row of ``state``."""
    values = state.last_id, state.changes, state.batched, state.batched_size
    db.execute('UPDATE state SET last_id = ?, changes = ?, batched = ?, batched_size = ?', values)
