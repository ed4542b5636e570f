"""
Queries over HTTP: with few and with many records, and of the original with many.

Both servers answer the same queries on the same records, one after the other in one run.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from bench.corpus import make_records
from bench.peer import Peer
from bench.quiet import undisturbed
from chronologer.storage import create_storage
from test.servers.chronologer import AUTHORIZATION, Server
from test.servers.database import DatabaseServer, MariaDB, MySQL

SMALL, LARGE = 10_000, 1_000_000
BATCH = 1000  # records per transaction
ROUNDS, SECONDS = 30, 5  # limits for each query

HEAD, GET = 'HEAD /api/v1/record?', 'GET /api/v1/record?'
NEWEST = GET + 'left=0&right=99'
USER = quote("json_extract(logrec, '$.data.user') = 'user387'")
SUBSTRING = quote("message LIKE '%13871%'")
ORDER = 'GET /api/v1/record?left=0&right=99&query=' + quote('data.order = 387')

# Title -> request, and whether the original can answer it.
QUERIES = {
    'count': (HEAD, True),
    'count by level': (HEAD + 'level=40', True),
    'count by name prefix': (HEAD + 'name=shop.api', True),
    'timeline by hour': (HEAD + 'group=hour&timezone=UTC', True),
    'newest 100': (NEWEST, True),
    '100 at half the log': (GET + 'left={half}&right={half_end}', True),
    'newest 100, level and name': (NEWEST + '&level=40&name=shop.api', True),
    'count, substring': (HEAD + 'query=' + SUBSTRING, True),
    'newest 100, substring': (NEWEST + '&query=' + SUBSTRING, True),
    'count, field equality': (HEAD + 'query=' + USER, True),
    'newest 100, field equality': (NEWEST + '&query=' + USER, True),
    'search: rare word': (NEWEST + '&search=13871', False),
    'search: absent word': (NEWEST + '&search=zebra', False),
    'search: common word': (NEWEST + '&search=mail', False),
    'search: rare infix': (NEWEST + '&search=ser4999', False),
    'search: common infix': (NEWEST + '&search=eadtimeou', False),
    'search: phrase': (NEWEST + '&search=' + quote('"order 38712"'), False),
    'search: word, level, name': (NEWEST + '&search=mail&level=30&name=shop.mail', False),
    'search: word, two days': (
        NEWEST + '&search=customer&after=2026-01-10T00:00:00Z&before=2026-01-12T00:00:00Z', False,
    ),
    'search: count common word': (HEAD + 'search=mail', False),
    'field equality, rare value': (ORDER, False),
    'facet of a field': ('GET /api/v1/facet?field=data.user', False),
    'timeline of a search': ('GET /api/v1/timeline?group=day&search=user4999', False),
}  # fmt: skip


def main() -> None:
    """Print the table for an engine: sqlite, mysql or mariadb."""
    engine = sys.argv[1] if len(sys.argv) > 1 else 'sqlite'
    large = int(sys.argv[2]) if len(sys.argv) > 2 else LARGE
    with tempfile.TemporaryDirectory() as name, databases(engine, Path(name)) as (dsn, peer_dsn):
        small_log, large_log = (measure(Path(name), dsn(), size) for size in (SMALL, large))
        with Peer(peer_dsn(), make_records(large)) as peer:
            original = undisturbed(partial(measure_all, peer.host, large, is_peer=True))
    head = f'{engine}, median ms'
    print(f'\n{head:28}{SMALL:>10,}{large:>12,}{"ratio":>8}{"original":>12}{"faster":>8}')
    for title, seconds in large_log.items():
        small = small_log[title]
        line = f'{title:28}{small * 1e3:10.2f}{seconds * 1e3:12.2f}{seconds / small:8.1f}'
        if title in original:
            theirs = original[title]
            line += f'{theirs * 1e3:12.2f}{theirs / seconds:8.1f}'
        print(line)


@contextmanager
def databases(engine: str, directory: Path, options: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Yield functions that return the DSN of an empty database, for us and for the original."""
    names = iter('abc')
    if engine == 'sqlite':
        yield (lambda: f'sqlite:///{directory}/{next(names)}.sqlite',) * 2
        return
    server: DatabaseServer = {'mysql': MySQL, 'mariadb': MariaDB}[engine](directory, options)

    def peer_dsn() -> str:
        server.execute('CREATE DATABASE original')
        server.execute("CREATE USER 'original'@'%' IDENTIFIED BY 'original'")
        server.execute("GRANT ALL ON original.* TO 'original'@'%'")
        return f'mysql://original:original@127.0.0.1:{server.port}/original'

    try:
        yield server.empty_dsn, peer_dsn
    finally:
        server.stop()


def measure(directory: Path, dsn: str, size: int) -> dict[str, float]:
    """Fill a storage, and return the median seconds of each query to a server with it."""
    with create_storage(dsn) as storage:
        storage.migrate()
        records = make_records(size)
        seconds = 0.0
        while batch := list(islice(records, BATCH)):
            started = time.perf_counter()
            storage.insert([batch])
            seconds += time.perf_counter() - started
    print(f'{size:,} records in {seconds:.1f} s, {seconds / size * 1e6:.1f} µs each')
    for path in directory.glob('*.sqlite'):
        print(f'{path.stat().st_size / size:.0f} bytes on disk per record')
    with Server(directory, dsn=dsn, query_timeout=600) as server:
        return undisturbed(partial(measure_all, server.host, size))


def measure_all(host: str, size: int, is_peer: bool = False) -> dict[str, float]:
    """Return the median seconds of each query; the original rejects some, on some engines."""
    medians: dict[str, float] = {}
    for title, (request, is_shared) in QUERIES.items():
        if is_shared or not is_peer:
            try:
                medians[title] = median(
                    host, request.format(half=size // 2, half_end=size // 2 + 99)
                )
            except RefusedError:
                if not is_peer:
                    raise
    return medians


class RefusedError(Exception):
    """The answer is an error."""


def median(host: str, request: str) -> float:
    """Return the median of some rounds after a warm-up; ``{n}`` is another number in each."""
    method, path = request.split(' ', 1)
    seconds: list[float] = []
    with closing(HTTPConnection(host, timeout=600)) as connection:
        while len(seconds) <= ROUNDS and sum(seconds[1:]) < SECONDS:
            started = time.perf_counter()
            numbered = path.replace('{n}', f'{len(seconds):02}')
            connection.request(method, numbered, headers=AUTHORIZATION)
            response = connection.getresponse()
            response.read()
            seconds.append(time.perf_counter() - started)
            if response.status != 200:
                raise RefusedError(f'{request}: {response.status} {response.headers}')
    return statistics.median(seconds[1:])


if __name__ == '__main__':
    main()
