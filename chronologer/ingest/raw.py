"""
Decodes any JSON object into a record: with its own time, logger, level and message if it has them.

Only a malformed or too large object is refused. A level or a time that cannot be read is replaced
by INFO or by the time of arrival.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar

import orjson

from chronologer.errors import LimitError
from chronologer.ingest.json_text import parse_json
from chronologer.ingest.normalisation import stored_text, stored_value
from chronologer.ingest.raw_level import LEVELS
from chronologer.ingest.raw_time import TIMES, read_time
from chronologer.model import Record

NAME = 'root'  # as logging calls the logger without a name

Fields = dict[str, Any]
Reader = Callable[[Any, Fields], Any]  # of a field's value, in the object
T = TypeVar('T')


def _now() -> datetime:
    return datetime.now(timezone.utc)


def decode_raw(text: bytes, plain: bool = False, now: Callable[[], datetime] = _now) -> Record:
    """
    Decode a JSON object into a record that has all of it as ``logrec``.

    If it has no message, the object as JSON is the message.

    Raises:
        InputError: It is no JSON object.
        LimitError: It has too many values, or a key that is too long.
    """
    return decode_raw_object(parse_json(text, plain)[0], plain, now)


def decode_raw_object(
    fields: Fields, _plain: bool = False, now: Callable[[], datetime] = _now
) -> Record:
    """
    Decode an object that is an item of a JSON text, as `decode_raw` does.

    Raises:
        LimitError: It has a key that is too long.
    """
    logrec = stored_value(fields)
    if not isinstance(logrec, dict):
        raise LimitError('the object has a key that is too long, or two that are stored alike')
    message = _first(logrec, MESSAGES)
    level = _first(logrec, LEVELS)
    return Record(
        _first(logrec, TIMES) or read_time(logrec.get('created'), logrec) or now(),
        _first(logrec, NAMES) or NAME,
        logging.INFO if level is None else level,
        stored_text(orjson.dumps(logrec).decode()) if message is None else message,
        logrec,
    )


def _first(fields: Fields, readers: Mapping[str, Callable[[Any, Fields], T | None]]) -> T | None:
    """Return the first value that can be read, in the order of *readers*."""
    known = readers.keys() & fields.keys()
    for name in known if len(known) < 2 else filter(known.__contains__, readers):
        value = readers[name](fields[name], fields)
        if value is not None:
            return value
    return None


def _read_text(value: Any, _: Fields) -> str | None:
    return value if isinstance(value, str) else None


def _read_message(value: Any, _: Fields) -> str | None:
    """A number is a message too, as a status code."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else _read_text(value, {})


def _read_line(value: Any, _: Fields) -> str | None:
    """Read a line that Docker keeps with its end."""
    return value.rstrip('\n') if isinstance(value, str) else None


def _within(name: str) -> Reader:
    """Return a reader of the text with this name in an object."""

    def read(value: Any, fields: Fields) -> str | None:
        return _read_text(value.get(name), fields) if isinstance(value, dict) else None

    return read


def _text_or_within(name: str) -> Reader:
    """Return a reader of a text, which may be in an object."""
    read = _within(name)
    return lambda value, fields: _read_text(value, fields) or read(value, fields)


# Fields that may have the message, and how each is read: of Python, GELF, structlog, CLEF, .NET,
# journald, VictoriaLogs, Google Cloud, OpenTelemetry, Docker, Rust's tracing, loguru.
MESSAGES: dict[str, Reader] = {
    'message': _read_message,
    'msg': _read_message,
    'short_message': _read_text,
    'event': _read_text,
    '@m': _read_text,
    '@mt': _read_text,
    'Message': _read_text,
    'MESSAGE': _read_text,
    '_msg': _read_text,
    'textPayload': _read_text,
    'body': _text_or_within('stringValue'),
    'log': _read_line,
    'fields': _within('message'),
    'record': _within('message'),
}
# The same of the logger.
NAMES: dict[str, Reader] = {
    'name': _read_text,
    'logger': _text_or_within('name'),
    'logger_name': _read_text,
    'loggerName': _read_text,
    'log.logger': _read_text,
    'SourceContext': _read_text,
    'target': _read_text,
    'log': _within('logger'),
    'record': _within('name'),
}
