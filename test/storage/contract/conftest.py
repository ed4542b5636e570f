"""An empty, migrated store on each engine in turn, with each of its drivers."""

import itertools
from datetime import datetime, timezone

import pytest

from chronologer.model import Filter
from chronologer.storage import create_storage, index, signature
from chronologer.storage.clickhouse import ClickHouseStorage, counting, insertion

SQL_ENGINES = ['sqlite', 'mysql', 'mysql+pymysql', 'mariadb', 'mariadb+pymysql']
ENGINES = [*SQL_ENGINES, 'chdb', 'clickhouse']
# For properties, which take long: what they generate meets each engine once, by whatever driver.
ONCE = pytest.mark.parametrize(
    'empty_dsn', ['sqlite', 'mysql', 'mariadb+pymysql', 'chdb'], indirect=True
)

numbers = itertools.count()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A handful of records is in groups of blocks, in blocks without a group, and in the tail."""
    monkeypatch.setattr(index, 'BLOCK_RECORDS', 3)
    monkeypatch.setattr(index, 'GROUP', 2)
    monkeypatch.setattr(signature, 'BITS', 10)
    monkeypatch.setattr(index, 'PAGES', range(4))


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """A search of ClickHouse goes through a handful of records in several stretches."""
    monkeypatch.setattr(counting, 'STRETCH', 2)
    monkeypatch.setattr(counting, 'GROWTH', 2)


@pytest.fixture(autouse=True)
def immediate_following(monkeypatch):
    """What one process alone writes to a server can be followed at once."""
    monkeypatch.setattr(insertion, 'LAG', -1)


@pytest.fixture(params=ENGINES, scope='session')
def empty_dsn(request, tmp_path_factory):
    """A function that returns the DSN of another database, which is empty."""
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
    """A store with no record."""
    with create_storage(empty_dsn()) as storage:
        storage.migrate()
        yield storage


@pytest.fixture
def shared_storage(empty_dsn):
    """For property-based tests: a function that makes an empty store of one that was used."""
    with create_storage(empty_dsn()) as storage:
        storage.migrate()

        def empty():
            delete_all(storage)
            return storage

        yield empty


@pytest.fixture
def two_storages(empty_dsn):
    """Likewise, of what two storages, as of two processes, have in common."""
    dsn = empty_dsn()
    with create_storage(dsn) as one, create_storage(dsn) as other:
        one.migrate()

        def empty():
            delete_all(one)
            return one, other

        yield empty


def delete_all(storage):
    if isinstance(storage, ClickHouseStorage):  # whose deletions take a second
        with storage._writing() as db:
            db.command('TRUNCATE TABLE record')
    else:
        storage.purge(datetime.max.replace(tzinfo=timezone.utc), Filter())
