"""
Batches: a few records in one row, until there are enough of them for a block.

They are stored in the form in which they came: as lines of JSON that are decoded together, or as
records in JSON.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import orjson

from chronologer.model import Record, instant, microseconds
from chronologer.storage.block.block import block_of
from chronologer.storage.block.compression import compress, decompress
from chronologer.storage.block.encoding import ABSENT
from chronologer.storage.block.lines import LineDecoder
from chronologer.storage.block.pack import pack
from chronologer.storage.block.table import MAX_COLUMNS, REST, Key, Table, make_table
from chronologer.storage.database import Connection

MIN_COMPRESSED, LEVEL = 16_384, 1  # bytes of a batch that is compressed, level of zstd

lines = LineDecoder()


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A few records that are in no block yet."""

    ids: Sequence[int]
    content: 'Table | Sequence[Record]'
    size: int  # as they are stored, before compression, in bytes

    @property
    def id(self) -> int:
        """The id of its first record, by which it is stored."""
        return self.ids[0]

    @property
    def records(self) -> Sequence[Record]:
        """The records."""
        return records_of(self.content) if isinstance(self.content, Table) else self.content


def records_of(table: Table) -> list[Record]:
    """Return the records of a table."""
    block = block_of(pack(table), 1)
    return [record._replace(id=None) for record in block.records(np.arange(len(table)), whole=True)]


def join(batches: Iterable[tuple[Table | Sequence[Record], Sequence[int]]]) -> Table:
    """Return the records of batches with their ids as one table, in the order of ids."""
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


def insert_batch(db: Connection, json: bytes, ids: Sequence[int]) -> None:
    """Insert records that `encode_records` has encoded."""
    is_gapless = ids[-1] - ids[0] == len(ids) - 1
    numbers = b'null' if is_gapless else orjson.dumps(list(ids))
    _insert_batch(db, b'[%b,[%b]]' % (numbers, json), len(json), ids)


def insert_lines(db: Connection, lines: Sequence[bytes], ids: range) -> None:
    """Insert records as the lines that `LineDecoder` has decoded."""
    _insert_batch(db, b'\n'.join(lines), sum(map(len, lines)), ids)


def _insert_batch(db: Connection, data: bytes, size: int, ids: Sequence[int]) -> None:
    row = ids[0], ids[-1], len(ids), size, compress(data, MIN_COMPRESSED, LEVEL)
    db.execute('INSERT INTO batch (id, last_id, n, size, records) VALUES (?, ?, ?, ?, ?)', row)


def read_batches(db: Connection, after_id: int = 0) -> list[BatchRow]:
    """Return the batches after one, in the order of their ids."""
    rows = db.execute(
        'SELECT id, n, size, records FROM batch WHERE id > ? ORDER BY id', (after_id,)
    ).fetchall()
    return [_read_batch(*row) for row in rows]


def _read_batch(first_id: int, count: int, size: int, stored: bytes) -> BatchRow:
    data = decompress(bytes(stored))
    ids: Sequence[int] = range(first_id, first_id + count)
    if data.startswith(b'{'):
        texts = data.split(b'\n')
        # Another process has decoded them. A decoder that knows no fields decodes any such lines.
        table = lines.decode(texts) or LineDecoder().decode(texts)
        assert table is not None
        return BatchRow(ids, table, size)
    some_ids, items = orjson.loads(data)
    records = [
        Record(instant(ts), name, level, message, logrec)
        for ts, name, level, message, logrec in items
    ]
    return BatchRow(some_ids or ids, records, size)
