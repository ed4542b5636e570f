"""Real MySQL and MariaDB servers, on a free port and in a temporary directory."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql
import pytest

from test.servers.chronologer import free_port

MYSQL = Path(__file__).parent.parent.parent / '.cache/mysql/root'
LIBRARIES = MYSQL / 'usr/lib/x86_64-linux-gnu'
START_TIMEOUT = 180  # seconds

# Not durable: a crash of the machine would lose the temporary directory anyway.
OPTIONS = ['--innodb-flush-log-at-trx-commit=0', '--skip-log-bin', '--max-allowed-packet=64M']

numbers = itertools.count()


class DatabaseServer(ABC):
    """A server process; `start`, `stop` and `kill` may be repeated."""

    options: tuple[str, ...] = ()

    def __init__(self, directory: Path, options: tuple[str, ...] = ()):
        self._options = options  # of mysqld, besides those of all
        self._directory = directory
        self._data = directory / 'data'
        self.certificates = make_certificates(directory)
        self._initialize()
        self.port = free_port()  # as late as possible: other processes look for free ports too
        self.start()

    @abstractmethod
    def _initialize(self) -> None:
        """Create the data directory."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command that starts the server, without the common options."""

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self._directory / 'server.log').open('a') as log:
            self.process = subprocess.Popen(
                [
                    *self._command(),
                    f'--port={self.port}',
                    '--bind-address=127.0.0.1',
                    f'--socket={self._directory}/socket',
                    f'--pid-file={self._directory}/pid',
                    f'--ssl-ca={self.certificates["ca"]}',
                    f'--ssl-cert={self.certificates["cert"]}',
                    f'--ssl-key={self.certificates["key"]}',
                    *OPTIONS,
                    *self.options,
                    *self._options,
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.connect().close()
                return
            except pymysql.err.OperationalError:
                time.sleep(0.1)
        raise AssertionError((self._directory / 'server.log').read_text()[-3000:])

    def stop(self) -> None:
        """Stop it as an administrator would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def kill(self) -> None:
        """Kill it as a crash would."""
        self.process.kill()
        self.process.wait()

    def connect(self) -> pymysql.Connection:
        """Return a connection of the administrator."""
        return pymysql.connect(host='127.0.0.1', port=self.port, user='root', autocommit=True)

    def execute(self, statement: str) -> tuple:
        """Run a statement as the administrator and return its rows."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def empty_dsn(self, scheme: str = 'mysql') -> str:
        """Return the DSN of a new, empty database with its own user and password."""
        name = f'chronologer_{next(numbers)}'
        self.execute(f'CREATE DATABASE {name}')
        self.execute(f"CREATE USER '{name}'@'%' IDENTIFIED BY 'p@ss:w/rd'")
        self.execute(f"GRANT ALL ON {name}.* TO '{name}'@'%'")
        return f'{scheme}://{name}:p%40ss%3Aw%2Frd@127.0.0.1:{self.port}/{name}'


class MySQL(DatabaseServer):
    """MySQL 9, started through the dynamic loader that it was built with."""

    options = ('--mysqlx=OFF', '--performance-schema=OFF')

    def _command(self) -> list[str]:
        if not (MYSQL / 'usr/sbin/mysqld').exists():
            raise FileNotFoundError('MySQL is missing: run test/servers/install')
        paths = [MYSQL / 'usr/lib/mysql', MYSQL / 'usr/lib/mysql/private', LIBRARIES]
        return [
            str(LIBRARIES / 'ld-linux-x86-64.so.2'),
            '--library-path',
            ':'.join(map(str, paths)),
            str(MYSQL / 'usr/sbin/mysqld'),
            '--no-defaults',
            f'--user={pwd.getpwuid(os.getuid()).pw_name}',
            f'--datadir={self._data}',
            f'--tmpdir={self._directory}',
            f'--basedir={MYSQL}/usr',
            f'--lc-messages-dir={MYSQL}/usr/share/mysql',
            f'--character-sets-dir={MYSQL}/usr/share/mysql/charsets',
            f'--plugin-dir={MYSQL}/usr/lib/mysql/plugin',
            '--secure-file-priv=',
        ]

    def _initialize(self) -> None:
        command = [*self._command(), '--initialize-insecure']
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


class MariaDB(DatabaseServer):
    """MariaDB of Debian's stable release."""

    def _command(self) -> list[str]:
        if shutil.which('mariadbd') is None:
            raise FileNotFoundError('MariaDB is missing: run test/servers/install')
        user = pwd.getpwuid(os.getuid()).pw_name
        return [
            'mariadbd',
            '--no-defaults',
            f'--user={user}',
            f'--datadir={self._data}',
            f'--tmpdir={self._directory}',  # a server deletes the temporary files of others
        ]

    def _initialize(self) -> None:
        if shutil.which('mariadb-install-db') is None:
            raise FileNotFoundError('MariaDB is missing: run test/servers/install')
        command = [
            'mariadb-install-db',
            '--no-defaults',
            f'--datadir={self._data}',
            f'--tmpdir={self._directory}',
            f'--user={pwd.getpwuid(os.getuid()).pw_name}',
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def run_database(
    kind: Callable[[Path], DatabaseServer], directory: Path
) -> Iterator[DatabaseServer]:
    """Start the server; if it is missing, fail where everything is required, else skip."""
    try:
        server = kind(directory)
    except FileNotFoundError as ex:
        (pytest.fail if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all' else pytest.skip)(
            str(ex)
        )
    yield server
    server.stop()


def make_certificates(directory: Path) -> dict[str, Path]:
    """Create a certificate for 127.0.0.1 with its key and authority, and another authority."""
    files = {name: directory / f'{name}.pem' for name in ('ca', 'other_ca', 'cert', 'key')}
    openssl(directory, 'req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -keyout ca.key -out ca.pem')
    openssl(
        directory,
        'req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -keyout other.key -out other_ca.pem',
    )
    openssl(directory, 'req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout key.pem -out a.csr')
    (directory / 'names').write_text('subjectAltName = IP:127.0.0.1, DNS:127.0.0.1, DNS:localhost')
    openssl(
        directory,
        'x509 -req -in a.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out cert.pem',
    )
    for file in files.values():
        file.chmod(0o644)
    return files


def openssl(directory: Path, arguments: str) -> None:
    command = ['openssl', *arguments.split()]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
