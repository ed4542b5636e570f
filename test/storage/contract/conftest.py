"""An empty, migrated store on each engine in turn."""

import itertools

import pytest

from chronologer.storage import create_storage

ENGINES = ['sqlite']

numbers = itertools.count()


@pytest.fixture(params=ENGINES, scope='session')
def empty_dsn(request, tmp_path_factory):
    """A function that returns the DSN of another database that does not exist yet."""
    directory = tmp_path_factory.mktemp(request.param)
    return lambda: f'sqlite:///{directory}/{next(numbers)}.sqlite'


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
            from datetime import datetime, timezone

            from chronologer.model import Filter

            storage.purge(datetime.max.replace(tzinfo=timezone.utc), Filter())
            return storage

        yield empty
