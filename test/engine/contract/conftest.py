"""An empty, migrated storage on each engine."""

import itertools
from datetime import datetime, timezone

import pytest

from chronologer.model import Filter
from chronologer.storage import create_storage
from chronologer.storage.block import insertion as block_insertion
from chronologer.storage.block import signature as block_signature
from chronologer.storage.block import tail
from chronologer.storage.clickhouse import ClickHouseStorage, counting, insertion
from chronologer.storage.sql import index
from chronologer.storage.sql.index import signature, table

SQL_ENGINES = ['sqlite', 'mysql', 'mariadb+pymysql']  # mysqlclient on MySQL, PyMySQL on MariaDB
ENGINES = [*SQL_ENGINES, 'chdb', 'clickhouse']
# For tests that depend on the driver: types, escapes, errors, transactions, large statements,
# migrations. They also run with the other driver of each server.
EVERY_DRIVER = pytest.mark.parametrize(
    'empty_dsn', [*ENGINES, 'mysql+pymysql', 'mariadb'], indirect=True
)
# For slow property-based tests: they run once on each engine, with any driver.
ONCE = pytest.mark.parametrize(
    'empty_dsn', ['sqlite', 'mysql', 'mariadb+pymysql', 'chdb'], indirect=True
)

numbers = itertools.count()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A few records fill groups of blocks, blocks without a group, and the tail."""
    monkeypatch.setattr(index, 'BLOCK_RECORDS', 3)
    monkeypatch.setattr(table, 'GROUP', 2)
    monkeypatch.setattr(signature, 'BITS', 10)
    monkeypatch.setattr(table, 'PAGES', range(4))
    monkeypatch.setattr(block_insertion, 'BLOCK_RECORDS', 8)
    monkeypatch.setattr(block_insertion, 'MIN_RECORDS', 4)
    monkeypatch.setattr(block_signature, 'GROUP', 2)
    monkeypatch.setattr(block_signature, 'BITS', 12)
    monkeypatch.setattr(tail, 'CHUNK', 3)


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """A search on ClickHouse reads a few records in several stretches."""
    monkeypatch.setattr(counting, 'STRETCH', 2)
    monkeypatch.setattr(counting, 'GROWTH', 2)


@pytest.fixture(autouse=True)
def immediate_following(monkeypatch):
    """Records of a single process on a server can be followed immediately."""
    monkeypatch.setattr(insertion, 'LAG', -1)


@pytest.fixture(params=ENGINES, scope='session')
def empty_dsn(request, tmp_path_factory):
    """A function that returns the DSN of a new, empty database."""
    engine, _, driver = request.param.partition('+')
    if engine == 'sqlite':
        directory = tmp_path_factory.mktemp('sqlite')
        return lambda: f'sqlite:///{directory}/{next(numbers)}.sqlite'
    if engine == 'chdb':
        directory = request.getfixturevalue('chdb_directory')
        return lambda: f'chdb://{directory}?database=contract_{next(numbers)}'
    server = request.getfixturevalue(engine)
    if engine == 'clickhouse':
        return server.empty_dsn
    return lambda: server.empty_dsn('+'.join(filter(None, ('mysql', driver))))


@pytest.fixture
def storage(empty_dsn):
    """A storage without records."""
    with create_storage(empty_dsn()) as storage:
        storage.migrate()
        yield storage


@pytest.fixture
def shared_storage(empty_dsn):
    """For property-based tests: a function that empties a storage and returns it."""
    with create_storage(empty_dsn()) as storage:
        storage.migrate()

        def empty():
            delete_all(storage)
            return storage

        yield empty


@pytest.fixture
def two_storages(empty_dsn):
    """For property-based tests: a function that empties a database and returns two storages."""
    dsn = empty_dsn()
    with create_storage(dsn) as one, create_storage(dsn) as other:
        one.migrate()

        def empty():
            delete_all(one)
            return one, other

        yield empty


def delete_all(storage):
    if isinstance(storage, ClickHouseStorage):  # its deletions last a second
        with storage._write() as db:
            db.command('TRUNCATE TABLE record')
    else:
        storage.purge(datetime.max.replace(tzinfo=timezone.utc), Filter())
