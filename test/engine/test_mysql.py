"""Behaviour of MySQL and MariaDB only: lost connections, deadlocks, packets, options of the DSN."""

import contextlib
import random
import subprocess
import sys
import textwrap
import threading
import time

import pymysql
import pytest
from yoyo import read_migrations

from chronologer.errors import (
    ConfigurationError,
    LimitError,
    SchemaError,
    StorageBusyError,
    StorageError,
)
from chronologer.model import EPOCH, Filter, Record
from chronologer.search import Search
from chronologer.storage import create_storage
from chronologer.storage.database import MAX_IDLE
from chronologer.storage.mysql import database as mysql_database
from chronologer.storage.mysql.database import MIN_PACKET, MySQLConnection, YoyoBackend
from chronologer.storage.mysql.dsn import parse_dsn
from chronologer.storage.schema import RECORDS
from test.servers.chronologer import wait_until
from test.servers.database import MariaDB, MySQL

RECORD = Record(EPOCH, 'a', 20, 'hello', {})


@pytest.fixture(params=['mysql', 'mysql+pymysql', 'mariadb', 'mariadb+pymysql'])
def database(request):
    """A server and the DSN of an empty database on it."""
    engine, _, driver = request.param.partition('+')
    server = request.getfixturevalue(engine)
    return server, server.empty_dsn('+'.join(filter(None, ('mysql', driver))))


@pytest.fixture
def storage(database):
    """A migrated, empty storage."""
    with create_storage(database[1]) as storage:
        storage.migrate()
        yield storage


def kill_connections(server) -> None:
    """Kill all connections except the administrator's."""
    for id, user, *_ in server.execute('SHOW PROCESSLIST'):
        if user.startswith('chronologer'):
            server.execute(f'KILL {id}')


def test_table_is_compressed(database, storage):
    """The table uses InnoDB, ROW_FORMAT=COMPRESSED and utf8mb4."""
    server, dsn = database
    name = dsn.rpartition('/')[2]
    ((engine, format, collation, options),) = server.execute(
        'SELECT engine, row_format, table_collation, create_options FROM information_schema.tables'
        f" WHERE table_schema = '{name}' AND table_name = 'record'"
    )
    assert ('InnoDB', 'Compressed', 'utf8mb4_bin') == (engine, format, collation)
    assert 'KEY_BLOCK_SIZE=8' in options.upper()


def test_killed_connections_are_replaced(database, storage):
    """Reading and writing open new connections; each record is stored once."""
    for expected in range(1, 6):
        storage.insert([[RECORD]])
        assert expected == storage.count(Filter())
        kill_connections(database[0])


def test_idle_connections_are_replaced(database, storage):
    """The server closes connections that are idle for longer than wait_timeout."""
    storage.insert([[RECORD]])
    storage.count(Filter())
    readers = (db for db, _ in storage._database._readers)
    for db in (storage._database._writer, *readers):
        db.execute('SET SESSION wait_timeout = 1')
    time.sleep(1.5)
    storage.insert([[RECORD]])
    assert 2 == storage.count(Filter())


def test_connections_are_given_back(database, storage, monkeypatch):
    """Many queries at a time leave few idle connections, and none that is idle for long."""

    def count():
        with storage._database.read() as db:
            name = 'SELECT count(*) FROM information_schema.processlist WHERE db = database()'
            return db.execute(name).fetchone()[0]

    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(storage._database.read())
        assert 40 <= count()
    # and the one that writes; the server takes a while to notice
    wait_until(lambda: count() <= MAX_IDLE + 1)
    monkeypatch.setattr('chronologer.storage.database.MAX_IDLE_TIME', 0)
    wait_until(lambda: count() <= 2)


@pytest.mark.parametrize('kind', [MySQL, MariaDB])
def test_an_unavailable_server_is_busy(tmp_path, kind):
    """A stopped or crashed server keeps acknowledged records, each stored once."""
    server = kind(tmp_path)
    with create_storage(server.empty_dsn()) as storage:
        storage.migrate()
        stored = 0
        for end in (server.stop, server.kill):
            storage.insert([[RECORD]])
            stored += 1
            end()
            with pytest.raises(StorageBusyError):
                storage.insert([[RECORD]])
            with pytest.raises(StorageBusyError):
                storage.count(Filter())
            server.start()
            if end == server.kill:  # this server does not flush its log at each commit
                stored = storage.count(Filter())
            storage.insert([[RECORD]])
            stored += 1
            assert stored == storage.count(Filter())
    server.stop()


def test_a_rolled_back_transaction_is_repeated(database, storage):
    """A lock wait timeout rolls back like a deadlock; the records are stored once."""
    server, dsn = database
    storage.insert([[RECORD]])
    storage._database._writer.execute('SET SESSION innodb_lock_wait_timeout = 1')
    other = server.connect()
    other.select_db(dsn.rpartition('/')[2])
    other.begin()
    other.cursor().execute('SELECT * FROM next_id FOR UPDATE')
    release = threading.Timer(1.5, other.rollback)
    release.start()
    assert [[2]] == storage.insert([[RECORD]])
    release.join()
    other.close()
    assert 2 == storage.count(Filter())


def test_a_deadlock_within_a_batch_is_repeated(database, storage):
    """The server rolls back one of two transactions that wait for each other."""
    server, dsn = database
    storage.insert([[RECORD]])
    other = server.connect()
    other.select_db(dsn.rpartition('/')[2])
    other.begin()
    other.cursor().execute('SELECT * FROM count_by_level FOR UPDATE')
    waiting = threading.Thread(target=lambda: outcomes.append(storage.insert([[RECORD]])))
    outcomes: list = []
    waiting.start()
    time.sleep(0.3)
    hash = 'UUID_TO_BIN(UUID())' if isinstance(server, MySQL) else 'UNHEX(MD5(RAND()))'
    for _ in range(50):  # so that the server prefers to roll back ours
        other.cursor().execute(f"INSERT INTO logger (hash, name) VALUES ({hash}, 'x')")
    with contextlib.suppress(pymysql.err.OperationalError):  # if the server rolls back this one
        other.cursor().execute('SELECT * FROM next_id FOR UPDATE')
    other.rollback()
    other.close()
    waiting.join()
    assert [[[2]]] == outcomes
    assert 2 == storage.count(Filter())


def test_a_rollback_within_a_batch_is_repeated(storage, monkeypatch):
    """The savepoint of the batch is lost too."""
    database, dialect = storage._database, storage._dialect
    check = dialect._check_size

    def undone_once(*arguments):
        monkeypatch.setattr(dialect, '_check_size', check)
        database._writer.execute('ROLLBACK')
        raise database.driver.OperationalError(1213, 'Deadlock found')

    storage.insert([[RECORD]])
    monkeypatch.setattr(dialect, '_check_size', undone_once)
    assert [[2], [3]] == storage.insert([[RECORD], [RECORD]])
    assert 3 == storage.count(Filter())


def test_a_connection_lost_while_committing_is_an_error(database, storage, monkeypatch):
    """The transaction may have been committed, so the client has to decide."""
    commit = MySQLConnection.commit

    def commit_and_lose(db):
        commit(db)
        monkeypatch.undo()
        raise db._driver.OperationalError(2013, 'Lost connection')

    storage.insert([[RECORD]])
    monkeypatch.setattr(MySQLConnection, 'commit', commit_and_lose)
    with pytest.raises(StorageBusyError):
        storage.insert([[RECORD]])
    assert 2 == storage.count(Filter())


def test_eight_processes_write_and_one_reader_misses_nothing(database, storage):
    """Ids are in the order of commits, although the transactions overlap."""
    code = f"""
        from chronologer.model import EPOCH, Record
        from chronologer.storage import create_storage
        with create_storage('{database[1]}') as storage:
            for index in range(50):
                storage.insert([[Record(EPOCH, f'logger{{index % 7}}', 20, 'm', {{}})] * 3])
    """
    command = [sys.executable, '-c', textwrap.dedent(code)]
    processes = [subprocess.Popen(command) for _ in range(8)]
    seen: list[int] = []
    while len(seen) < 1200:
        alive = any(process.poll() is None for process in processes)
        new = [record.id for record in storage.since(seen[-1] if seen else 0, Filter(), 1000)]
        seen += new
        assert new or alive, f'followed only {len(seen)} of 1200'
    assert [0] * 8 == [process.wait() for process in processes]
    assert seen == sorted(set(seen))
    assert 1200 == storage.count(Filter())
    assert 1200 == sum(storage.count(Filter(names=(f'logger{n}',))) for n in range(7))


def test_a_record_above_max_allowed_packet_is_refused(database, storage):
    """Only this record is rejected, with both sizes; one just below the limit is stored."""
    storage.insert([[RECORD]])
    storage._database.max_packet = 2**20
    large = Record(EPOCH, 'a', 20, "'" * 2**19, {})
    refused, stored = storage.insert([[large], [RECORD]])
    assert isinstance(refused, LimitError)
    assert '1,048,576' in refused.message
    assert isinstance(stored, list)
    assert 2 == storage.count(Filter())


def test_migrations_can_be_rolled_back_and_applied_again(database):
    """Apply all, roll back all, apply again."""
    with create_storage(database[1]) as storage:
        storage.migrate()
        backend = YoyoBackend(storage._database.driver, storage._database.options)
        with backend:
            backend.init_database()
            migrations = read_migrations(str(RECORDS / 'mysql'))
            backend.rollback_migrations(backend.to_rollback(migrations))
        with pytest.raises(SchemaError, match='migrate'):
            storage.check()
        storage.migrate()
        storage.check()


def test_an_old_server_is_refused(storage, monkeypatch):
    """The message has the required version."""
    monkeypatch.setattr(mysql_database, 'MINIMUM', {'MySQL': (99, 0), 'MariaDB': (99, 0)})
    for refusing in (storage.check, storage.migrate):
        with pytest.raises(SchemaError, match=r'too old.* 99\.0'):
            refusing()


def test_a_small_max_allowed_packet_is_refused(storage, monkeypatch):
    """The search index needs larger statements."""
    monkeypatch.setattr(mysql_database, 'MIN_PACKET', 2**40)
    for refusing in (storage.check, storage.migrate):
        with pytest.raises(SchemaError, match=r'max_allowed_packet .* 1,099,511,627,776'):
            refusing()


def test_the_largest_block_fits_into_the_smallest_statement(database):
    """A block of incompressible text fits."""
    server, dsn = database
    (usual,) = server.execute('SELECT @@GLOBAL.max_allowed_packet')[0]
    server.execute(f'SET GLOBAL max_allowed_packet = {MIN_PACKET}')
    chance = random.Random(387)
    texts = [''.join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(85_000)) for _ in '12']
    try:
        with create_storage(dsn) as storage:
            storage.migrate()
            for text in texts:
                assert isinstance(storage.insert([[Record(EPOCH, 'a', 20, text, {})]])[0], list)
            size = f'SELECT LENGTH(text) > 300000 FROM {dsn.rpartition("/")[2]}.block'
            assert ((1,),) == server.execute(size)
            assert 1 == storage.count(Filter(search=Search((texts[1][-30:],))))
    finally:
        server.execute(f'SET GLOBAL max_allowed_packet = {usual}')


def test_wrong_credentials_and_databases_are_errors_without_the_password(database):
    """Wrong credentials are no reason to retry."""
    _, dsn = database
    for wrong in (dsn.replace('p%40ss', 'wr0ng'), dsn + 'x'):
        with create_storage(wrong) as storage, pytest.raises(StorageError) as error:
            storage.check()
        assert not isinstance(error.value, StorageBusyError)
        for secret in ('p%40ss', 'p@ss', 'wr0ng'):
            assert secret not in error.value.message


def test_socket_of_the_dsn_is_used(database):
    """The socket replaces host and port."""
    server, dsn = database
    socket = f'?unix_socket={server._directory}/socket'
    with create_storage(dsn.replace(str(server.port), '1') + socket) as storage:
        storage.migrate()
        assert 0 == storage.count(Filter())


def test_tls_of_the_dsn_is_used(database):
    """With the right authority the connection is encrypted; with a wrong one it fails."""
    server, dsn = database
    files = server.certificates
    with create_storage(f'{dsn}?ssl_ca={files["ca"]}') as storage:
        storage.migrate()
        with storage._database.read() as db:
            assert db.execute("SHOW STATUS LIKE 'Ssl_cipher'").fetchone()[1]
    wrong = create_storage(f'{dsn}?ssl_ca={files["other_ca"]}')
    with wrong, pytest.raises(StorageError):
        wrong.check()


@pytest.mark.parametrize(
    'dsn',
    ['mysql://', 'mysql://host', 'mysql://host/', 'mysql://host/a/b', 'mysql://host:port/a',
     'mysql://host/a?colour=blue', 'mysql://host/a?ssl_ca=a&ssl_ca=b', 'mysql://[host/a',
     'mysql://host/a?read_timeout=0', 'mysql://host/a?connect_timeout=soon', 'mysql://host/a?b'],
)  # fmt: skip
def test_malformed_dsn_is_refused(dsn):
    """The message has the fault."""
    with pytest.raises(ConfigurationError, match='mysql'):
        create_storage(dsn)


def test_missing_driver_is_named(monkeypatch):
    """The message has the extra that installs it."""
    monkeypatch.setitem(sys.modules, 'MySQLdb', None)
    with pytest.raises(ConfigurationError, match=r"mysqlclient .* 'chronologer\[mysql\]'"):
        create_storage('mysql://host/a')


def test_parts_of_the_dsn():
    """Parts are percent-encoded and have defaults."""
    _, arguments = parse_dsn('mysql+pymysql://b%40b:p%3Aw@db.example/log%20s?read_timeout=5')
    expected = {
        'host': 'db.example', 'port': 3306, 'user': 'b@b', 'password': 'p:w', 'database': 'log s',
        'charset': 'utf8mb4', 'connect_timeout': 10, 'read_timeout': 5,
    }  # fmt: skip
    assert expected == arguments
