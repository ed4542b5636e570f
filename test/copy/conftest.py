"""Storages to copy from and to."""

import itertools

import pytest

from chronologer.copy import open_target

numbers = itertools.count()


@pytest.fixture
def new_dsn(tmp_path):
    """A function that returns the DSN of another file, which is not there."""
    return lambda: f'sqlite:///{tmp_path}/{next(numbers)}.sqlite'


@pytest.fixture
def source_dsn(new_dsn):
    """Of a store with no record."""
    dsn = new_dsn()
    with open_target(dsn) as storage:
        storage.migrate()
    return dsn


@pytest.fixture
def source(source_dsn):
    """That store."""
    with open_target(source_dsn) as storage:
        yield storage
