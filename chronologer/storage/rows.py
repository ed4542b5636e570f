"""
Inserting many rows by few statements.

The drivers let other threads go on at each statement, and wait for their turn after it. With one
for each row, a thread that decodes would take most of the time; on a network each is a round trip.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

SIZES = 512, 128, 32, 8, 3, 2, 1  # rows; SQLite takes 32,766 parameters, and compiles each once


def insert_rows(db: Any, insert: str, rows: Sequence[Sequence[Any]], end: str = '') -> None:
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
