"""
Questions on a small and on a large log, each as a ratio of the two.

Counts, timelines and pages should not take longer as the log grows; queries and what counters do
not know do, for now.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from pathlib import Path

from bench.corpus import START, make_records
from chronologer.model import Filter
from chronologer.query_parser import parse_query
from chronologer.storage import Storage, create_storage

SMALL, LARGE = 10_000, 1_000_000
BATCH = 1000  # records in a transaction
ROUNDS, SECONDS = 20, 3  # at most, of each question

MIDDLE = START + timedelta(days=15)

QUESTIONS: dict[str, Callable[[Storage, int], object]] = {
    'count': lambda storage, _: storage.count(Filter()),
    'count by level': lambda storage, _: storage.count(Filter(level=40)),
    'count by name prefix': lambda storage, _: storage.count(Filter(names=('shop.api',))),
    'count from a minute on': lambda storage, _: storage.count(
        Filter(after=MIDDLE + timedelta(minutes=7))
    ),
    'timeline by hour': lambda storage, _: storage.timeline(Filter(), timedelta(hours=1)),
    'timeline by quarter': lambda storage, _: storage.timeline(Filter(), timedelta(minutes=15)),
    'newest 100': lambda storage, _: list(storage.range(Filter(), 0, 99)),
    'newest 100 criticals': lambda storage, _: list(storage.range(Filter(level=50), 0, 99)),
    '100 at half the log': lambda storage, size: list(
        storage.range(Filter(), size // 2, size // 2 + 99)
    ),
    'newest 100 of a logger': lambda storage, _: list(
        storage.range(Filter(names=('shop.mail.orm.a',)), 0, 99)
    ),
    'newest 100, field equality': lambda storage, _: list(
        storage.range(Filter(query=parse_query("data.user = 'user387'")), 0, 99)
    ),
    'newest 100, substring': lambda storage, _: list(
        storage.range(Filter(query=parse_query("message LIKE '%1387%'")), 0, 99)
    ),
}


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as directory:
        dsn = sys.argv[1] if len(sys.argv) > 1 else f'sqlite:///{directory}/bench.sqlite'
        with create_storage(dsn, query_timeout=600) as storage:
            storage.migrate()
            small, large = measure(storage, SMALL), measure(storage, LARGE)
            if dsn.endswith('bench.sqlite'):
                size = sum(path.stat().st_size for path in Path(directory).iterdir())
                print(f'{size / LARGE:.0f} bytes on disk per record\n')
    print(f'{"median, ms":30}{SMALL:>12,}{LARGE:>12,}{"ratio":>8}')
    for question, seconds in large.items():
        ratio = seconds / small[question]
        print(f'{question:30}{small[question] * 1e3:12.2f}{seconds * 1e3:12.2f}{ratio:8.1f}')


def measure(storage: Storage, size: int) -> dict[str, float]:
    """Fill the storage anew and return the median seconds of each question."""
    storage.purge(START + timedelta(days=365), Filter())
    started = time.perf_counter()
    records = make_records(size)
    while batch := list(islice(records, BATCH)):
        storage.insert([batch])
    print(f'{size:,} records in {time.perf_counter() - started:.1f} s, their making included')
    return {name: median(lambda ask=ask: ask(storage, size)) for name, ask in QUESTIONS.items()}


def median(ask: Callable[[], object]) -> float:
    """The median of some rounds, after one that warms up."""
    ask()
    seconds: list[float] = []
    while len(seconds) < ROUNDS and sum(seconds) < SECONDS:
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == '__main__':
    main()
