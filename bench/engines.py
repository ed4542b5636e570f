"""
The storage engines compared, with the original on SQLite: ingestion, disk and ten queries.

Each engine gets the same NDJSON in bodies of 10,000 lines over one connection, and is queried over
HTTP.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from bench.corpus import as_logrecord, make_records
from bench.ingest import HEADER, PATH, cpu_seconds, peak_memory
from bench.load import request, send
from bench.peer import Peer
from bench.query import RefusedError, databases, median
from bench.quiet import undisturbed
from chronologer.storage import create_storage
from test.servers.chronologer import Server

BODY = 10_000  # records
SETTLE = 20  # seconds for merges and checkpoints after the ingestion
LIMIT = 600  # seconds that a query may last


def numbered(query: str) -> str:
    """Return an expression for a URL that keeps the placeholder of a number."""
    return quote(query, safe='{}')


HEAD, GET = 'HEAD /api/v1/record?', 'GET /api/v1/record?'
NEWEST = GET + 'left=0&right=99'
# Terms differ in each round, because ClickHouse caches where a condition does not hold.
QUERIES = {
    'count by name prefix': HEAD + 'name=shop.api',
    'timeline by hour': HEAD + 'group=hour&timezone=UTC',
    'newest 100': NEWEST,
    '100 at half the log': GET + 'left={half}&right={half_end}',
    'newest 100, level and name': NEWEST + '&level=40&name=shop.api',
    'newest 100, substring': NEWEST + '&query=' + numbered("message LIKE '%138{n}%'"),
    'newest 100, search of a rare infix': NEWEST + '&search=ser49{n}',
    'newest 100, search of an absent word': NEWEST + '&search=zebra{n}',
    'newest 100, search of a common word': NEWEST + '&search=mail',
    'newest 100, field equality': NEWEST
    + '&query='
    + numbered("json_extract(logrec, '$.data.order') = 3{n}"),
    'count, meta.lineno, in no index': HEAD
    + 'query='
    + numbered("json_extract(logrec, '$.meta.lineno') = 3{n}"),
}


def main() -> None:
    """Print the table for a number of records and for these engines."""
    count, engines = int(sys.argv[1]), sys.argv[2:]
    results = {engine: undisturbed(partial(measure, engine, count)) for engine in engines}
    print(f'{f"{count:,} records":40}' + ''.join(f'{engine:>12}' for engine in engines))
    for row in results[engines[0]]:
        cells = (results[engine].get(row) for engine in engines)
        print(f'{row:40}' + ''.join(f'{"-" if c is None else f"{c:,.1f}":>12}' for c in cells))


def measure(engine: str, count: int) -> dict[str, float]:
    """Measure one engine."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        dsn, peer_dsn = stack.enter_context(dsns(engine, directory))
        is_peer = engine == 'original'
        server: Any = Peer(peer_dsn(), []) if is_peer else None
        if server is None:
            own_dsn = dsn()
            server = Server(directory, dsn=own_dsn, query_timeout=LIMIT)
        with server:
            pids = [server.process.pid, *([] if is_peer else server.workers())]
            seconds, cpu, size = fill(server, pids, count)
            figures['NDJSON, records/s'] = count / seconds
            figures['NDJSON, CPU s/million'] = cpu / count * 1e6
            time.sleep(SETTLE)
            for title, text in QUERIES.items():
                if is_peer and 'search=' in text:  # the original ignores the parameter
                    continue
                path = text.format(half=count // 2, half_end=count // 2 + 99, n='{n}')
                try:
                    figures[f'{title}, ms'] = median(server.host, path) * 1e3
                except (RefusedError, OSError):  # the original does not support all queries
                    continue
            figures['peak memory of a process, MB'] = max(map(peak_memory, pids))
        figures['bytes of NDJSON per record'] = size / count
        if engine in ('sqlite', 'original'):
            figures['bytes on disk per record'] = sum(
                path.stat().st_size for path in directory.glob('*.sqlite*')
            ) / count  # fmt: skip
        elif engine == 'chdb':
            figures['bytes on disk per record'] = parts_size(own_dsn) / count
        else:
            tables = directory.glob('data/*/*.ibd')
            figures['bytes on disk per record'] = sum(t.stat().st_size for t in tables) / count
    return figures


def dsns(engine: str, directory: Path) -> AbstractContextManager[tuple]:
    """Yield functions that return the DSN of an empty database, for us and for the original."""
    if engine == 'chdb':
        return embedded(directory)
    if engine == 'original':
        return databases('sqlite', directory)
    return databases(engine, directory, ('--innodb-flush-log-at-trx-commit=1',))


@contextmanager
def embedded(directory: Path) -> Iterator[tuple]:
    """Yield such a function for us only."""
    yield lambda: f'chdb://{directory}/clickhouse', None


def fill(server: Any, pids: list[int], count: int) -> tuple[float, float, int]:
    """Post the records; return seconds, CPU seconds and bytes, without making the records."""
    records = make_records(count)
    address = ('127.0.0.1', int(server.host.partition(':')[2]))
    seconds = cpu = 0.0
    size = 0
    while lines := [orjson.dumps(as_logrecord(record)) for record in islice(records, BODY)]:
        body = b'\n'.join(lines)
        size += len(body) + 1
        before = cpu_seconds(pids)
        post = request(server.host, PATH, body, HEADER, 'Content-Type: application/x-ndjson')
        load = send(address, iter([post]), 1)
        if len(load.latencies) != 1:
            raise RuntimeError(f'refused: {load.refused}')
        seconds += load.seconds
        cpu += cpu_seconds(pids) - before
    return seconds, cpu, size


def parts_size(dsn: str) -> float:
    """Return the bytes of active parts; merged parts stay on disk for some minutes."""
    with create_storage(dsn) as storage:
        storage.check()
        sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'record'"
        with storage._database.read() as db:  # type: ignore[attr-defined]
            return float(db.execute(sql).fetchone()[0])


if __name__ == '__main__':
    main()
