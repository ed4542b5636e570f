"""Transactions are atomic, are repeated after a rollback, and fail as busy without the database."""

import sqlite3
import threading
import time
from contextlib import suppress

import pymysql
import pytest
from sqlalchemy import event, text

from chronologer.errors import (
    ConfigurationError,
    DiskFullError,
    StorageBusyError,
    StorageError,
)
from chronologer.metastore import open_metastore, saved, sqlite
from test.engine.metastore.conftest import SERVERS, in_parallel
from test.servers.database import MariaDB, MySQL

ON_SERVERS = pytest.mark.parametrize('server', SERVERS, indirect=True)


def save(metastore, name='a', state='x'):
    return metastore.write(lambda db: saved.save(db, name, state))


def searches(metastore):
    return metastore.read(saved.searches)


@pytest.fixture
def path(tmp_path):
    """A migrated SQLite file."""
    with open_metastore(f'sqlite:///{tmp_path}/a') as metastore:
        metastore.migrate()
    return tmp_path / 'a'


def test_a_failed_transaction_changes_nothing(metastore):
    """An error of the code or of the database rolls back; the next transaction succeeds."""

    def fail(db):
        saved.save(db, 'a', 'x')
        raise ZeroDivisionError

    def refuse(db):
        saved.save(db, 'a', 'x')
        db.execute(text('SELECT * FROM missing'))

    with pytest.raises(ZeroDivisionError):
        metastore.write(fail)
    with pytest.raises(StorageError, match='missing'):
        metastore.write(refuse)
    assert {} == searches(metastore)
    assert save(metastore)
    assert {'a': 'x'} == searches(metastore)


def test_reading_stores_nothing(metastore):
    """Changes by a reading transaction are rolled back."""
    metastore.read(lambda db: saved.save(db, 'a', 'x'))
    assert {} == searches(metastore)


def test_any_number_of_threads_may_read_and_write(metastore):
    """A thread waits if no connection is free."""
    tasks = [lambda n=n: save(metastore, f'name {n % 10}') for n in range(40)]
    results = in_parallel([*tasks, *[lambda: searches(metastore)] * 40])
    assert 10 == results.count(True)
    assert 10 == len(searches(metastore))


@ON_SERVERS
def test_closed_connections_are_replaced(server, metastore):
    """Connections end by KILL of the administrator or after the server's wait_timeout."""
    for number in range(5):
        assert save(metastore, str(number))
        assert number + 1 == len(searches(metastore))
        for id, user, *_ in server[0].execute('SHOW PROCESSLIST'):
            if user.startswith('chronologer'):
                with suppress(pymysql.err.OperationalError):  # it has ended meanwhile
                    server[0].execute(f'KILL {id}')


@ON_SERVERS
def test_a_transaction_that_loses_its_connection_is_repeated(server, metastore):
    """Nothing of the transaction was stored, so it is repeated."""
    attempts = []

    def work(db):
        saved.save(db, 'a', 'x')
        attempts.append(db.execute(text('SELECT CONNECTION_ID()')).scalar())
        if len(attempts) == 1:
            server[0].execute(f'KILL {attempts[0]}')
        return saved.save(db, 'b', 'x')

    assert metastore.write(work)
    assert 2 == len(set(attempts))
    assert ['a', 'b'] == sorted(searches(metastore))


@ON_SERVERS
def test_a_connection_lost_while_committing_is_an_error(metastore, monkeypatch):
    """The transaction may have been committed, so the caller has to decide."""
    dialect = type(metastore._engine.dialect)
    commit = dialect.do_commit

    def commit_and_lose(self, connection):
        commit(self, connection)
        monkeypatch.undo()
        raise self.loaded_dbapi.OperationalError(2013, 'Lost connection')

    save(metastore)
    monkeypatch.setattr(dialect, 'do_commit', commit_and_lose)
    with pytest.raises(StorageBusyError):
        save(metastore, 'b')
    assert ['a', 'b'] == sorted(searches(metastore))


@ON_SERVERS
def test_a_deadlock_is_repeated(server, dsn, metastore):
    """The server rolls back one of two transactions that wait for each other."""
    for name in 'ab':
        save(metastore, name)
    both = threading.Barrier(2)

    def work(names, attempts):
        def change(db):
            attempts.append(1)
            saved.save(db, names[0], names)
            if len(attempts) == 1:
                both.wait(10)
            saved.save(db, names[1], names)

        metastore.write(change)

    attempts = [], []
    in_parallel([lambda: work('ab', attempts[0]), lambda: work('ba', attempts[1])])
    assert 3 == len(attempts[0]) + len(attempts[1])
    assert 1 == len(set(searches(metastore).values()))


@ON_SERVERS
def test_a_lock_held_too_long_is_repeated(server, dsn, metastore):
    """The transaction succeeds when the lock is released."""
    save(metastore)
    event.listen(
        metastore._engine,
        'begin',
        lambda db: db.exec_driver_sql('SET SESSION innodb_lock_wait_timeout = 1'),
    )
    other = server[0].connect()
    other.select_db(dsn.rpartition('/')[2])
    other.begin()
    other.cursor().execute('SELECT * FROM saved FOR UPDATE')
    release = threading.Timer(1.5, other.rollback)
    release.start()
    assert not save(metastore, 'a', 'y')
    release.join()
    other.close()
    assert {'a': 'y'} == searches(metastore)


@pytest.mark.parametrize('kind', [MySQL, MariaDB])
def test_an_unavailable_server_is_busy(tmp_path, kind):
    """Transactions are busy without the server, and succeed after its restart."""
    server = kind(tmp_path)
    with open_metastore(server.empty_dsn()) as metastore:
        metastore.migrate()
        save(metastore)
        for end in (server.stop, server.kill):
            end()
            for refused in (save, searches, type(metastore).check):
                with pytest.raises(StorageBusyError):
                    refused(metastore)
            server.start()
            assert {'a': 'x'} == searches(metastore)
    server.stop()


@ON_SERVERS
def test_options_of_the_dsn_are_used(server, dsn):
    """The socket replaces host and port; TLS rejects an unknown authority."""
    database, _ = server
    socket = f'?unix_socket={database._directory}/socket'
    with open_metastore(dsn.replace(str(database.port), '1') + socket) as metastore:
        metastore.check()
    files = database.certificates
    with open_metastore(f'{dsn}?ssl_ca={files["ca"]}') as metastore:
        cipher = text("SHOW STATUS LIKE 'Ssl_cipher'")
        assert metastore.read(lambda db: db.execute(cipher).one()[1])
    wrong = open_metastore(f'{dsn}?ssl_ca={files["other_ca"]}')
    with wrong, pytest.raises(StorageError):
        wrong.check()


@ON_SERVERS
def test_wrong_credentials_are_an_error_without_the_password(dsn):
    """Wrong credentials are an error without retries, and without the password."""
    for wrong in (dsn.replace('p%40ss', 'wr0ng'), dsn + 'x'):
        with open_metastore(wrong) as metastore, pytest.raises(StorageError) as error:
            metastore.check()
        assert not isinstance(error.value, StorageBusyError)
        for secret in ('p%40ss', 'p@ss', 'wr0ng'):
            assert secret not in error.value.message


@ON_SERVERS
def test_text_does_not_depend_on_the_default_charset(server, empty_dsn):
    """Text is kept also in a database that was created as latin1."""
    dsn = empty_dsn()
    server[0].execute(f'ALTER DATABASE {dsn.rpartition("/")[2]} CHARACTER SET latin1')
    with open_metastore(dsn) as metastore:
        metastore.migrate()
        save(metastore, '🙂', '🙂')
        assert {'🙂': '🙂'} == searches(metastore)


def test_commits_to_a_file_are_durable(path):
    """The file uses WAL, and each commit an fsync."""
    with open_metastore(f'sqlite:///{path}') as metastore:
        pragmas = [
            metastore.read(lambda db, p=pragma: db.exec_driver_sql(f'PRAGMA {p}').scalar())
            for pragma in ('journal_mode', 'synchronous')
        ]
    assert ['wal', 2] == pragmas


def test_a_file_that_is_locked_too_long_is_busy(path, monkeypatch):
    """Reading continues; writing succeeds when the lock is released."""
    monkeypatch.setattr(sqlite, 'BUSY_TIMEOUT', 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    with open_metastore(f'sqlite:///{path}') as metastore:
        other.execute('BEGIN IMMEDIATE')
        with pytest.raises(StorageBusyError, match='locked'):
            save(metastore)
        assert {} == searches(metastore)
        other.execute('ROLLBACK')
        assert save(metastore)
    other.close()


def test_a_writer_waits_for_others(path):
    """A writer waits some seconds for the lock."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with open_metastore(f'sqlite:///{path}') as metastore:
        other.execute('BEGIN IMMEDIATE')
        release = threading.Timer(0.3, other.rollback)
        release.start()
        started = time.monotonic()
        assert save(metastore)
        assert time.monotonic() - started > 0.2
        release.join()
    other.close()


def test_a_full_disk_is_reported(path):
    """A full disk is a DiskFullError; reading works, and writing succeeds when there is space."""
    with open_metastore(f'sqlite:///{path}') as metastore:
        save(metastore)

        def limit(db):
            db.exec_driver_sql('PRAGMA max_page_count = 1')

        event.listen(metastore._engine, 'begin', limit)
        with pytest.raises(DiskFullError):
            save(metastore, 'b', 'x' * 8000)
        assert {'a': 'x'} == searches(metastore)
    with open_metastore(f'sqlite:///{path}') as metastore:
        assert save(metastore, 'b', 'x' * 8000)


def test_a_file_that_is_away_is_busy(path):
    """Nothing is stored in a deleted file, which the connection still has; it may come back."""
    with open_metastore(f'sqlite:///{path}') as metastore:
        save(metastore)
        path.rename(f'{path}-away')
        for refused in (save, searches):
            with pytest.raises(StorageBusyError, match=r'^the metastore, SQLite file .*: unable'):
                refused(metastore)
        path.with_name('a-away').rename(path)
        assert {'a': 'x'} == searches(metastore)


def test_a_replaced_file_is_noticed(path):
    """A file that is put in the place of another one is used at once."""
    with open_metastore(f'sqlite:///{path}') as metastore:
        save(metastore)
    copy = path.with_name('copy')
    copy.write_bytes(path.read_bytes())
    with open_metastore(f'sqlite:///{path}') as metastore:
        save(metastore, 'b')
        metastore.write(lambda db: saved.remove(db, 'a'))
        path.rename(f'{path}-old')
        for end in ('-wal', '-shm'):
            path.with_name(f'a{end}').unlink()
        copy.rename(path)
        assert {'a': 'x'} == searches(metastore)


def test_files_that_are_not_databases_are_refused(tmp_path):
    """A text file, a directory and a missing file are errors, and no file is created."""
    (tmp_path / 'text').write_text('hello' * 1000)
    for name in ('text', '.', 'missing/file'):
        with open_metastore(f'sqlite:///{tmp_path}/{name}/'.rstrip('/.')) as metastore:
            for refused in (save, searches, type(metastore).migrate, type(metastore).check):
                with pytest.raises(StorageError):
                    refused(metastore)
    assert ['text'] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize(
    'dsn',
    ['', 'a', 'clickhouse://a/b', 'chdb:///a', 'http://a', 'sqlite:///', 'sqlite://a',
     'sqlite:///:memory:', 'sqlite:///a?b=c', 'sqlite:///a/', 'mysql://', 'mysql://host/a?colour=blue'],
)  # fmt: skip
def test_malformed_dsns_are_refused(dsn):
    """The message has the expected form, and does not blame the DSN of the storage."""
    with pytest.raises(ConfigurationError, match=r'^(metastore|SQLite|MySQL) DSN .*: '):
        open_metastore(dsn)


def test_a_refused_dsn_is_shown_without_its_password():
    """The DSN of the metastore is shown like that of the storage."""
    with pytest.raises(ConfigurationError, match='user:…@host'):
        open_metastore('postgres://user:s3cret@host/a')


def test_names_of_columns_do_not_interfere_with_parameters(metastore):
    """A percent sign or a colon in a value is not a parameter."""
    for name in ('%s', ':name', '?', '%(name)s'):
        assert save(metastore, name, name)
    assert all(name == state for name, state in searches(metastore).items())
