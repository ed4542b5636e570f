"""A server with ClickHouse's HTTP interface, on a free port and in a temporary directory."""

import itertools
import json
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote, urlencode

from test.servers.chronologer import free_port
from test.servers.clickhouse_http import PASSWORD, USER

REPOSITORY = Path(__file__).parent.parent.parent
START_TIMEOUT = 60  # seconds

numbers = itertools.count()


class ClickHouse:
    """
    `clickhouse_http` in a process of its own; `start`, `stop` and `kill` may be repeated.

    Data persist when the process ends, faults do not.
    """

    module = 'test.servers.clickhouse_http'

    def __init__(self, directory: Path):
        self.port = free_port()
        self._directory = directory
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, '-m', self.module, str(self.port)]
        log_path = self._directory / 'server.log'
        with log_path.open('a') as log:
            self.process = subprocess.Popen(
                [*command, str(self._directory / 'data')], cwd=REPOSITORY, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self._request('GET', '/ping')
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(log_path.read_text()[-3000:])

    def stop(self) -> None:
        """Stop it as an administrator would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def kill(self) -> None:
        """Kill it as a crash would."""
        self.process.kill()
        self.process.wait()

    def execute(self, statement: str) -> str:
        """Run a statement on a new connection and return its rows, tab separated."""
        parameters = urlencode({'user': USER, 'password': PASSWORD})
        return self._request('POST', f'/?{parameters}', statement.encode()).decode()

    def empty_dsn(self, name: str = '') -> str:
        """Return the DSN of a new, empty database."""
        name = name or f'chronologer_{next(numbers)}'
        self.execute(f'CREATE DATABASE {name}')
        password = quote(PASSWORD, safe='')
        return f'clickhouse://{USER}:{password}@127.0.0.1:{self.port}/{name}'

    def fault(
        self, kind: str, pattern: str = '', count: int = 1, *, code: int = 0, seconds: float = 0
    ) -> None:
        """
        Fail in the next *count* requests whose query, with its data, matches *pattern*.

        Kinds: ``cut`` executes it and closes the connection before the answer; ``error`` answers
        with ClickHouse's error *code* and executes nothing; ``late`` executes it and answers with
        status 200, half of the result and then *code*; ``delay`` waits *seconds* before it executes
        it.
        """
        fault = {'kind': kind, 'pattern': pattern, 'left': count, 'code': code, 'seconds': seconds}
        self._request('POST', '/fault', json.dumps(fault).encode())

    def faults_left(self) -> int:
        """Return the number of requests that are still to fail."""
        return int(self._request('GET', '/fault'))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._request('DELETE', '/fault')

    def _request(self, method: str, path: str, body: bytes = b'') -> bytes:
        connection = HTTPConnection('127.0.0.1', self.port, timeout=60)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            data = response.read()
        except HTTPException as ex:
            raise ConnectionError(f'no answer to {method} {path}') from ex
        finally:
            connection.close()
        assert response.status == 200, data.decode()
        return data
