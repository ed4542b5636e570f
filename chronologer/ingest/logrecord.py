"""
A ``logging.LogRecord`` that arrives as its ``__dict__``.

Its fields become the columns of a record (`name`, `levelno`, `created`, the message) and the parts
of ``logrec``: ``meta`` for what LogRecord itself sets, ``error`` for the exception, ``data`` for
everything that the program passed as ``extra``.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from chronologer.errors import InputError, LimitError, shown
from chronologer.ingest.form import parse_form
from chronologer.ingest.literal import Restorer
from chronologer.ingest.message import interpolate
from chronologer.ingest.stored import MAX_KEY, stored_text, stored_value
from chronologer.model import EPOCH, Record
from chronologer.parse import LEVEL_MAX, LEVEL_MIN

REQUIRED = ('name', 'levelno', 'created')
ERROR = ('exc_info', 'exc_text')

# What a fresh LogRecord has in any supported Python, or a formatter sets, and no column holds.
META = frozenset(
    [
        'args',
        'asctime',
        'filename',
        'funcName',
        'levelname',
        'lineno',
        'module',
        'msecs',
        'msg',
        'pathname',
        'process',
        'processName',
        'relativeCreated',
        'stack_info',
        'taskName',
        'thread',
        'threadName',
    ]
)
# Text by definition: '123' is a message or a module, not a number. LogRecord leaves some of them
# None when there is nothing to say.
TEXT = frozenset(['asctime', 'filename', 'levelname', 'module', 'msg', 'pathname'])
TEXT_OR_NONE = frozenset(['funcName', 'processName', 'stack_info', 'taskName', 'threadName'])

NUMBER = re.compile(r'-?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,3})?')

# log.exception() outside of an except clause leaves the triple.
NO_ERROR = ('None', '(None, None, None)')


def decode_form(body: bytes) -> Record:
    """
    Decode the body that ``HTTPHandler`` posts.

    Raises:
        InputError: A required field is missing or malformed; names it.
        LimitError: The form has too many fields, or one with too long a name.
    """
    fields = parse_form(body)
    missing = [field for field in REQUIRED if field not in fields]
    if missing:
        raise InputError(f'not a LogRecord: no field {", ".join(missing)} in the form')
    name, level, ts = fields.pop('name'), fields.pop('levelno'), fields.pop('created')
    restorer = Restorer()
    return Record(
        ts=_parse_created(ts),
        name=name,
        level=_parse_level(level),
        message=stored_text(_message(fields, restorer)),
        logrec=_logrec(fields, restorer),
    )


def _message(fields: dict[str, str], restorer: Restorer) -> str:
    """Take the formatted text, or format it: a bare HTTPHandler runs no formatter."""
    message = fields.pop('message', None)
    if message is not None:
        return message
    return interpolate(fields.get('msg', ''), restorer.restore_args(fields.get('args', '')))


def _logrec(fields: dict[str, str], restorer: Restorer) -> dict[str, Any]:
    error = {field: fields[field] for field in ERROR if fields.get(field, 'None') not in NO_ERROR}
    meta, data = {}, {}
    for field, text in fields.items():
        if field in META:
            meta[field] = _meta_value(field, text, restorer)
        elif len(field) > MAX_KEY:
            raise LimitError(
                f'a field name has {len(field):,} characters, the limit is {MAX_KEY:,}'
            )
        elif field not in ERROR:
            data[field] = stored_value(restorer.restore(text))
    parts = {'data': data, 'meta': meta, 'error': error}
    return {part: content for part, content in parts.items() if content}


def _meta_value(field: str, text: str, restorer: Restorer) -> Any:
    if field in TEXT_OR_NONE:
        return None if text == 'None' else text
    return text if field in TEXT else stored_value(restorer.restore(text))


def _parse_level(text: str) -> int:
    if re.fullmatch(r'-?[0-9]{1,10}', text) and LEVEL_MIN <= int(text) <= LEVEL_MAX:
        return int(text)
    raise InputError(f'levelno: expected an integer of at most 32 bits, got {shown(text)}')


def _parse_created(text: str) -> datetime:
    try:
        if NUMBER.fullmatch(text):
            return EPOCH + timedelta(seconds=float(text))
    except OverflowError:
        pass
    wanted = 'expected seconds since the epoch, within the years 1 to 9999'
    raise InputError(f'created: {wanted}, got {shown(text)}')
