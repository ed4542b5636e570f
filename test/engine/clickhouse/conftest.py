"""Storages on chDB in this process and on a ClickHouse server, and records for them."""

import itertools
from datetime import datetime, timedelta, timezone

import pytest

from chronologer.model import Filter, Record
from chronologer.storage import BatchKey, create_storage

YEAR_2027 = datetime(2027, 1, 1, tzinfo=timezone.utc)


RECORD = Record(YEAR_2027, 'a', 20, 'hello', {})
KEY = BatchKey(b'o' * 16, '', b'd' * 16)
INSERT = 'INSERT INTO .?record'
numbers = itertools.count()


@pytest.fixture
def chdb_dsn(chdb_directory):
    """The DSN of a database that does not exist yet."""
    return f'chdb://{chdb_directory}?database=engine_{next(numbers)}'


@pytest.fixture
def embedded(chdb_dsn):
    """A migrated, empty storage on chDB in this process."""
    with create_storage(chdb_dsn) as storage:
        storage.migrate()
        yield storage


@pytest.fixture
def processes(clickhouse):
    """Two storages of one database that share no state, like those of two processes."""
    dsn = clickhouse.empty_dsn()
    with (
        create_storage(dsn) as one,
        create_storage(dsn.replace('127.0.0.1', 'localhost')) as other,
    ):
        one.migrate()
        assert one._insertion is not other._insertion
        yield one, other
    clickhouse.clear_faults()


@pytest.fixture
def remote(processes):
    """A migrated, empty storage on a server."""
    return processes[0]


def spread(count, first=YEAR_2027):
    """Return one record per day, so that each is in a part of its own."""
    return [RECORD._replace(ts=first + timedelta(days=n), message=f'm{n}') for n in range(count)]


def messages(storage):
    return sorted(record.message for record in storage.range(Filter(), 0, 10**6))
