"""
What a metastore costs the writer of records on SQLite: in their file, or in a file of its own.

One process stores records, in transactions of 1 or of 500. Another process commits small
transactions on the metastore, 50 a second if it can.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from bench.corpus import make_records
from bench.quiet import undisturbed
from chronologer.errors import StorageBusyError
from chronologer.metastore import Connection as Transaction
from chronologer.metastore import open_metastore
from chronologer.metastore.dsn import default_dsn
from chronologer.metastore.saved import save
from chronologer.storage import create_storage

SECONDS = 6
RATE = 50  # transactions on the metastore, per second

FILES: dict[str, Callable[[str], str] | None] = {  # where the metastore is, by title
    'not used': None,
    'in the file of the records': lambda dsn: dsn,
    'in a file of its own': default_dsn,
}


def main() -> None:
    """Print the table, for so many rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f'{"":34} {"writer, ms":>15}{"metastore, ms":>25}')
    print(f'{"batch":>5} {"metastore":28} {"median":>7} {"p99":>7}', end='')
    print(f' {"median":>8} {"p99":>7} {"committed":>9}')
    for _ in range(rounds):
        for size in (1, 500):
            for title, dsn_of in FILES.items():
                writer, metastore = undisturbed(partial(run, size, dsn_of))
                shown = ' '.join(f'{value:7.1f}' for value in [*writer.shown, *metastore.shown])
                print(f'{size:5} {title:28} {shown} {len(metastore.times):5}/{SECONDS * RATE}')


class Latencies:
    """The times of transactions, in seconds."""

    def __init__(self, times: list[float]):
        self.times = sorted(times)

    @property
    def shown(self) -> tuple[float, float]:
        """Median and 99th percentile, in milliseconds."""
        if not self.times:
            return 0, 0
        count = len(self.times)
        return self.times[count // 2] * 1e3, self.times[count * 99 // 100] * 1e3


def run(
    size: int, dsn_of: Callable[[str], str] | None, seconds: float = SECONDS
) -> tuple[Latencies, Latencies]:
    """Return the latencies of the writer, and those of the metastore beside it."""
    with tempfile.TemporaryDirectory() as directory:
        dsn = f'sqlite:///{Path(directory)}/records.sqlite'
        with create_storage(dsn) as storage:
            storage.migrate()
        ours, theirs = multiprocessing.Pipe()
        writer = multiprocessing.get_context('spawn').Process(
            target=write, args=(dsn, size, seconds, theirs)
        )
        writer.start()
        ours.recv()
        committed = commit(dsn_of(dsn), seconds) if dsn_of else []
        stored = ours.recv()
        writer.join()
        return Latencies(stored), Latencies(committed)


def write(dsn: str, size: int, seconds: float, pipe: Connection) -> None:
    """Store batches of *size* records for some seconds; send the times of the transactions."""
    records = list(make_records(1000))
    times: list[float] = []
    with create_storage(dsn) as storage:
        storage.insert([records])
        pipe.send('ready')
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            storage.insert([records[:size]])
            times.append(time.perf_counter() - start)
    pipe.send(times)


def commit(dsn: str, seconds: float) -> list[float]:
    """Commit small transactions at `RATE` for some seconds; return their times."""
    times = []
    with open_metastore(dsn) as metastore:
        metastore.migrate()
        start = time.perf_counter()
        for number in range(int(seconds * RATE)):
            due = start + number / RATE
            if time.perf_counter() > start + seconds:
                break
            time.sleep(max(0.0, due - time.perf_counter()))
            begin = time.perf_counter()
            with suppress(StorageBusyError):
                metastore.write(partial(save_position, number))
                times.append(time.perf_counter() - begin)
    return times


def save_position(number: int, db: Transaction) -> None:
    """Change one small row."""
    save(db, 'position', str(number))


if __name__ == '__main__':
    main()
