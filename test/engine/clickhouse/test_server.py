"""A server of Chronologer with a directory of chDB."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException

from test.servers.chronologer import AUTHORIZATION, Server, environment, free_port, wait_until_free

NDJSON = {**AUTHORIZATION, 'Content-Type': 'application/x-ndjson'}


def run_command(directory, dsn, *arguments):
    """Return the exit status of a command and the last line of its output."""
    command = [sys.executable, '-m', 'chronologer', *arguments]
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(directory, free_port(), storage_dsn=dsn),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr.splitlines()[-1]


def test_workers_are_refused_for_a_directory(tmp_path):
    """Only one process can open a directory of chDB."""
    status, message = run_command(tmp_path, f'chdb://{tmp_path}/db', 'serve', '--workers', '2')
    assert 2 == status
    assert 'CHRONOLOGER_WORKERS' in message
    assert 'only one process' in message


def test_a_killed_server_loses_nothing(tmp_path):
    """SIGKILL during batches of many days loses nothing; a running server locks the directory."""
    dsn = f'chdb://{tmp_path}/db'
    with Server(tmp_path, dsn=dsn) as server:
        status, message = run_command(tmp_path, dsn, 'serve')
        assert 2 == status
        assert 'another process has it open' in message
        with Senders(server) as senders:
            for seconds in (0.2, 0.6):
                time.sleep(seconds)
                server.kill()
                wait_until_free(server.port)
                server.start()
            senders.wait_for(2)
        lines = server.request('GET', '/api/v1/export').data.splitlines()
        stored = Counter(json.loads(line)['message'] for line in lines)
        assert dict.fromkeys(senders.acknowledged, 1) == dict(stored)
        assert len(stored) == server.count() == server.count('search=m') == server.count('name=a')


class Senders:
    """Threads that repeat batches of many days, each with a key, until they are acknowledged."""

    def __init__(self, server, count=2):
        self.acknowledged = []
        self._server, self._stop, self._batches = server, threading.Event(), Counter()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, batches):
        while self._batches.total() < batches and any(one.is_alive() for one in self._threads):
            time.sleep(0.05)

    def _run(self, number):
        for batch in itertools.count():
            if self._stop.is_set():
                return
            texts = [f'm {os.getpid()} {number} {batch} {line}' for line in range(1050)]
            body = '\n'.join(
                json.dumps(
                    {'name': 'a', 'levelno': 20, 'created': 1.6e9 + 86_400 * (n % 12), 'msg': text}
                )
                for n, text in enumerate(texts)
            )
            self._send(body.encode(), f'{number} {batch}')
            self.acknowledged += texts
            self._batches[number] += 1

    def _send(self, body, key):
        for _ in range(2000):
            connection = HTTPConnection(self._server.host, timeout=30)
            try:
                headers = {**NDJSON, 'Idempotency-Key': key}
                connection.request('POST', '/api/v1/record', body, headers)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, HTTPException):
                time.sleep(0.03)
                continue
            finally:
                connection.close()
            assert response.status in (201, 503), answer
            if response.status == 201:
                return
        raise AssertionError(f'not acknowledged: {key}')
