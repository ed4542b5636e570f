"""
Acknowledged records are stored once when servers and databases fail under load.

Senders with a key repeat a request until it is acknowledged, so each of their records must be
stored exactly once. Senders without a key do not repeat, so an unacknowledged record of theirs may
be stored at most once.
"""

import contextlib
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from functools import partial
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

import pytest

from test.servers.chronologer import AUTHORIZATION, RECORD, Server, wait_until_free
from test.servers.database import MySQL, run_database

FORM, JSON, NDJSON = (
    f'application/{name}' for name in ('x-www-form-urlencoded', 'json', 'x-ndjson')
)
LOST = (OSError, HTTPException)  # connections to a server that is gone
SEND_TIMEOUT = 300  # seconds for a record with a key, which is sent again and again
PAUSE = 0.02  # seconds between requests of a sender: requests are under way at each fault


class Senders:
    """Threads that post records of all kinds until they are stopped; each record has a token."""

    def __init__(self, server, count=6):
        self.acknowledged, self.unknown = [], []
        self._server, self._stop = server, threading.Event()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number):
        chance = random.Random(number)
        with contextlib.closing(HTTPConnection(self._server.host, timeout=30)) as connection:
            while not self._stop.wait(PAUSE):
                kind = chance.choice([FORM, JSON, NDJSON])
                count = chance.choice([2, 1500]) if kind == NDJSON else 1
                tokens = [f't{next(self._numbers)}' for _ in range(count)]
                self._send(connection, kind, tokens, has_key=number % 2 == 0)

    def _send(self, connection, kind, tokens, has_key):
        headers = {**AUTHORIZATION, 'Content-Type': kind}
        if has_key:
            headers['Idempotency-Key'] = tokens[0]
        deadline = time.monotonic() + SEND_TIMEOUT
        while time.monotonic() < deadline:
            try:
                connection.request('POST', '/api/v1/record', body_of(kind, tokens), headers)
                response = connection.getresponse()
                answer = response.read()
            except LOST:
                connection.close()
                status = 0
            else:
                status = response.status
            if status == 201:
                self.acknowledged += tokens
                return
            assert status in (0, 503, 507), answer
            if not has_key:
                self.unknown += tokens
                return
            time.sleep(0.05)
        raise AssertionError(f'not acknowledged in time: {tokens[0]}')

    def check(self):
        """Check that acknowledged records are stored once, and that no others are stored."""
        stored = Counter(read_tokens(self._server))
        assert self.acknowledged
        assert [] == [token for token in self.acknowledged if stored[token] != 1]
        assert set() == {token for token, count in stored.items() if count > 1}
        assert set(stored) <= {*self.acknowledged, *self.unknown}
        assert self._server.count() == sum(stored.values())


def body_of(kind, tokens):
    records = [{**RECORD, 'token': token} for token in tokens]
    if kind == FORM:
        return urlencode(records[0]).encode()
    return '\n'.join(map(json.dumps, records)).encode()


def read_tokens(server):
    export = server.request('GET', '/api/v1/export?fields=data.token').data
    return [json.loads(line)['fields']['data.token'] for line in export.splitlines()]


@pytest.mark.parametrize(
    ('killed', 'workers', 'rounds'),
    [('all', 1, 16), ('all', 2, 10), ('parent', 1, 6), ('parent', 2, 6), ('worker', 2, 14)],
)
def test_killed_at_any_moment(tmp_path, killed, workers, rounds):
    """SIGKILL of all processes, of the parent or of a worker, in 52 rounds in total."""
    chance = random.Random(rounds)
    with Server(tmp_path, workers=workers) as server, Senders(server) as senders:
        running = wait_for_workers(server, workers)
        for _ in range(rounds):
            time.sleep(chance.uniform(0.05, 0.6))
            if killed == 'worker':
                running.append(kill_worker(server, running.pop(0)))  # avoids crash loops
                continue
            if killed == 'all':
                server.kill()
            else:
                server.process.kill()
                server.process.wait()
            wait_until_free(server.port)
            server.start()
        senders.__exit__()
        senders.check()


def kill_worker(server, worker):
    """Kill a worker and return the one that replaces it."""
    others = set(server.workers())
    os.kill(worker, signal.SIGKILL)
    for _ in range(2000):
        new = set(server.workers()) - others
        if new:
            return new.pop()
        time.sleep(0.05)
    raise AssertionError('the worker was not replaced')


def wait_for_workers(server, count):
    for _ in range(2000):
        workers = server.workers()
        if len(workers) == count:
            return workers
        time.sleep(0.05)
    raise AssertionError(f'{len(workers)} of {count} workers')


def test_a_worker_that_crashes_again_and_again_is_reported(tmp_path):
    """The supervising process logs a crash loop and ends with status 1."""
    with Server(tmp_path, workers=2) as server:
        worker = kill_worker(server, wait_for_workers(server, 2)[0])
        os.kill(worker, signal.SIGKILL)
        assert 1 == server.process.wait(20)
        assert 'crash loop' in server.log.read_text()


def test_sigterm_under_load(tmp_path):
    """Answered records are stored; of stored ones without an answer, the sender saw no answer."""
    for workers in (1, 2):
        directory = tmp_path / str(workers)
        directory.mkdir()
        with Server(directory, workers=workers) as server:
            with Senders(server) as senders:
                for _ in range(3):
                    time.sleep(0.5)
                    server.process.send_signal(signal.SIGTERM)
                    assert 0 == server.process.wait(15)
                    server.start()
            senders.check()


@pytest.fixture
def small_disk(tmp_path):
    """A directory with 8 MiB."""
    directory = tmp_path / 'small'
    directory.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        say = 'mounting a tmpfs is not allowed here (it takes root)'
        (pytest.fail if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all' else pytest.skip)(say)
    yield directory
    subprocess.run(['umount', '--lazy', directory], check=True)


def test_a_full_disk(tmp_path, small_disk):
    """The answer is 507 until there is space again; reading works meanwhile."""
    message = os.urandom(25_000).hex()  # which hardly compresses
    (small_disk / 'filler').write_bytes(bytes(2**20))
    with Server(tmp_path, dsn=f'sqlite:///{small_disk}/chronologer.sqlite') as server:
        stored = 0
        while (status := server.post(msg=message).status) == 201:
            stored += 1
        assert 507 == status
        for _ in range(20):
            status = server.post(msg=message).status
            assert status in (201, 507)
            stored += status == 201
        assert stored == server.count()
        assert stored == len(server.get('record?limit=10000'))
        assert 50_000 == len(server.get('record/1')['message'])
        (small_disk / 'filler').unlink()
        assert 201 == server.post(msg=message).status
        assert stored + 1 == server.count()
        assert 'DiskFullError' in server.log.read_text()


def test_a_start_on_a_full_disk(tmp_path, small_disk):
    """Records can be read, although SQLite has no room for its other files; posts are refused."""
    server = Server(tmp_path, dsn=f'sqlite:///{small_disk}/chronologer.sqlite')
    headers = {**AUTHORIZATION, 'Content-Type': 'application/json'}

    def save(name):
        return server.request('PUT', f'/api/v1/saved/{name}', b'{"state": "q=x"}', headers).status

    with server:
        assert 201 == server.post(msg='one').status
        assert 201 == save('a')
    with contextlib.suppress(OSError), (small_disk / 'filler').open('wb', buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    with server:
        assert 200 == server.request('GET', '/ready').status
        assert ['one'] == [record['message'] for record in server.get('record')]
        assert ['a'] == [entry['name'] for entry in server.get('saved')['saved']]
        assert [507, 507] == [server.post().status, save('b')]
        assert 'can only be read: the disk is full' in server.log.read_text()
        (small_disk / 'filler').unlink()
        assert [201, 201] == [server.post(msg='two').status, save('b')]
        assert 2 == server.count()
        assert 2 == len(server.get('saved')['saved'])


@pytest.fixture(scope='module')
def database(tmp_path_factory):
    """A MySQL server for this test, to be stopped and killed."""
    durable = partial(MySQL, options=('--innodb-flush-log-at-trx-commit=1',))
    yield from run_database(durable, tmp_path_factory.mktemp('durable'))


@pytest.mark.parametrize('workers', [1, 2])
@pytest.mark.parametrize('how', ['stop', 'kill'])
def test_the_database_fails_under_load(tmp_path, database, how, workers):
    """The answer is 503 until the database is back; nothing is lost or stored twice."""
    with Server(tmp_path, dsn=database.empty_dsn(), workers=workers) as server:
        with Senders(server) as senders:
            for number in range(2):
                time.sleep(1)
                getattr(database, how)()
                senders.unknown.append(f'refused {number}')
                assert 503 == server.post(token=senders.unknown[-1]).status
                assert 200 == server.request('GET', '/health').status
                time.sleep(0.5)
                database.start()
                wait_until_stored(server, senders)
        senders.check()


def wait_until_stored(server, senders):
    for number in range(200):
        token = f'probe {len(senders.unknown)} {number}'
        status = server.post(token=token).status
        (senders.acknowledged if status == 201 else senders.unknown).append(token)
        if status == 201:
            return
        time.sleep(0.05)
    raise AssertionError('no recovery')


def test_half_sent_requests_delay_no_others(tmp_path):
    """A thousand requests stop within their headers or bodies; other requests are answered."""
    head = b'POST /api/v1/record HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bG9nZ2VyOg==\r\n'
    body = b'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n{"name":'
    with Server(tmp_path) as server, contextlib.ExitStack() as stack:
        for index in range(1000):
            connection = socket.create_connection(('127.0.0.1', server.port))
            stack.enter_context(connection)
            connection.sendall((head, head + body % 100, head + body % 100_000)[index % 3])
        for _ in range(50):
            assert 201 == server.post().status
        assert 50 == server.count()
        assert 200 == server.request('GET', '/health').status
