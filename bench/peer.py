"""
The original Chronologer 0.4.7 for comparison, with its own environment, database and server.

It was written for Python 3.5 to 3.7. On later versions its dependencies need newer releases of
CherryPy and mysqlclient, and names that Python has moved need aliases.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from chronologer.model import Record, microseconds
from test.servers.chronologer import AUTHORIZATION, free_port

ENVIRONMENT = Path(__file__).parent.parent / '.cache/peer'
PYTHON = ENVIRONMENT / 'bin/python'
SHIM = """
import collections, collections.abc, inspect
for name in collections.abc.__all__:
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))
if not hasattr(inspect, 'getargspec'):
    inspect.getargspec = inspect.getfullargspec
try:
    from cherrypy._cpreqbody import RequestBody
    RequestBody.type = property(lambda body: body.content_type)
except ImportError:
    pass
"""
START_TIMEOUT = 30  # seconds
BATCH = 1000  # rows


class Peer:
    """A server of the original with *records*, on ``sqlite:////path`` or ``mysql://…``."""

    def __init__(self, dsn: str, records: Iterable[Record]):
        install()
        self._dsn = dsn
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != 'PYTHONPATH'},
            'CHRONOLOGER_STORAGE_DSN': dsn,
            'CHRONOLOGER_PORT': str(free_port()),
            'CHRONOLOGER_ROLES': 'basic-reader query-reader writer',
            'CHRONOLOGER_SECRET': 'bench',
        }
        self.host = f'127.0.0.1:{self._environment["CHRONOLOGER_PORT"]}'
        self._run('migrate').wait()
        (self._fill_sqlite if dsn.startswith('sqlite') else self._fill_mysql)(records)

    def __enter__(self) -> 'Peer':
        self.process = self._run('serve')
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                connection = HTTPConnection(self.host)
                connection.request('HEAD', '/api/v1/record?level=50', headers=AUTHORIZATION)
                if connection.getresponse().status == 200:
                    return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError('the original did not start')

    def __exit__(self, *exc_info: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def _run(self, command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [PYTHON, '-m', 'chronologer', '-e', 'production', command],
            env=self._environment,
            cwd=ENVIRONMENT,  # not in a directory with our package of the same name
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _fill_sqlite(self, records: Iterable[Record]) -> None:
        """Insert records with the original's statements, because HTTP would need minutes."""
        import sqlite3

        with sqlite3.connect(self._dsn.removeprefix('sqlite:///')) as db:
            db.executemany(
                'INSERT INTO record (level, message, logrec, ts, name) VALUES (?, ?, ?, ?, ?)',
                ((*_columns(r), microseconds(r.ts), r.name) for r in records),
            )

    def _fill_mysql(self, records: Iterable[Record]) -> None:
        import MySQLdb

        url = urlsplit(self._dsn)
        assert url.hostname is not None
        assert url.username is not None
        db = MySQLdb.connect(
            host=url.hostname, port=url.port or 3306, user=url.username,
            password=url.password or '', database=url.path[1:], charset='utf8mb4',
        )  # fmt: skip
        rows = (
            (*_columns(record), record.ts.replace(tzinfo=None), record.name) for record in records
        )
        while batch := list(islice(rows, BATCH)):
            db.cursor().executemany(
                'INSERT INTO record (level, message, logrec, ts, name) VALUES (%s, %s, %s, %s, %s)',
                batch,
            )
            db.commit()
        db.close()


def _columns(record: Record) -> tuple[int, str, str]:
    return record.level, record.message, orjson.dumps(record.logrec).decode()


def install() -> None:
    installed = ENVIRONMENT / 'installed'
    if installed.exists() and installed.read_text() == SHIM:
        return
    subprocess.run([sys.executable, '-m', 'venv', '--clear', ENVIRONMENT], check=True)
    pip = [PYTHON, '-m', 'pip', 'install', '-qqq']
    subprocess.run([*pip, 'chronologer[server]==0.4.7'], check=True)
    subprocess.run([*pip, 'cherrypy>=18', 'mysqlclient'], check=True)
    (site,) = ENVIRONMENT.glob('lib/python*/site-packages')
    (site / 'sitecustomize.py').write_text(SHIM)
    installed.write_text(SHIM)
