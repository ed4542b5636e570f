"""An empty storage with small blocks."""

import pytest

from chronologer.storage import create_storage
from chronologer.storage.block import insertion


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 64 records, from 32 on."""
    monkeypatch.setattr(insertion, 'BLOCK_RECORDS', 64)
    monkeypatch.setattr(insertion, 'MIN_RECORDS', 32)


@pytest.fixture
def dsn(tmp_path):
    """The DSN of an empty storage."""
    dsn = f'sqlite:///{tmp_path}/test.sqlite'
    with create_storage(dsn) as storage:
        storage.migrate()
    return dsn


@pytest.fixture
def storage(dsn):
    """An empty storage."""
    with create_storage(dsn) as storage:
        yield storage
