"""Times of raw objects, in the notations of other loggers."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from chronologer.errors import InputError
from chronologer.model import EPOCH
from chronologer.parse import parse_instant

# An epoch in a unit other than seconds would be beyond the year 5000 as one in the unit before.
UNITS = (1e11, 1), (1e14, 1e3), (1e17, 1e6), (float('inf'), 1e9)

MAX_TEXT = 100  # characters of a time
COMPACT = re.compile(r'(?:19|20)\d{12}', re.ASCII)  # 20240115103045: as milliseconds, in 2611
EPOCH_TEXT = re.compile(r'[0-9]*\.?[0-9]+(?:[eE]\+?[0-9]{1,2})?|[0-9]+\.')
ZONE_NAME = re.compile(r'\[[\w/+-]+\]$')  # java.time: 2024-01-15T10:30:45Z[UTC]
ZONE = re.compile(r' (?:(UTC|GMT|Z)|(?=[+-]\d\d:?(?:\d\d)?$))')  # after a blank
SLASHES = re.compile(r'(\d{4})/(\d\d)/(\d\d)\b')
COMMON_LOG = '%d/%b/%Y:%H:%M:%S %z'  # of web servers
CTIME = '%a %b %d %H:%M:%S %Y', '%a %b %d %H:%M:%S.%f %Y'
WEEKDAY = re.compile('(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(,?) ')

# Objects with the seconds and nanoseconds of an epoch: of Google Cloud, and of log4j.
PARTS = ('seconds', 'nanos'), ('epochSecond', 'nanoOfSecond')


def read_time(value: Any, _: Any = None) -> datetime | None:
    """Return an instant that can be read: text, an epoch in any common unit, or an object."""
    try:
        if isinstance(value, str):
            return _read_text(value.strip()) if len(value) <= MAX_TEXT else None
        if isinstance(value, dict):
            return _read_object(value)
        return _read_epoch(value)
    except (InputError, OverflowError, ValueError, StopIteration):
        return None


def read_created(value: Any, _: Any = None) -> datetime | None:
    """Read the ``created`` of a LogRecord; a date may be that of the subject, as of an account."""
    return read_time(value) if isinstance(value, (int, float)) else None


def _read_epoch(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    unit = next(unit for limit, unit in UNITS if abs(float(value)) < limit)
    if isinstance(value, int):  # a float would not hold its microseconds
        return EPOCH + timedelta(microseconds=round(value * 10**6 // int(unit)))
    return EPOCH + timedelta(seconds=value / unit)


def _read_object(value: dict[str, Any]) -> datetime | None:
    if '$date' in value:  # MongoDB
        return read_time(value['$date'])
    for seconds, nanoseconds in PARTS:
        whole, part = value.get(seconds), value.get(nanoseconds, 0)
        if type(whole) is int and type(part) is int:
            return EPOCH + timedelta(seconds=whole, microseconds=part // 1000)
    return None


def _read_text(text: str) -> datetime | None:
    if COMPACT.fullmatch(text):
        return _utc(datetime.strptime(text, '%Y%m%d%H%M%S'))
    if EPOCH_TEXT.fullmatch(text):
        return _read_epoch(int(text) if text.isdecimal() else float(text))
    match = WEEKDAY.match(text)
    if match is not None:
        return _utc(parsedate_to_datetime(text)) if match[1] else _read_ctime(text)
    if text[2:3] == '/':
        return _utc(datetime.strptime(text, COMMON_LOG))
    text = SLASHES.sub(r'\1-\2-\3', ZONE_NAME.sub('', text), count=1)
    return parse_instant('time', ZONE.sub(lambda zone: 'Z' if zone[1] else '', text, count=1))


def _read_ctime(text: str) -> datetime | None:
    """C's ``ctime``, which Apache's error log extends by microseconds."""
    return _utc(datetime.strptime(text, CTIME['.' in text]))


def _utc(ts: datetime) -> datetime:
    return ts.replace(tzinfo=timezone.utc) if ts.tzinfo is None else ts.astimezone(timezone.utc)


# Fields that may have the time, and how each is read; the first that can be read has precedence.
TIMES: dict[str, Callable[[Any, Any], datetime | None]] = {
    'created': read_created,
    **dict.fromkeys(['ts', 'time', 'timestamp', '@timestamp', '@t', '_time'], read_time),
    **dict.fromkeys(['Timestamp', 'timeMillis', 'timeUnixNano', 'instant', 'eventTime'], read_time),
    **dict.fromkeys(['__REALTIME_TIMESTAMP', 'time_iso8601', 'asctime', 'datetime'], read_time),
    **dict.fromkeys(['date', 't'], read_time),
}
