"""
Ingestion rates of Chronologer, of the original, and of a plain loop of `executemany`.

The servers are real, on loopback, and get the same records; see README.rst.
"""

import json
import logging
import logging.handlers
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from itertools import cycle, repeat
from pathlib import Path

import orjson

from bench.corpus import as_logrecord, make_records
from bench.load import Load, request, send
from bench.peer import Peer
from bench.query import databases
from bench.quiet import undisturbed
from test.servers.chronologer import AUTHORIZATION, Server

RECORDS = 40_000  # of one run of bulk posts; they span an hour
SECONDS = 2.0  # of one run of single posts
RUNS = 3  # the result is their median
PATH = '/api/v1/record'
HEADER = f'Authorization: {AUTHORIZATION["Authorization"]}'
TICKS = 100  # of the clock of /proc per second


def main() -> None:
    """Print the table for an engine: sqlite, mysql or mariadb."""
    engine = sys.argv[1] if len(sys.argv) > 1 else 'sqlite'
    texts = [
        orjson.dumps(as_logrecord(r)) for r in make_records(RECORDS, duration=timedelta(1 / 24))
    ]
    results: dict[str, dict[str, list[float]]] = {'ours': {}, 'original': {}}
    with (
        tempfile.TemporaryDirectory() as name,
        durable(engine, Path(name)) as (
            dsn,
            peer_dsn,
        ),
    ):
        directory = Path(name)
        with Server(directory, dsn=dsn()) as ours, Peer(peer_dsn(), []) as original:
            for _ in range(RUNS):
                for server_name, server in (('ours', ours), ('original', original)):
                    is_ours = server_name == 'ours'
                    pids = [server.process.pid, *(ours.workers() if is_ours else [])]
                    run = partial(measure, server.host, texts, pids, is_ours)
                    for title, figure in undisturbed(lambda run=run: dict(run())).items():
                        results[server_name].setdefault(title, []).append(figure)
        if engine == 'sqlite':
            results['ours']['bytes on disk per record'] = [
                disk(
                    directory,
                    'a',
                    'sum(n) FROM (SELECT n FROM block UNION ALL SELECT n FROM batch)',
                )
            ]
            results['original']['bytes on disk per record'] = [
                disk(directory, 'b', 'count(*) FROM record')
            ]
            for title, is_ready in (('plain loop', False), ('plain loop, ready rows', True)):
                rates = [
                    plain_loop(directory / f'{n}{is_ready}', texts, is_ready) for n in range(RUNS)
                ]
                print(f'{title}: {statistics.median(rates):,.0f} rows a second')
    print(f'{engine:44}{"ours":>12}{"original":>12}{"ratio":>8}')
    for title, figures in results['ours'].items():
        ours_median = statistics.median(figures)
        line = f'{title:44}{ours_median:12,.1f}'
        if theirs := results['original'].get(title):
            median = statistics.median(theirs)
            line += f'{median:12,.1f}'
            if median:
                line += f'{ours_median / median:8.1f}'
        print(line)


def durable(engine: str, directory: Path) -> AbstractContextManager[tuple]:
    """Yield databases with durable commits, for us and for the original."""
    return databases(engine, directory, ('--innodb-flush-log-at-trx-commit=1',))


def measure(
    host: str, texts: list[bytes], pids: list[int], is_ours: bool
) -> Iterator[tuple[str, float]]:
    """Yield titles and figures; the original would need minutes for 256 connections."""
    address = (host.partition(':')[0], int(host.partition(':')[2]))
    for threads in (1, 8):
        yield f'HTTPHandler, {threads} threads: posts/s', handler_rate(host, threads)
    posts = (
        request(host, PATH, text, HEADER, 'Content-Type: application/json') for text in cycle(texts)
    )
    for connections in (1, 8, 32, 256) if is_ours else (1, 8, 32):
        load = send(address, posts, connections, SECONDS)
        title = f'JSON, {connections} connections: '
        yield f'{title}posts/s', load.rate
        yield f'{title}p50 ms', load.quantile(50) * 1e3
        yield f'{title}p99 ms', load.quantile(99) * 1e3
        yield f'{title}longest ms', max(load.latencies) * 1e3
        yield f'{title}refused or closed', len(load.refused) + load.closed
    for size, connections in ((1000, 1), (10_000, 1), (1000, 4)):
        bodies = [b'\n'.join(texts[at : at + size]) for at in range(0, len(texts), size)]
        kind = 'Content-Type: application/x-ndjson'
        requests = [request(host, PATH, body, HEADER, kind) for body in bodies]
        before = cpu_seconds(pids)
        load = send(address, iter(requests), connections)
        used = cpu_seconds(pids) - before
        check(load, len(requests))
        title = f'NDJSON, {size:,} records, {connections} connections: '
        yield f'{title}records/s', RECORDS / load.seconds
        yield f'{title}CPU s/million', used / RECORDS * 1e6
    if is_ours:
        yield 'JSON beside NDJSON of 10,000 records: p99 ms', beside_bulk(host, texts)
    yield 'peak memory of a process, MB', max(peak_memory(pid) for pid in pids)


def beside_bulk(host: str, texts: list[bytes]) -> float:
    """Return the p99 of single posts in ms, while another sender posts many records at a time."""
    address = (host.partition(':')[0], int(host.partition(':')[2]))
    body = b'\n'.join(texts[:10_000])
    bulk = request(host, PATH, body, HEADER, 'Content-Type: application/x-ndjson')
    sender = threading.Thread(target=send, args=(address, repeat(bulk), 1, SECONDS))
    sender.start()
    posts = (request(host, PATH, text, HEADER, 'Content-Type: application/json') for text in texts)
    load = send(address, posts, 1, SECONDS)
    sender.join()
    return load.quantile(99) * 1e3


def handler_rate(host: str, threads: int) -> float:
    """Return the records per second that one program posts by the standard library's handler."""
    deadline = time.perf_counter() + SECONDS
    counts = [0] * threads

    def work(number: int) -> None:  # one handler per thread, because a handler has a lock
        log = logging.Logger(f'shop.web.{number}')
        log.addHandler(logging.handlers.HTTPHandler(host, PATH, 'POST', credentials=('logger', '')))
        while time.perf_counter() < deadline:
            log.info('Order %d of user %d was paid', counts[number], number, extra={'user': 'bob'})
            counts[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - started)


def check(load: Load, count: int) -> None:
    """Check that all requests were accepted, because errors would seem fast."""
    if len(load.latencies) != count:
        raise RuntimeError(f'{len(load.latencies)} of {count} requests taken: {load.refused[:1]}')


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU seconds that the processes have used."""
    fields = [Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS


def peak_memory(pid: int) -> float:
    """Return the peak memory of a process in MB."""
    status = Path(f'/proc/{pid}/status').read_text()
    return int(status.partition('VmHWM:')[2].split()[0]) / 1024


def disk(directory: Path, name: str, count_from: str) -> float:
    """Return the bytes of an SQLite file per record, which a SELECT counts."""
    import sqlite3

    path = directory / f'{name}.sqlite'
    with sqlite3.connect(path) as db:
        db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        (count,) = db.execute(f'SELECT {count_from}').fetchone()
    return path.stat().st_size / count


def plain_loop(directory: Path, texts: list[bytes], is_ready: bool) -> float:
    """Return the rows per second of a minimal program with a table and an index."""
    import sqlite3

    directory.mkdir()
    db = sqlite3.connect(directory / 'plain.sqlite', isolation_level=None)
    db.execute('PRAGMA journal_mode = WAL')
    db.execute('PRAGMA synchronous = FULL')
    db.execute(
        'CREATE TABLE record (id INTEGER PRIMARY KEY, ts INTEGER, level INTEGER, logger INTEGER, '
        'message TEXT, logrec TEXT)'
    )
    db.execute('CREATE INDEX record_ts ON record (ts, id, level, logger)')
    rows = [row_of(text) for text in texts] if is_ready else []
    started = time.perf_counter()
    for at in range(0, len(texts), 1000):
        some = rows[at : at + 1000] or [row_of(text) for text in texts[at : at + 1000]]
        db.execute('BEGIN IMMEDIATE')
        db.executemany(
            'INSERT INTO record (ts, level, logger, message, logrec) VALUES (?, ?, 1, ?, ?)', some
        )
        db.execute('COMMIT')
    seconds = time.perf_counter() - started
    db.close()
    return len(texts) / seconds


def row_of(text: bytes) -> tuple[int, int, str, str]:
    """Decode and encode a line with the standard library, and return its row."""
    fields = json.loads(text)
    created, level, message = (fields.pop(name) for name in ('created', 'levelno', 'message'))
    return int(created * 1e6), level, message, json.dumps(fields)


if __name__ == '__main__':
    main()
