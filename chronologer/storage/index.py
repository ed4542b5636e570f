"""
The search index of the SQL storages: blocks of records, and signatures of groups of them.

Records are gathered into blocks in the order of their ids, by the transaction that writes the one
which fills a block. What is in no block yet, the tail, is read from its table and searched the same
way, so that an answer is always complete. Purging takes records out of their blocks in the same
transaction: a block has exactly the records from its first to its last id.
"""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
import orjson

from chronologer.storage import MAX_FIELDS
from chronologer.storage.block import Block
from chronologer.storage.builder import Builder, Fields, Row, make_block
from chronologer.storage.counters import Dialect
from chronologer.storage.rows import insert_rows
from chronologer.storage.signature import (
    BITS,
    GROUP,
    PAGE_BITS,
    PAGE_SIZE,
    make_signature,
)

# What fills a block: records, bytes of text and tokens, and characters of message and logrec.
BLOCK_RECORDS, BLOCK_SIZE, BLOCK_SOURCE = 1024, 2**18, 2**20
MAX_SIZE = 2**19  # of a block that has its own text, which is a parameter of a statement
READ_RECORDS = 20  # at once; they may be large
WRITE_PAGES = 128  # at once, of 2 KB

NEVER = -1  # is no id
PAGES = range(1 << BITS - PAGE_BITS)


class Index:
    """
    Makes the blocks of what a process writes.

    Between transactions it remembers what it has seen since the last block. That is all there is
    as long as no other process writes or purges, which the ids tell: then a block is made of what
    is remembered, or else of what is read.
    """

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self._fields: Fields = set()  # that are in their table
        self.forget()

    def forget(self) -> None:
        """A transaction was undone, and with it what we have been told of."""
        self._tail = Builder()  # if it is complete
        self._is_complete = False
        self._next_id = NEVER  # if nobody else writes
        self._records, self._size = BLOCK_RECORDS, 0  # ours since the last block, if incomplete
        self._fields.clear()

    def add(self, db: Any, rows: Sequence[Row], ids: range) -> None:
        """Take note of records, written with some of *ids*, and make the blocks they fill."""
        if ids.start != self._next_id:
            self._tail = Builder()
            self._is_complete = False
        self._next_id = ids.stop
        if self._is_complete:
            self._make_blocks(db, iter(rows))
            return
        self._records += len(rows)
        self._size += sum(len(row[4]) + len(row[5]) for row in rows)
        if self._records >= BLOCK_RECORDS or self._size >= BLOCK_SOURCE:
            self._read_tail(db)

    def close_tail(self, db: Any) -> None:
        """Put all that is in no block into blocks: nobody who remembers it shall be asked."""
        self._read_tail(db)
        if len(self._tail):
            self._make_block(db)

    def _read_tail(self, db: Any) -> None:
        """Make blocks of what is in none, and remember the rest."""
        self._tail = Builder()
        self._make_blocks(db, read_rows(db, self._dialect, _tail_ids(db, self._dialect)))
        self._is_complete = True
        self._records = self._size = 0

    def _make_blocks(self, db: Any, rows: Iterator[Row]) -> None:
        while self._tail.fill(rows, (BLOCK_RECORDS, BLOCK_SIZE, BLOCK_SOURCE)):
            self._make_block(db)

    def _make_block(self, db: Any) -> None:
        _insert(db, self._tail.build())
        self._add_fields(db, self._tail.fields)
        self._tail = Builder()

    def _add_fields(self, db: Any, fields: Fields) -> None:
        if fields <= self._fields:
            return
        self._fields = read_fields(db)
        new = sorted(fields - self._fields)[: MAX_FIELDS - len(self._fields)]
        rows = [(name.encode(), type) for name, type in new]
        insert_rows(db, 'INSERT INTO field (name, type)', rows)
        self._fields.update(new)


class Tail:
    """The records that are in no block yet, as one; kept from search to search."""

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self._lock = Lock()
        self._builder = Builder()
        self._block = self._builder.build()

    def read(self, db: Any) -> tuple[Block, Fields]:
        """Bring it up to the moment that *db* sees; only what is new is read."""
        ids = _tail_ids(db, self._dialect)
        with self._lock:
            if ids[: len(self._builder)] != self._builder.ids:
                self._builder = Builder()
            new = ids[len(self._builder) :]
            self._builder.fill(read_rows(db, self._dialect, new))
            if len(self._block) != len(ids) or new:
                self._block = self._builder.build()
            return self._block, self._builder.fields


def _tail_ids(db: Any, dialect: Dialect) -> list[int]:
    """The records that are in no block."""
    rows = db.execute(
        f"""
        SELECT id FROM {dialect.records_by_id}
        WHERE id > (SELECT coalesce(max(last_id), 0) FROM block)
        ORDER BY id
        """
    ).fetchall()
    return [id for (id,) in rows]


def read_fields(db: Any) -> Fields:
    """The fields that are known from blocks."""
    rows = db.execute('SELECT name, type FROM field').fetchall()
    return {(bytes(name).decode(), type) for name, type in rows}


def read_rows(db: Any, dialect: Dialect, ids: list[int]) -> Iterator[Row]:
    """Records as blocks are made of; *ids* are all from the first to the last."""
    for start in range(0, len(ids), READ_RECORDS):
        some = ids[start : start + READ_RECORDS]
        rows = db.execute(
            f"""
            SELECT id, {dialect.ts}, level, logger, message, logrec FROM {dialect.records_by_id}
            WHERE id BETWEEN ? AND ?
            ORDER BY id
            """,
            (some[0], some[-1]),
        ).fetchall()
        for *columns, message, logrec in rows:
            yield (*columns, message, logrec, orjson.loads(logrec))


def _insert(db: Any, block: Block) -> None:
    db.execute(
        """
        INSERT INTO block (last_id, first_id, low_ts, high_ts, max_level, columns, text, tokens)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (int(block.ids[-1]), int(block.ids[0]), *_stored(block)),
    )
    _sign(db)


def _stored(block: Block) -> tuple[Any, ...]:
    """A block as its row has it; a large one has its text only in the records."""
    bounds = int(block.ts.min()), int(block.ts.max()), int(block.levels.max())
    columns, text, tokens = block.pack()
    if len(block.text) + 2 * len(block.tokens) > MAX_SIZE:
        return *bounds, columns, None, None
    return *bounds, columns, text, tokens


def fetch_blocks(
    db: Any, ids: list[int], text: bool = True, tokens: bool = True
) -> dict[int, Block | None]:
    """Blocks by their last ids, with what is asked of text and tokens; None for large ones."""
    if not ids:
        return {}
    places = ', '.join('?' * len(ids))
    rows = db.execute(
        f"""
        SELECT last_id, text IS NULL, columns,
               {'text' if text else 'NULL'}, {'tokens' if tokens else 'NULL'}
        FROM block
        WHERE last_id IN ({places})
        """,
        ids,
    ).fetchall()
    return {last_id: None if is_large else Block(*packed) for last_id, is_large, *packed in rows}


def read_large(db: Any, dialect: Dialect, last_id: int) -> Block:
    """A large block, made anew of its records."""
    rows = db.execute(
        f"""
        SELECT id FROM {dialect.records_by_id}
        WHERE id BETWEEN (SELECT first_id FROM block WHERE last_id = ?) AND ?
        ORDER BY id
        """,
        (last_id, last_id),
    ).fetchall()
    return make_block(read_rows(db, dialect, [id for (id,) in rows]))


def _sign(db: Any) -> None:
    """Give the oldest blocks without a signature one, if they are enough for a group."""
    ids = db.execute(
        'SELECT last_id FROM block WHERE signature IS NULL ORDER BY last_id LIMIT ?', (GROUP,)
    ).fetchall()
    if len(ids) < GROUP:
        return
    signature = ids[-1][0]
    blocks = [fetch_blocks(db, [last_id])[last_id] for (last_id,) in ids]
    db.executemany(
        'UPDATE block SET signature = ?, slot = ? WHERE last_id = ?',
        [(signature, slot, last_id) for slot, (last_id,) in enumerate(ids)],
    )
    words = make_signature(blocks)
    pages = [(page, signature, words[page * PAGE_SIZE :][:PAGE_SIZE]) for page in PAGES]
    for start in range(0, len(pages), WRITE_PAGES):
        some = pages[start : start + WRITE_PAGES]
        insert_rows(db, 'INSERT INTO signature (page, id, words)', some)


def remove(db: Any, dialect: Dialect, ids: list[int]) -> None:
    """Take deleted records out of their blocks."""
    removed = np.sort(np.array(ids, np.int64))
    blocks = db.execute(
        'SELECT first_id, last_id, signature FROM block WHERE last_id >= ? AND first_id <= ?',
        (int(removed[0]), int(removed[-1])),
    ).fetchall()
    signatures = set()
    for first_id, last_id, signature in blocks:
        start, end = np.searchsorted(removed, (first_id, last_id + 1))
        if start == end:
            continue
        found = fetch_blocks(db, [last_id])[last_id]
        block = read_large(db, dialect, last_id) if found is None else found
        block = block.without(removed[start:end])
        if len(block):
            db.execute(
                """
                UPDATE block
                SET low_ts = ?, high_ts = ?, max_level = ?, columns = ?, text = ?, tokens = ?
                WHERE last_id = ?
                """,
                (*_stored(block), last_id),
            )
        else:
            db.execute('DELETE FROM block WHERE last_id = ?', (last_id,))
            signatures.add(signature)
    for signature in signatures - {None}:
        left = db.execute('SELECT 1 FROM block WHERE signature = ? LIMIT 1', (signature,))
        if left.fetchone() is None:
            pages = [(page, signature) for page in PAGES]
            db.executemany('DELETE FROM signature WHERE page = ? AND id = ?', pages)
