"""What the tests of copies share: records, and a look at all that a storage has."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from chronologer.copy.digest import canonical
from chronologer.model import Filter, Record

START = datetime(2024, 6, 1, tzinfo=timezone.utc)


def make(count: int, first: int = 0) -> list[Record]:
    """Records, one an hour."""
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
    """All records, as bytes that tell everything apart."""
    return [canonical(record) for record in storage.since(0, Filter(), 10**6, whole=True)]


def ids(storage) -> list[int]:
    return [record.id for record in storage.since(0, Filter(), 10**6)]


@contextmanager
def silent(title: str, total: int, done: int) -> Iterator[Callable[[int], None]]:
    """Progress that nobody sees."""
    yield lambda count: None
