"""A real server: ``python -m chronologer serve`` as a child process on a free port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

START_TIMEOUT, STOP_TIMEOUT = 120, 60  # seconds
WAIT_TIMEOUT = 60  # seconds that a test waits for anything else
AUTHORIZATION = {'Authorization': 'Basic ' + b64encode(b'logger:').decode()}
FORM = {'Content-Type': 'application/x-www-form-urlencoded', **AUTHORIZATION}
RECORD = {'name': 'app', 'levelno': 20, 'created': 1525970213.377493, 'msg': 'hello'}


def free_port() -> int:
    """Return a port on which no process listens now."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], object]) -> None:
    """Return when the condition is true."""
    deadline = time.monotonic() + WAIT_TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, 'timed out'
        time.sleep(0.05)


def wait_until_free(port: int) -> None:
    """Wait until no process listens: a worker whose parent was killed ends on its own."""
    deadline = time.monotonic() + STOP_TIMEOUT
    while time.monotonic() < deadline:
        try:
            socket.create_connection(('127.0.0.1', port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError('a worker is still running after its parent')


def environment(directory: Path, port: int, **settings: object) -> dict[str, str]:
    """Return the environment of a server that stores its records in *directory*."""
    return {
        **{name: value for name, value in os.environ.items() if 'CHRONOLOGER' not in name},
        'CHRONOLOGER_PORT': str(port),
        'CHRONOLOGER_STORAGE_DSN': f'sqlite:///{directory}/chronologer.sqlite',
        **{f'CHRONOLOGER_{name.upper()}': str(value) for name, value in settings.items()},
    }


def command_line(pid: str) -> bytes:
    """Return the command line of a process, which may just have ended."""
    try:
        return Path(f'/proc/{pid}/cmdline').read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b''


class Server:
    """A server that runs during the block; `start` and `kill` may be called within it."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        python: str = sys.executable,
        dsn: str = '',
        **settings: object,
    ):
        self.port = free_port()
        self.host = f'127.0.0.1:{self.port}'
        self._directory = directory
        self._command = [python, '-m', 'chronologer', 'serve', '-m', *options]
        if dsn:
            settings['storage_dsn'] = dsn
        self._environment = environment(directory, self.port, **settings)

    def __enter__(self) -> 'Server':
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_TIMEOUT)

    def start(self) -> 'Server':
        """Start the server and wait until it has printed that it answers."""
        self.log = self._directory / 'server.log'
        with self.log.open('w') as log:
            self.process = subprocess.Popen(
                self._command, cwd=self._directory, env=self._environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                is_up = self.request('GET', '/health').status == 200
            except OSError:
                is_up = False
            if is_up and ' at http' in self.log.read_text():
                return self
            time.sleep(0.02)
        raise AssertionError(f'server did not start: {self.log.read_text()}')

    def kill(self) -> None:
        """Kill the server and its workers, as a crash of the machine would."""
        for pid in (*self.workers(), self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def workers(self) -> list[int]:
        """Return the processes that serve requests."""
        children = Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text()
        return [int(pid) for pid in children.split() if b'spawn_main' in command_line(pid)]

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict | None = None
    ) -> HTTPResponse:
        """Send a request over a new connection; the answer's body is its ``data``."""
        connection = HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, body, AUTHORIZATION if headers is None else headers)
            response = connection.getresponse()
            response.data = response.read()  # type: ignore[attr-defined]
            return response
        finally:
            connection.close()

    def post(self, **fields: object) -> HTTPResponse:
        """Post a record like HTTPHandler."""
        body = urlencode({**RECORD, **fields}).encode()
        return self.request('POST', '/api/v1/record', body, FORM)

    def get(self, path: str):
        """Return the JSON at *path* under the API."""
        response = self.request('GET', f'/api/v1/{path}')
        assert response.status == 200, response.data
        return json.loads(response.data)

    def count(self, query: str = '') -> int:
        """Return the number of records in the answer to HEAD."""
        response = self.request('HEAD', f'/api/v1/record?{query}')
        assert response.status == 200, response.headers
        return int(response.headers['X-Record-Count'])
