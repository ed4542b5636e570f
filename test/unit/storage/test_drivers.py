"""Drivers that are not installed."""

import pytest

from chronologer.errors import ConfigurationError
from chronologer.storage import create_storage
from chronologer.storage.clickhouse import connection


@pytest.mark.parametrize(
    ('dsn', 'missing'),
    [
        ('chdb:///directory', 'chdb'),
        ('chdb:///directory', 'clickhouse_connect'),
        ('clickhouse://host/db', 'clickhouse_connect'),
    ],
)
def test_the_error_names_the_extra(monkeypatch, dsn, missing):
    """Also in ``serve``, which checks a chDB directory in another process."""
    found = connection.find_spec
    monkeypatch.setattr(connection, 'find_spec', lambda name: None if name == missing else found)
    with pytest.raises(ConfigurationError, match=rf"{missing} .* 'chronologer\[clickhouse\]'"):
        create_storage(dsn)
