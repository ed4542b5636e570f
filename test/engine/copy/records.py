"""Helpers for the tests of copies: records, and the content of a storage."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from chronologer.copy.digest import canonical
from chronologer.model import Filter, Record

START = datetime(2024, 6, 1, tzinfo=timezone.utc)


def make(count: int, first: int = 0) -> list[Record]:
    """Return one record per hour."""
    return [
        Record(
            START + timedelta(hours=n, microseconds=n),
            f'app.{n % 3}',
            10 * (n % 5),
            f'number {n}',
            {'data': {'n': n, 'float': float(n)}, 'meta': {'lineno': None}},
        )
        for n in range(first, first + count)
    ]


def content(storage) -> list[bytes]:
    """Return all records as bytes that differ if anything differs."""
    return [canonical(record) for record in storage.since(0, Filter(), 10**6, whole=True)]


def ids(storage) -> list[int]:
    return [record.id for record in storage.since(0, Filter(), 10**6)]


@contextmanager
def silent(title: str, total: int, done: int) -> Iterator[Callable[[int], None]]:
    """Return a progress that prints nothing."""
    yield lambda count: None
