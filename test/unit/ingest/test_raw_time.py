"""Times in the objects of other loggers."""

from datetime import datetime, timezone

import pytest

from chronologer.ingest.raw import decode_raw_object

NOW = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
TS = datetime(2024, 1, 15, 10, 30, 45, 123000, timezone.utc)


def ts_of(**fields) -> datetime:
    return decode_raw_object({'message': 'm', **fields}, now=lambda: NOW).ts


@pytest.mark.parametrize(
    'fields',
    [
        {'asctime': '2024-01-15 10:30:45,123'}, {'@timestamp': '2024-01-15T10:30:45.123Z'},
        {'@t': '2024-01-15T10:30:45.1230000Z'}, {'Timestamp': '2024-01-15T10:30:45.123Z'},
        {'datetime': '2024-01-15T10:30:45.123+00:00'}, {'date': 1705314645.123},
        {'_time': '2024-01-15T10:30:45.123Z'}, {'timeMillis': 1705314645123},
        {'timeUnixNano': '1705314645123000000'}, {'__REALTIME_TIMESTAMP': '1705314645123000'},
        {'time': {'$date': '2024-01-15T10:30:45.123Z'}}, {'t': {'$date': 1705314645123}},
        {'timestamp': {'seconds': 1705314645, 'nanos': 123000000}},
        {'instant': {'epochSecond': 1705314645, 'nanoOfSecond': 123000000}},
        {'created': '2011-01-26T19:01:12Z', 'timestamp': '2024-01-15T10:30:45.123Z'},
    ],
    ids=str,
)  # fmt: skip
def test_where_other_loggers_have_it(fields):
    """The first field that can be read counts; a date in ``created`` counts last."""
    assert TS == ts_of(**fields)


@pytest.mark.parametrize(
    'text',
    [
        '2024-01-15 10:30:45.123 UTC', '2024-01-15 10:30:45.123 +0000',
        '2024-01-15T10:30:45.123 Z', ' 2024-01-15T10:30:45.123Z', '2024-01-15T10:30:45.123Z\n',
        '2024-01-15T10:30:45.123Z[UTC]', '2024/01/15 10:30:45.123', '1.705314645123E9',
        '2024-01-15 11:30:45.123 +01:00', '20240115T103045,123Z', '1705314645.123',
    ],
)  # fmt: skip
def test_other_notations(text):
    """Blanks, names of UTC, slashes and exponents do not make a time unreadable."""
    assert TS == ts_of(time=text)


@pytest.mark.parametrize(
    'text',
    [
        '20240115103045', '15/Jan/2024:10:30:45 +0000', '15/Jan/2024:12:30:45 +0200',
        'Mon, 15 Jan 2024 10:30:45 GMT',
        'Mon Jan 15 10:30:45 2024', 'Mon Jan 15 10:30:45.000000 2024',
    ],
)  # fmt: skip
def test_notations_without_fractions(text):
    """Compact, of access logs, of HTTP and of Apache's error log."""
    assert TS.replace(microsecond=0) == ts_of(time=text)


@pytest.mark.parametrize(
    'value',
    [
        '2024-01-15110:31', '20241315103045', '2024-01- 1', '2024-01-15T10:3', '15/Jan/2024',
        'Mon Jan 2024', 'Mon, x', '/' * 100, '2024/13/01', {}, {'$date': {}}, {'seconds': 'x'},
        {'seconds': 10**30}, '1e99', {'$date': {'$date': {'$date': None}}}, 'x' * 1000,
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_read_is_the_time_of_receipt(value):
    """A text that only seems to be a time is none."""
    assert NOW == ts_of(time=value)
