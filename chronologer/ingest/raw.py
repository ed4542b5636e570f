"""
Any JSON object as a record: what it says of itself where it can be read, and the whole of it.

Nothing but an object that is malformed or too large is refused; a level or a time that cannot be
read is that of a plain message, just received.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from chronologer.errors import InputError, LimitError
from chronologer.ingest.json_text import parse_object
from chronologer.ingest.stored import stored_text, stored_value
from chronologer.model import EPOCH, Record
from chronologer.parse import LEVEL_MAX, LEVEL_MIN, parse_instant

NAME = 'root'  # as logging calls the logger without a name

# Where loggers of other languages keep what we have in columns.
MESSAGES = 'message', 'msg'
LEVELS = 'level', 'levelno', 'severity'
TIMES = 'created', 'ts', 'time', 'timestamp'

# Names of levels that logging does not know, of syslog, log4j and Google Cloud among others.
OTHER_LEVELS = {
    'TRACE': 5,
    'FINE': logging.DEBUG,
    'INFORMATION': logging.INFO,
    'INFORMATIONAL': logging.INFO,
    'NOTICE': 25,
    'WARN': logging.WARNING,
    'ERR': logging.ERROR,
    'SEVERE': logging.ERROR,
    'CRIT': logging.CRITICAL,
    'FATAL': logging.CRITICAL,
    'ALERT': logging.CRITICAL,
    'EMERG': logging.CRITICAL,
    'EMERGENCY': logging.CRITICAL,
    'PANIC': logging.CRITICAL,
}

# An epoch in a unit other than seconds would be beyond the year 5000 as one in the unit before.
UNITS = (1e11, 1), (1e14, 1e3), (1e17, 1e6), (float('inf'), 1e9)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def decode_raw(text: bytes, plain: bool = False, now: Callable[[], datetime] = _now) -> Record:
    """
    Decode a JSON object into a record that has all of it as ``logrec``.

    Without a message of its own, the object as JSON is its message.

    Raises:
        InputError: It is no JSON object.
        LimitError: It has too many values, or a key that is too long.
    """
    logrec = stored_value(parse_object(text, plain)[0])
    if not isinstance(logrec, dict):
        raise LimitError('the object has a key that is too long, or two that are stored alike')
    name, message = logrec.get('name'), _first(logrec, MESSAGES, _parse_text)
    return Record(
        _first(logrec, TIMES, _parse_time) or now(),
        name if isinstance(name, str) else NAME,
        _first(logrec, LEVELS, _parse_level, logging.INFO),
        stored_text(orjson.dumps(logrec).decode()) if message is None else message,
        logrec,
    )


def _first(
    fields: dict[str, Any], names: tuple[str, ...], parse: Callable[[Any], Any], default: Any = None
) -> Any:
    """The first of the named fields that can be read."""
    for name in names:
        value = parse(fields[name]) if name in fields else None
        if value is not None:
            return value
    return default


def _parse_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _parse_level(value: Any) -> int | None:
    if isinstance(value, str):
        name = value.upper()
        if name in OTHER_LEVELS:
            return OTHER_LEVELS[name]
        known = logging.getLevelName(name)
        if isinstance(known, int):
            return known
        value = int(value) if value.isascii() and value.isdecimal() and len(value) < 11 else None
    is_level = type(value) is int and LEVEL_MIN <= value <= LEVEL_MAX
    return value if is_level else None


def _parse_time(value: Any) -> datetime | None:
    """From ISO 8601, or from an epoch in seconds, milli-, micro- or nanoseconds."""
    try:
        if isinstance(value, str) and not value.replace('.', '', 1).isdecimal():
            return parse_instant('time', value)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        number = float(value)
        unit = next(unit for limit, unit in UNITS if abs(number) < limit)
        if isinstance(value, int):  # a float would not hold its microseconds
            return EPOCH + timedelta(microseconds=round(value * 10**6 // int(unit)))
        return EPOCH + timedelta(seconds=number / unit)
    except (InputError, OverflowError, ValueError, StopIteration):
        return None
