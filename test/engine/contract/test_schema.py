"""Versions of the schema: created, checked, applied twice, rejected when unknown."""

import pytest

from chronologer.errors import SchemaError
from chronologer.model import Filter
from chronologer.storage import create_storage
from test.engine.contract.conftest import EVERY_DRIVER


@EVERY_DRIVER
def test_check_requires_a_schema(empty_dsn):
    """The message says what to do."""
    with create_storage(empty_dsn()) as storage, pytest.raises(SchemaError, match='migrate'):
        storage.check()


@EVERY_DRIVER
def test_migrating_twice_changes_nothing(storage):
    """A deployment may migrate at each start."""
    storage.check()
    storage.migrate()
    storage.check()
    assert 0 == storage.count(Filter())


def test_reading_needs_no_writing_first(empty_dsn):
    """A storage that another process has migrated can be read immediately."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage:
        storage.migrate()
    with create_storage(dsn) as storage:
        assert 0 == storage.count(Filter())
        assert [] == list(storage.range(Filter(), 0, 9))
