"""
Inserts many rows by few statements.

The drivers release the GIL at each statement, and wait for it afterwards. With a statement for each
row, a thread that decodes would run most of the time. On a network each statement is a round trip.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from chronologer.storage.database import Connection

SIZES = 512, 128, 32, 8, 3, 2, 1  # rows; SQLite allows 32,766 parameters, and compiles each once


def insert_rows(db: Connection, insert: str, rows: Sequence[Sequence[Any]], end: str = '') -> None:
    """Execute *insert*, a statement up to VALUES, with all rows; *end* continues it."""
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            some = rows[start : start + size]
            db.execute(_statement(insert, len(some[0]), size, end), list(chain.from_iterable(some)))
            start += size


@lru_cache
def _statement(insert: str, columns: int, rows: int, end: str) -> str:
    row = f'({", ".join("?" * columns)})'
    return f'{insert} VALUES {", ".join([row] * rows)} {end}'
