"""The selection of old records."""

from datetime import datetime, timezone

import pytest

from chronologer.jobs.retention import first_kept


@pytest.mark.parametrize(
    ('now', 'days', 'expected'),
    [
        ((2026, 11, 29, 13, 5), 1, (2026, 11, 28)),
        ((2026, 11, 29), 1, (2026, 11, 28)),
        ((2026, 11, 29, 23, 59, 59, 999_999), 1, (2026, 11, 28)),
        ((2026, 3, 1, 0, 0, 1), 2, (2026, 2, 27)),
        ((2026, 11, 29, 13), 36_500, (1926, 12, 24)),
    ],
)
def test_whole_days_are_kept_and_deleted(now, days, expected):
    """The first kept day has no record that is older than the retention."""
    utc = timezone.utc
    assert datetime(*expected, tzinfo=utc) == first_kept(datetime(*now, tzinfo=utc), days)
