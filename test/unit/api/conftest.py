"""Bodies of a few thousand lines have several slices."""

import pytest

from chronologer.storage.block import BlockStorage


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    """Slices of 1,000 records, as on MySQL."""
    monkeypatch.setattr(BlockStorage, 'slice_records', 1000)
