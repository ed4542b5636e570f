"""
The tables of blocks and batches.

A block is a row of ``block``, and its header, columns and signature are rows of ``part``, numbered
from the block's id. A batch is a row of ``batch``: a few records in JSON, until there are enough of
them for a block. Ids of blocks and batches are never used again, and their rows never change, so a
process may cache what it has read.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import orjson

from chronologer.model import Record, instant, microseconds
from chronologer.storage import MAX_FIELDS
from chronologer.storage.block import signature
from chronologer.storage.block.block import block_of, write_header
from chronologer.storage.block.build import (
    MAX_COLUMNS,
    REST,
    Key,
    Table,
    compress,
    count_records,
    decompress,
    fields_of,
    make_table,
    pack,
    searched_texts,
)
from chronologer.storage.block.encoding import ABSENT
from chronologer.storage.block.lines import LineDecoder
from chronologer.storage.database import Connection
from chronologer.storage.fields import Fields

PARTS = 1024  # numbers of parts for each block
MIN_BATCH, BATCH_LEVEL = 16_384, 1  # bytes of a batch that is compressed, level of zstd
HEADER, SIGNATURE = 0, PARTS - 1  # numbers of parts; columns are between them

lines = LineDecoder()


@dataclass(slots=True)
class Built:
    """A block that is ready to be stored, but for the ids of its records; without these records."""

    count: int
    bounds: tuple[int, int, int]  # lowest and highest ts, highest level
    size: int  # of the columns, in bytes
    parts: list[bytes]  # compressed: header, columns
    signature: bytes
    counts: Counter[tuple[str, int, int]]  # by logger, quarter of an hour and level
    fields: Fields


def build(table: Table) -> Built:
    """
    Build a block.

    Raises:
        TypeError, ValueError, OverflowError: A record cannot be stored.
    """
    packed = pack(table)
    return Built(
        len(table),
        (packed.low_ts, packed.high_ts, packed.max_level),
        sum(map(len, packed.parts)),
        list(map(compress, [write_header(packed), *packed.parts])),
        signature.sign(searched_texts(table)),
        count_records(table),
        fields_of(table),
    )


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


BLOCK = 'id, first_id, last_id, n, low_ts, high_ts, max_level, size, group_id, slot'


def insert_block(
    db: Connection, built: Built, ids: Sequence[int], place: tuple[int | None, int] | None = None
) -> int:
    """
    Insert a block of records with *ids*, and return its own id.

    *place* is that in a group, if it replaces another block.
    """
    group_id, slot = place or (None, 0)
    id = db.execute(
        """
        INSERT INTO block (first_id, last_id, n, low_ts, high_ts, max_level, size, group_id, slot)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (ids[0], ids[-1], built.count, *built.bounds, built.size, group_id, slot),
    ).lastrowid
    assert id is not None
    parts = [(number, data) for number, data in enumerate(built.parts) if data]
    if group_id is None:
        parts.append((SIGNATURE, built.signature))
    rows = [(id * PARTS + number, data) for number, data in parts]
    db.executemany('INSERT INTO part (id, data) VALUES (?, ?)', rows)
    if place is None:
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


def delete_block(db: Connection, row: BlockRow, is_replaced: bool = False) -> None:
    """Delete a block, and the signature of its group if no block is left in it."""
    db.execute('DELETE FROM block WHERE id = ?', (row.id,))
    start = row.id * PARTS
    db.execute('DELETE FROM part WHERE id BETWEEN ? AND ?', (start, start + PARTS - 1))
    if row.group_id is not None and not is_replaced:
        left = db.execute('SELECT 1 FROM block WHERE group_id = ? LIMIT 1', (row.group_id,))
        if left.fetchone() is None:
            db.execute('DELETE FROM signature WHERE group_id = ?', (row.group_id,))


def read_part(db: Connection, block_id: int, number: int) -> bytes:
    """Return a part of a block as it is stored; it is empty if there is none."""
    row = db.execute('SELECT data FROM part WHERE id = ?', (block_id * PARTS + number,)).fetchone()
    return bytes(row[0]) if row else b''


# Batches


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


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A few records that are in no block yet."""

    id: int
    ids: Sequence[int]
    content: 'Table | Sequence[Record]'
    size: int  # as they are stored, before compression, in bytes

    @property
    def records(self) -> Sequence[Record]:
        """The records."""
        return records_of(self.content) if isinstance(self.content, Table) else self.content


def records_of(table: Table) -> list[Record]:
    """Return the records of a table."""
    block = block_of(pack(table), 1)
    return [record._replace(id=None) for record in block.records(np.arange(len(table)), whole=True)]


def join(batches: Iterable[tuple[Table | Sequence[Record], Sequence[int]]]) -> Table:
    """Return the records of batches with their ids as one table."""
    ids: list[int] = []
    parts: list[Table] = []
    records: list[Record] = []  # of batches that follow each other
    for content, its_ids in batches:
        ids += its_ids
        if isinstance(content, Table):
            if records:
                parts.append(make_table(records))
                records = []
            parts.append(content)
        else:
            records += content
    if records:
        parts.append(make_table(records))
    return _join_tables(parts).with_ids(ids)


def _join_tables(tables: Sequence[Table]) -> Table:
    if len(tables) == 1:
        return tables[0]
    keys = dict.fromkeys(chain.from_iterable(table.columns for table in tables))
    if len(keys) > MAX_COLUMNS or REST in keys:  # others fields have to be kept together
        return make_table([record for table in tables for record in records_of(table)])
    columns: dict[Key, Sequence[Any]] = {}
    for key in keys:
        parts = [table.columns.get(key) or [ABSENT] * len(table) for table in tables]
        columns[key] = list(chain.from_iterable(parts))
    return Table(None, np.concatenate([table.ts for table in tables]), columns)


def encode_records(records: Sequence[Record]) -> bytes:
    """
    Return records as the items of a JSON array.

    Raises:
        TypeError, ValueError: A record cannot be stored.
    """
    rows = []
    for ts, name, level, message, logrec, _ in records:
        if not -(2**31) <= level < 2**31:
            raise ValueError(f'level {level} is beyond 32 bits')
        rows.append((microseconds(ts), name, level, message, logrec or {}))
    return orjson.dumps(rows)[1:-1]


def insert_batch(db: Connection, json: bytes, ids: Sequence[int]) -> int:
    """Insert records that `encode_records` has encoded, and return the id of their batch."""
    is_gapless = ids[-1] - ids[0] == len(ids) - 1
    numbers = b'null' if is_gapless else orjson.dumps(list(ids))
    return _insert_batch(db, b'[%b,[%b]]' % (numbers, json), len(json), ids)


def insert_lines(db: Connection, lines: Sequence[bytes], ids: range) -> int:
    """Insert records as the lines that `LineDecoder` has decoded; return the id of their batch."""
    return _insert_batch(db, b'\n'.join(lines), sum(map(len, lines)), ids)


def _insert_batch(db: Connection, data: bytes, size: int, ids: Sequence[int]) -> int:
    row = ids[0], ids[-1], len(ids), size, compress(data, MIN_BATCH, BATCH_LEVEL)
    id = db.execute(
        'INSERT INTO batch (first_id, last_id, n, size, records) VALUES (?, ?, ?, ?, ?)', row
    ).lastrowid
    assert id is not None
    return id


def read_batches(db: Connection, after_id: int = 0) -> list[BatchRow]:
    """Return the batches after one, in the order of their ids."""
    rows = db.execute(
        'SELECT id, first_id, n, size, records FROM batch WHERE id > ? ORDER BY id', (after_id,)
    ).fetchall()
    return [_read_batch(*row) for row in rows]


def _read_batch(id: int, first_id: int, count: int, size: int, stored: bytes) -> BatchRow:
    data = decompress(bytes(stored))
    ids: Sequence[int] = range(first_id, first_id + count)
    if data.startswith(b'{'):
        table = lines.decode(data.split(b'\n'))
        assert table is not None
        return BatchRow(id, ids, table, size)
    some_ids, items = orjson.loads(data)
    records = [
        Record(instant(ts), name, level, message, logrec)
        for ts, name, level, message, logrec in items
    ]
    return BatchRow(id, some_ids or ids, records, size)


# Fields


def read_fields(db: Connection) -> Fields:
    """Return the fields of records that are in blocks."""
    rows = db.execute('SELECT name, type FROM field').fetchall()
    return {(bytes(name).decode(), type) for name, type in rows}


def add_fields(db: Connection, fields: Fields, stored: Fields) -> None:
    """Insert those *fields* that are not *stored*, up to the limit; add them to *stored*."""
    new = sorted(fields - stored)[: MAX_FIELDS - len(stored)]
    rows = [(name.encode(), type) for name, type in new]
    db.executemany('INSERT INTO field (name, type) VALUES (?, ?)', rows)
    stored.update(new)
