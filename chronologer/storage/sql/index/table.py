"""
The tables of the search index: blocks, signatures of groups of them, and fields.

A block has exactly the records from its first to its last id: a transaction that purges records
removes them from their blocks.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from chronologer.storage.database import Connection
from chronologer.storage.sql.bulk import insert_rows
from chronologer.storage.sql.dialect import Row, RowDialect
from chronologer.storage.sql.index.block import Block
from chronologer.storage.sql.index.builder import make_block
from chronologer.storage.sql.index.signature import (
    BITS,
    GROUP,
    PAGE_BITS,
    PAGE_SIZE,
    make_signature,
)

MAX_SIZE = 2**19  # bytes of a block that has its own text, which is a parameter of a statement
READ_RECORDS = 20  # by one statement; they may be large
WRITE_PAGES = 128  # of 2 KB, by one statement
PAGES = range(1 << BITS - PAGE_BITS)


def unindexed_ids(db: Connection, dialect: RowDialect) -> list[int]:
    """Return the ids of records that are in no block."""
    rows = db.execute(
        f"""
        SELECT id FROM {dialect.records_by_id}
        WHERE id > (SELECT coalesce(max(last_id), 0) FROM block)
        ORDER BY id
        """
    ).fetchall()
    return [id for (id,) in rows]


def read_rows(db: Connection, dialect: RowDialect, ids: list[int]) -> Iterator[Row]:
    """Yield records for a block; *ids* are those of all records from the first to the last."""
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


def insert_block(db: Connection, block: Block) -> None:
    """Insert a block, and a signature if it completes a group."""
    db.execute(
        """
        INSERT INTO block (last_id, first_id, low_ts, high_ts, max_level, columns, text, tokens)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (int(block.ids[-1]), int(block.ids[0]), *_stored(block)),
    )
    _sign(db)


def _stored(block: Block) -> tuple[Any, ...]:
    """Return the columns of a block in its table; a large block has no text there."""
    bounds = int(block.ts.min()), int(block.ts.max()), int(block.levels.max())
    columns, text, tokens = block.pack()
    if len(block.text) + 2 * len(block.tokens) > MAX_SIZE:
        return *bounds, columns, None, None
    return *bounds, columns, text, tokens


def fetch_blocks(
    db: Connection, ids: list[int], text: bool = True, tokens: bool = True
) -> dict[int, Block | None]:
    """Return blocks by their last ids, with text and tokens if wanted; None for large blocks."""
    if not ids:
        return {}
    rows = db.execute(
        f"""
        SELECT last_id, text IS NULL, columns,
               {'text' if text else 'NULL'}, {'tokens' if tokens else 'NULL'}
        FROM block
        WHERE last_id IN ({', '.join('?' * len(ids))})
        """,
        ids,
    ).fetchall()
    return {last_id: None if is_large else Block(*packed) for last_id, is_large, *packed in rows}


def read_large(db: Connection, dialect: RowDialect, last_id: int) -> Block:
    """Make a large block of its records."""
    rows = db.execute(
        f"""
        SELECT id FROM {dialect.records_by_id}
        WHERE id BETWEEN (SELECT first_id FROM block WHERE last_id = ?) AND ?
        ORDER BY id
        """,
        (last_id, last_id),
    ).fetchall()
    return make_block(read_rows(db, dialect, [id for (id,) in rows]))


def _sign(db: Connection) -> None:
    """Make a signature for the oldest blocks without one, if they are enough for a group."""
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


def remove(db: Connection, dialect: RowDialect, ids: list[int]) -> None:
    """Remove deleted records from their blocks."""
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
