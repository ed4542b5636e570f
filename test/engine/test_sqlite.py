"""Behaviour of SQLite only: files, WAL, locks and crashes."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from urllib.parse import quote

import pytest
from yoyo import get_backend, read_migrations

from chronologer.errors import ConfigurationError, SchemaError, StorageBusyError, StorageError
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import create_storage
from chronologer.storage.schema import RECORDS
from chronologer.storage.sqlite import database, lock

RECORD = Record(EPOCH, 'a', 20, 'hello', {})


@pytest.fixture
def path(tmp_path):
    """The path of a migrated, empty storage."""
    path = tmp_path / 'test.sqlite'
    with create_storage(f'sqlite:///{path}') as storage:
        storage.migrate()
    return path


@pytest.mark.parametrize('name', ['a b', 'x?y=1', '50%', 'x#y', '100%25', 'é', "it's"])
def test_any_path_can_be_named(tmp_path, name):
    """Paths are percent-encoded as in any URL."""
    with create_storage(f'sqlite:///{tmp_path}/{quote(name)}') as storage:
        storage.migrate()
        storage.check()
        storage.insert([[RECORD]])
        assert 1 == storage.count(Filter())
    assert (tmp_path / name).exists()
    assert not [file for file in tmp_path.iterdir() if not file.name.startswith(name)]


def test_relative_path_is_of_the_working_directory(tmp_path, monkeypatch):
    """A relative path is resolved at the start and does not change later."""
    monkeypatch.chdir(tmp_path)
    with create_storage('sqlite:///log.sqlite') as storage:
        monkeypatch.chdir('/')
        storage.migrate()
    assert (tmp_path / 'log.sqlite').exists()


def test_nothing_is_stored_in_a_deleted_file(path):
    """A record would be lost with it; if the file comes back, records are stored again."""
    with create_storage(f'sqlite:///{path}') as storage:
        storage.insert([[RECORD]])
        path.rename(f'{path}-away')
        with pytest.raises(StorageError, match='unable to open'):
            storage.insert([[RECORD]])
        path.with_name(f'{path.name}-away').rename(path)
        storage.insert([[RECORD]])
        assert 2 == storage.count(Filter())


def test_the_lock_of_a_migration_that_died_is_released(path, tmp_path):
    """For instance on a full disk, which has room again."""
    ended = subprocess.Popen(['true'])
    ended.wait()
    other = tmp_path / 'other.sqlite'
    with sqlite3.connect(path) as db:
        statement = "SELECT sql FROM sqlite_master WHERE name = 'yoyo_lock'"
        (create_lock,) = db.execute(statement).fetchone()
    with sqlite3.connect(other) as db:
        db.execute(create_lock)
        db.execute('INSERT INTO yoyo_lock (ctime, pid) VALUES (1, ?)', [ended.pid])
    with create_storage(f'sqlite:///{other}') as storage:
        storage.migrate()
        storage.check()


def test_nothing_is_read_from_a_replaced_file(path):
    """A backup that was put in its place has other records."""
    with create_storage(f'sqlite:///{path}') as storage:
        shutil.copy(path, f'{path}-backup')
        storage.insert([[RECORD]])
        assert 1 == storage.count(Filter())
        for name in (path.name, f'{path.name}-wal', f'{path.name}-shm'):
            path.with_name(name).unlink()
        with pytest.raises(StorageError, match='unable to open'):
            storage.count(Filter())
        path.with_name(f'{path.name}-backup').rename(path)
        assert 0 == storage.count(Filter())
        storage.insert([[RECORD, RECORD]])
        assert 2 == storage.count(Filter())


@pytest.mark.parametrize(
    'dsn',
    ['', 'sqlite', 'sqlite:', 'sqlite://', 'sqlite:///', 'sqlite:///a?b=c', 'sqlite://host/a',
     'sqlite:///:memory:', 'oracle://a', 'SQLITE:///a', 'sqlite:///a%00b', 'sqlite:////'],
)  # fmt: skip
def test_dsn_without_a_file_is_refused(dsn):
    """The message has the expected form."""
    with pytest.raises(ConfigurationError, match='sqlite'):
        create_storage(dsn)


def test_commits_are_durable(path):
    """The file uses WAL, and each commit an fsync."""
    with create_storage(f'sqlite:///{path}') as storage:
        pragmas = 'PRAGMA journal_mode', 'PRAGMA synchronous'
        values = storage._database.write(lambda db: [db.execute(p).fetchone() for p in pragmas])
        assert [('wal',), (2,)] == values
        with (
            storage._database.read() as db,
            pytest.raises(sqlite3.OperationalError, match='readonly'),
        ):
            db.execute('DELETE FROM block')


def test_migrations_can_be_rolled_back_and_applied_again(tmp_path):
    """Apply all, roll back all, apply again."""
    with get_backend(f'sqlite:///{tmp_path}/test.sqlite') as backend:
        migrations = read_migrations(str(RECORDS / 'sqlite'))
        backend.apply_migrations(backend.to_apply(migrations))
        backend.rollback_migrations(backend.to_rollback(migrations))
        tables = {name for name in backend.list_tables() if 'yoyo' not in name}
        assert tables <= {'sqlite_sequence'}
        backend.apply_migrations(backend.to_apply(migrations))
    with create_storage(f'sqlite:///{tmp_path}/test.sqlite') as storage:
        storage.check()


def test_newer_schema_is_refused(path):
    """A later version has migrated it, and its rows might be misread."""
    with sqlite3.connect(path) as db:
        db.execute(
            'INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)'
            " VALUES ('x', '20991231_01_future', '2099-12-31')"
        )
    db.close()
    storage = create_storage(f'sqlite:///{path}')
    with storage, pytest.raises(SchemaError, match=r'newer .* 20991231_01_future'):
        storage.check()


def test_other_files_are_refused(tmp_path):
    """A file that is not a database, a directory and a missing file are errors."""
    (tmp_path / 'text').write_text('hello' * 1000)
    for name in ('text', '.', 'missing/file'):
        with create_storage(f'sqlite:///{tmp_path}/{name}/'.rstrip('/.')) as storage:
            with pytest.raises(StorageError):
                storage.check()
            with pytest.raises(StorageError):
                storage.insert([[RECORD]])


def test_a_lock_held_too_long_is_busy(path, monkeypatch):
    """Writing fails as busy while another process holds the lock, and then succeeds."""
    monkeypatch.setattr(database, 'BUSY_TIMEOUT', 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    with create_storage(f'sqlite:///{path}') as storage:
        other.execute('BEGIN IMMEDIATE')
        with pytest.raises(StorageBusyError, match='locked'):
            storage.insert([[RECORD]])
        assert 0 == storage.count(Filter())
        other.execute('ROLLBACK')
        assert [[1]] == storage.insert([[RECORD]])
    other.close()


def test_a_failed_transaction_is_rolled_back(path):
    """The connection can be used again."""
    with create_storage(f'sqlite:///{path}') as storage:
        storage.insert([[RECORD]])
        with sqlite3.connect(path) as db:
            db.execute('ALTER TABLE batch RENAME TO away')
        with pytest.raises(StorageError, match='batch'):
            storage.insert([[Record(EPOCH, 'new', 20, 'm', {})]])
        with db:
            db.execute('ALTER TABLE away RENAME TO batch')
        db.close()
        assert [[2]] == storage.insert([[Record(EPOCH, 'new', 20, 'm', {})]])
        assert 2 == storage.count(Filter())


def test_two_processes_write_one_file(path):
    """Ids are unique and in the order of commits, loggers have one id, and counters are exact."""
    code = f"""
        from chronologer.model import EPOCH, Record
        from chronologer.storage import create_storage
        with create_storage('sqlite:///{path}') as storage:
            for index in range(100):
                storage.insert([[Record(EPOCH, f'logger{{index}}', 20, 'm', {{}})]])
    """
    processes = [subprocess.Popen([sys.executable, '-c', textwrap.dedent(code)]) for _ in range(3)]
    assert [0, 0, 0] == [process.wait() for process in processes]
    with create_storage(f'sqlite:///{path}') as storage:
        assert 300 == storage.count(Filter())
        assert 3 == storage.count(Filter(names=('logger99',)))
        assert list(range(1, 301)) == [r.id for r in storage.since(0, Filter(), 999)]


def test_a_killed_process_loses_no_acknowledged_records(path):
    """Acknowledged batches are stored and counted; others are whole or absent."""
    code = f"""
        from chronologer.model import EPOCH, Record
        from chronologer.storage import create_storage
        storage = create_storage('sqlite:///{path}')
        while True:
            print(storage.insert([[Record(EPOCH, 'a', 20, 'm', {{}})] * 7])[0][-1], flush=True)
    """
    acknowledged = 0
    for lines in (1, 20, 50):
        process = subprocess.Popen(
            [sys.executable, '-c', textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(lines):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = int(([acknowledged, *process.stdout.read().split()])[-1])
        process.stdout.close()
        process.wait()
        with create_storage(f'sqlite:///{path}') as storage:
            count = storage.count(Filter())
            assert acknowledged <= count <= acknowledged + 7
            assert 0 == count % 7
            assert count == len(list(storage.since(0, Filter(), 10**6)))


HOLD = """
    import os, signal, time
    from pathlib import Path
    from chronologer.storage.sqlite.lock import WriteLock
    with WriteLock(Path('{path}-lock')).held():
        print('held', flush=True)
        if {is_stopped}:
            os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(60)
"""
INSERT = """
    import logging
    from chronologer.model import EPOCH, Record
    from chronologer.storage import create_storage
    from chronologer.storage.sqlite import database, lock
    logging.basicConfig()
    lock.TIMEOUT, lock.STUCK_TIMEOUT = 0.2, 0.5
    with create_storage('sqlite:///{path}') as storage:
        for attempt in range(50):
            try:
                storage.insert([[Record(EPOCH, 'a', 20, 'hello', {{}})]])
                break
            except Exception as ex:
                print(ex)
"""


def start(code, path, **values):
    code = textwrap.dedent(code).format(path=path, **values)
    command, pipe = [sys.executable, '-c', code], subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize('is_stopped', [True, False])
def test_a_worker_that_keeps_the_lock_is_ended_by_another(path, is_stopped):
    """One that is stopped, or makes no progress for a minute; the kernel then frees the lock."""
    holder = start(HOLD, path, is_stopped=is_stopped)
    assert 'held\n' == holder.stdout.readline()
    writer = start(INSERT, path)  # another process of the same parent
    output = writer.communicate(timeout=60)[0]
    assert -signal.SIGKILL == holder.wait(60)
    holder.stdout.close()
    why = 'is stopped' if is_stopped else 'makes no progress'
    assert f'Worker {holder.pid} has the write lock and {why}: it is killed' in output
    with create_storage(f'sqlite:///{path}') as storage:
        assert 1 == storage.count(Filter())


def test_other_processes_are_not_ended(path, monkeypatch):
    """A program that is no worker of this server, such as a copy, may take its time."""
    monkeypatch.setattr(lock, 'TIMEOUT', 0.05)
    monkeypatch.setattr(lock, 'STUCK_TIMEOUT', 0)
    holder = start(HOLD, path, is_stopped=False)
    assert 'held\n' == holder.stdout.readline()
    with create_storage(f'sqlite:///{path}') as storage:
        for _ in range(3):
            with pytest.raises(StorageBusyError, match='another process writes'):
                storage.insert([[RECORD]])
        assert holder.poll() is None
        holder.kill()
        holder.wait()
        holder.stdout.close()
        storage.insert([[RECORD]])
