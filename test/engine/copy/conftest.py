"""Storages to copy from and to."""

import itertools

import pytest

from chronologer.copy import open_target
from chronologer.metastore import open_metastore

numbers = itertools.count()


@pytest.fixture
def new_dsn(tmp_path):
    """A function that returns the DSN of a new file, which does not exist."""
    return lambda: f'sqlite:///{tmp_path}/{next(numbers)}.sqlite'


@pytest.fixture
def source_dsn(new_dsn):
    """The DSN of a storage without records, with its metastore."""
    dsn = new_dsn()
    with open_target(dsn) as storage, open_metastore('', dsn) as metastore:
        storage.migrate()
        metastore.migrate()
    return dsn


@pytest.fixture
def source(source_dsn):
    """The storage of `source_dsn`."""
    with open_target(source_dsn) as storage:
        yield storage
