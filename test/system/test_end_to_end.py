"""The main task: programs log over HTTP, and each of their records is found."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from urllib.parse import quote

import pytest

from test.servers.chronologer import Server

PROCESSES, THREADS, RECORDS = 4, 4, 125  # 2,000 records in total

PROGRAM = """
import json
import logging
import logging.handlers
import sys
import threading

host, process, threads, records = sys.argv[1], *map(int, sys.argv[2:])
LEVELS = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL, 25]
logged = []


class Notes(logging.Handler):
    def emit(self, record):
        logged.append({
            'name': record.name, 'level': record.levelno, 'message': record.getMessage(),
            'ts': record.created, 'key': record.key, 'thread': record.thread,
            'error': repr(record.exc_info[1]) if record.exc_info else None,
            'stack': bool(record.stack_info),
        })


def work(number):
    log = logging.getLogger(f'e2e.p{process}.t{number}')
    for index in range(records):
        level, key = LEVELS[index % 6], f'{process}-{number}-{index}'
        extra = {'key': key, 'order': index, 'pair': (index, [key, None]), 'ключ': 'значение'}
        if index % 7 == 0:
            try:
                raise ValueError(f'bad {key}')
            except ValueError:
                log.log(level, 'Failed %s: 100%%', key, exc_info=True, extra=extra)
        elif index % 5 == 0:
            log.log(level, 'Größe %(n)05.1f of %(what)s €', {'n': index, 'what': key}, extra=extra)
        elif index % 3 == 0:
            log.log(level, f'plain 100% {key}', stack_info=True, extra=extra)
        else:
            log.log(level, 'Step %d of %r\\n\\tand more', index, key, extra=extra)


handler = logging.handlers.HTTPHandler(host, '/api/v1/record', 'POST', credentials=('logger', ''))
root = logging.getLogger()
root.setLevel(logging.DEBUG)
root.addHandler(handler)
root.addHandler(Notes())
workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
json.dump(logged, sys.stdout)
"""


def run_programs(host: str) -> list[dict]:
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', PROGRAM, host, str(number), str(THREADS), str(RECORDS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    logged = []
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert b'' == errors
        logged += json.loads(output)
    return logged


@pytest.fixture(params=['sqlite', 'mysql', 'mysql+pymysql', 'mariadb', 'mariadb+pymysql'])
def server(request, tmp_path):
    """A real server on each engine, with each driver."""
    engine, _, driver = request.param.partition('+')
    scheme = '+'.join(filter(None, ('mysql', driver)))
    dsn = '' if engine == 'sqlite' else request.getfixturevalue(engine).empty_dsn(scheme)
    with Server(tmp_path, dsn=dsn) as server:
        yield server
        assert 'p%40ss' not in server.log.read_text()


def test_every_record_is_found(server):
    """Each record is found by count, timeline, range, search, page and id, and is complete."""
    logged = run_programs(server.host)
    total = PROCESSES * THREADS * RECORDS
    assert total == len(logged) == server.count('name=e2e.')

    # by range, in pages
    listed = [
        record
        for left in range(0, total, 300)
        for record in server.get(f'record?left={left}&right={left + 299}&name=e2e.')
    ]
    assert total == len({record['id'] for record in listed})
    order = [(record['ts'], record['id']) for record in listed]
    assert sorted(order, reverse=True) == order

    # by count, for each logger and each level
    for (name, level), count in Counter((r['name'], r['level']) for r in logged).items():
        worse = sum(r['name'] == name and r['level'] >= level for r in logged)
        assert worse == server.count(f'name={name}&level={level}')
        assert count <= worse

    # by time: each record alone, and all of them on the timeline
    first, last = (pick(r['ts'] for r in logged) for pick in (min, max))
    after, before = (
        quote(datetime.fromtimestamp(ts, timezone.utc).isoformat()) for ts in (first, last)
    )
    assert total == server.count(f'after={after}&before={before}&name=e2e.')
    for group in ('hour', 'day'):
        query = f'group={group}&timezone=Asia/Kathmandu&name=e2e.'
        headers = server.request('HEAD', f'/api/v1/record?{query}').headers
        assert total == sum(map(int, headers['X-Record-Count'].split(',')))

    # by words, and by a field
    assert total == server.count(f'search={quote("ЗНАЧЕНИЕ")}')
    failed = sum(r['error'] is not None for r in logged)
    assert failed == server.count(f'search={quote("valueerror -step")}')
    for record in logged[::97]:
        key = quote(f"data.key = '{record['key']}'")
        assert 1 == server.count(f'query={key}')

    # by page
    pages: list[dict] = []
    while page := server.get(f'record?limit=300&name=e2e.{cursor_after(pages)}'):
        pages += page
    assert listed == pages

    # by id, complete
    with ThreadPoolExecutor(8) as pool:
        whole = list(pool.map(lambda record: server.get(f'record/{record["id"]}'), listed))
    by_key = {record['logrec']['data']['key']: record for record in whole}
    assert total == len(by_key)
    for expected in logged:
        check(expected, by_key[expected['key']])


def cursor_after(records: list[dict]) -> str:
    return f'&cursor={quote(records[-1]["ts"])},{records[-1]["id"]}' if records else ''


def check(expected: dict, record: dict) -> None:
    """Check that the stored record equals the logged one."""
    for field in ('name', 'level', 'message'):
        assert expected[field] == record[field]
    assert abs(datetime.fromisoformat(record['ts']).timestamp() - expected['ts']) < 1e-6
    index = int(expected['key'].rpartition('-')[2])
    pair = [index, [expected['key'], None]]
    data = {'key': expected['key'], 'order': index, 'pair': pair, 'ключ': 'значение'}
    assert data == record['logrec']['data']
    meta = record['logrec']['meta']
    assert expected['thread'] == meta['thread']
    assert expected['stack'] == (meta['stack_info'] or '').startswith('Stack (most recent')
    assert (expected['error'] is None) == ('error' not in record['logrec'])
    if expected['error']:
        assert expected['error'] in record['logrec']['error']['exc_info']
