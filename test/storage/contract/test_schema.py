"""The schema's versions: created, checked, applied twice, refused when unknown."""

import pytest

from chronologer.errors import SchemaError
from chronologer.model import Filter
from chronologer.storage import create_storage


def test_check_wants_a_schema(empty_dsn):
    """And says what to do."""
    with create_storage(empty_dsn()) as storage, pytest.raises(SchemaError, match='migrate'):
        storage.check()


def test_migrating_twice_changes_nothing(storage):
    """A deployment may migrate at each start."""
    storage.check()
    storage.migrate()
    storage.check()
    assert 0 == storage.count(Filter())


def test_reading_needs_no_writing_first(empty_dsn):
    """A store that was migrated by another process is there at once."""
    dsn = empty_dsn()
    with create_storage(dsn) as storage:
        storage.migrate()
    with create_storage(dsn) as storage:
        assert 0 == storage.count(Filter())
        assert [] == list(storage.range(Filter(), 0, 9))
