"""
The search index of the SQL storages: blocks of records, and signatures of groups of them.

Records are gathered into blocks in the order of their ids, by the transaction that writes the one
which fills a block. What is in no block yet, the tail, is read from its table and searched the same
way, so that an answer is always complete. Purging takes records out of their blocks in the same
transaction: a block has exactly the records from its first to its last id.
"""

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from chronologer.model import Filter
from chronologer.storage.block import Block, Row
from chronologer.storage.bucket import time_range
from chronologer.storage.counters import Dialect, condition
from chronologer.storage.signature import (
    BITS,
    GROUP,
    PAGE_BITS,
    PAGE_SIZE,
    make_signature,
)

BLOCK_RECORDS, BLOCK_SIZE = 1024, 2**20  # at most; size in characters of message and logrec

PAGES = range(1 << BITS - PAGE_BITS)


def extend(db: Any, dialect: Dialect) -> tuple[int, int]:
    """
    Gather the tail into blocks, as many as it fills.

    Returns:
        How many records are left in the tail, and their size.
    """
    (last,) = db.execute('SELECT coalesce(max(last_id), 0) FROM block').fetchone()
    while True:
        sizes = db.execute(
            f"""
            SELECT id, length(message) + length(logrec) FROM {dialect.records_by_id}
            WHERE id > ?
            ORDER BY id
            LIMIT ?
            """,
            (last, BLOCK_RECORDS),
        ).fetchall()
        total = 0
        count = 0
        for _, size in sizes:
            total += size
            if total > BLOCK_SIZE:
                break
            count += 1
        if total <= BLOCK_SIZE and count < BLOCK_RECORDS:
            return count, total
        is_large = count == 0  # one record by itself, whose text stays where it is
        last = sizes[max(count, 1) - 1][0]
        block = Block.build(read_rows(db, dialect, sizes[0][0], last))
        _insert(db, block, is_large)
        _sign(db)


def read_rows(db: Any, dialect: Dialect, first: int, last: int) -> list[Row]:
    """The records from one id to another, as blocks are made of."""
    return _read(db, dialect, 'id BETWEEN ? AND ?', [first, last])


def read_tail(db: Any, dialect: Dialect, filter: Filter) -> list[Row]:
    """The records that are in no block yet, and match *filter*, which has no search."""
    span = time_range(filter)
    where, parameters = condition(dialect, filter)
    return _read(
        db,
        dialect,
        f"""
        id > (SELECT coalesce(max(last_id), 0) FROM block)
        AND ts BETWEEN {dialect.at} AND {dialect.at} {where}
        """,
        [span.low, span.high, *parameters],
    )


def _read(db: Any, dialect: Dialect, where: str, parameters: list[Any]) -> list[Row]:
    rows = db.execute(
        f"""
        SELECT id, {dialect.ts}, level, logger, message, logrec FROM {dialect.records_by_id}
        WHERE {where}
        ORDER BY id
        """,
        parameters,
    ).fetchall()
    return [(*columns, orjson.loads(logrec)) for *columns, logrec in rows]


def _insert(db: Any, block: Block, is_large: bool) -> None:
    columns, text, tokens = block.pack()
    db.execute(
        """
        INSERT INTO block (last_id, first_id, low_ts, high_ts, max_level, columns, text, tokens)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            int(block.ids[-1]),
            int(block.ids[0]),
            *_bounds(block),
            columns,
            None if is_large else text,
            None if is_large else tokens,
        ),
    )


def _bounds(block: Block) -> tuple[int, int, int]:
    return int(block.ts.min()), int(block.ts.max()), int(block.levels.max())


def _sign(db: Any) -> None:
    """Give the oldest blocks without a signature one, if they are enough for a group."""
    ids = db.execute(
        'SELECT last_id FROM block WHERE signature IS NULL ORDER BY last_id LIMIT ?', (GROUP,)
    ).fetchall()
    if len(ids) < GROUP:
        return
    signature = ids[-1][0]
    blocks: list[Block | None] = []
    for number, (last_id,) in enumerate(ids):
        columns, text, tokens = db.execute(
            'SELECT columns, text, tokens FROM block WHERE last_id = ?', (last_id,)
        ).fetchone()
        blocks.append(None if text is None else Block.unpack(columns, text, tokens))
        db.execute(
            'UPDATE block SET signature = ?, slot = ? WHERE last_id = ?',
            (signature, number, last_id),
        )
    words = make_signature(blocks)
    db.executemany(
        'INSERT INTO signature (page, id, words) VALUES (?, ?, ?)',
        [(page, signature, words[page * PAGE_SIZE :][:PAGE_SIZE]) for page in PAGES],
    )


def remove(db: Any, ids: list[int]) -> None:
    """Take records out of their blocks."""
    removed = np.sort(np.array(ids, np.int64))
    blocks = db.execute(
        'SELECT first_id, last_id, signature FROM block WHERE last_id >= ? AND first_id <= ?',
        (int(removed[0]), int(removed[-1])),
    ).fetchall()
    signatures = set()
    for first_id, last_id, signature in blocks:
        start, end = np.searchsorted(removed, (first_id, last_id + 1))
        if start < end and not _shrink(db, last_id, removed[start:end]):
            db.execute('DELETE FROM block WHERE last_id = ?', (last_id,))
            signatures.add(signature)
    for signature in signatures - {None}:
        left = db.execute('SELECT 1 FROM block WHERE signature = ? LIMIT 1', (signature,))
        if left.fetchone() is None:
            pages = [(page, signature) for page in PAGES]
            db.executemany('DELETE FROM signature WHERE page = ? AND id = ?', pages)


def _shrink(db: Any, last_id: int, ids: NDArray[np.int64]) -> bool:
    """Take records out of a block; tell whether any are left."""
    columns, text, tokens = db.execute(
        'SELECT columns, text, tokens FROM block WHERE last_id = ?', (last_id,)
    ).fetchone()
    if text is None:
        return False
    block = Block.unpack(columns, text, tokens).without(ids)
    if len(block) == 0:
        return False
    db.execute(
        """
        UPDATE block
        SET low_ts = ?, high_ts = ?, max_level = ?, columns = ?, text = ?, tokens = ?
        WHERE last_id = ?
        """,
        (*_bounds(block), *block.pack(), last_id),
    )
    return True
