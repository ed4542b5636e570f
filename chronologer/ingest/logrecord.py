"""
Decodes a ``logging.LogRecord`` that is sent as its ``__dict__``.

Its fields become the columns of a record (`name`, `levelno`, `created`, the message) and the parts
of ``logrec``: ``meta`` for attributes that LogRecord itself sets, ``error`` for the exception,
``data`` for all values that the program passed as ``extra``.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson

from chronologer.errors import InputError, LimitError, shown
from chronologer.ingest.form import parse_form
from chronologer.ingest.json_text import is_plain, parse_json
from chronologer.ingest.literal import Restorer
from chronologer.ingest.message import interpolate
from chronologer.ingest.normalisation import MAX_KEY, stored_text, stored_value
from chronologer.model import COLUMNS, EPOCH, ERROR, META, REQUIRED, Record
from chronologer.parse import LEVEL_MAX, LEVEL_MIN

# Text by definition: '123' is a message or a module, not a number. LogRecord leaves some of them
# None.
TEXT = frozenset(['asctime', 'filename', 'levelname', 'module', 'msg', 'pathname'])
TEXT_OR_NONE = frozenset(['funcName', 'processName', 'stack_info', 'taskName', 'threadName'])
AS_IT_IS = TEXT | COLUMNS | frozenset(ERROR)  # of a form

Division = tuple[tuple[str, ...], tuple[str, ...]]

CONTAINERS: frozenset[object] = frozenset([list, dict])  # of JSON
MAX_USUAL = 4096  # bytes of a record whose division of fields into parts is cached

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
    try:
        name, level, created = fields['name'], fields['levelno'], fields['created']
    except KeyError:
        raise _no_record(fields) from None
    _check_names(fields)
    restorer = Restorer()
    args = restorer.restore_args(fields.get('args', ''))
    message = fields.get('message')
    if message is None:  # a bare HTTPHandler runs no formatter
        message = stored_text(interpolate(fields.get('msg', ''), args))
    values = {field: _form_value(field, text, restorer) for field, text in fields.items()}
    return Record(_parse_created(created), name, _parse_level(level), message, _take_logrec(values))


def _form_value(field: str, text: str, restorer: Restorer) -> Any:
    if field in TEXT_OR_NONE:
        return None if text == 'None' else text
    return text if field in AS_IT_IS else stored_value(restorer.restore(text))


def decode_json(text: bytes, plain: bool = False) -> Record:
    """
    Decode a LogRecord's dict as JSON; fields keep the types that they have there.

    *plain* says that `is_plain` is true for it.

    Raises:
        InputError: It is malformed, or a required field is missing or malformed; names it.
        LimitError: It has too many values.
    """
    fields, plain = parse_json(text, plain or is_plain(text))
    return _make_record(fields, plain and len(text) < MAX_USUAL)


def decode_object(fields: dict[str, Any], plain: bool) -> Record:
    """
    Decode a LogRecord's dict that is an item of a JSON text; *plain* is that of the text.

    Raises:
        InputError: A required field is missing or malformed; names it.
        LimitError: It has a field with too long a name.
    """
    return _make_record(fields, plain and sum(map(len, fields)) < MAX_USUAL)


def _make_record(fields: dict[str, Any], is_usual: bool) -> Record:
    """*is_usual*: texts and numbers are their own stored form, and all names are short."""
    try:
        name, level, created = fields['name'], fields['levelno'], fields['created']
    except KeyError:
        raise _no_record(fields) from None
    if not is_usual:
        _check_names(fields)
        fields = {stored_text(key): stored_value(value) for key, value in fields.items()}
        name = stored_text(name) if type(name) is str else name
    elif _has_structures(fields):
        fields = {key: stored_value(value) for key, value in fields.items()}
    if type(name) is not str:
        raise InputError(f'name: expected text, got {shown(name)}')
    message = fields.get('message')
    return Record(
        _parse_epoch(created) if type(created) is float else _parse_created(_as_text(created)),
        name,
        level if type(level) is int and LEVEL_MIN <= level <= LEVEL_MAX else _parse_level(level),
        message if type(message) is str else _json_message(fields),
        _take_logrec(fields, _divide_usual if is_usual else _divide),
    )


def _no_record(fields: Mapping[str, Any]) -> InputError:
    missing = ', '.join(field for field in REQUIRED if field not in fields)
    return InputError(f'not a LogRecord: no field {missing}')


def _check_names(fields: dict[str, Any]) -> None:
    longest = max(map(len, fields))
    if longest > MAX_KEY:
        raise LimitError(f'a field name has {longest:,} characters, the limit is {MAX_KEY:,}')


def _has_structures(fields: dict[str, Any]) -> bool:
    """Whether there are lists or dicts, apart from arguments that are numbers and texts."""
    args = fields.get('args')
    if type(args) is not list:
        return not CONTAINERS.isdisjoint(map(type, fields.values()))
    fields['args'] = None
    has_structures = not CONTAINERS.isdisjoint(chain(map(type, fields.values()), map(type, args)))
    fields['args'] = args
    return has_structures


def _json_message(fields: dict[str, Any]) -> str:
    message = fields.get('message')
    if message is not None:
        return _as_text(message)
    args = fields.get('args')
    if isinstance(args, list):
        args = tuple(args)
    msg = fields.get('msg', '')
    msg = 'None' if msg is None else _as_text(msg)  # as LogRecord.getMessage has it
    return stored_text(interpolate(msg, args if isinstance(args, (tuple, dict)) else None))


def _as_text(value: Any) -> str:
    """Return a value as text: text itself, other values as JSON."""
    return value if isinstance(value, str) else orjson.dumps(stored_value(value)).decode()


def _divide(keys: tuple[str, ...]) -> Division:
    """Return the names of fields that belong to ``data``, and those of columns and ``error``."""
    others = tuple(key for key in keys if key in COLUMNS or key in ERROR)
    return tuple(key for key in keys if key not in META and key not in others), others


# Records of one program have the same fields, in the same order.
_divide_usual = lru_cache(1000)(_divide)


def _take_logrec(
    fields: dict[str, Any], divide: Callable[[tuple[str, ...]], Division] = _divide
) -> dict[str, Any]:
    """Return the parts of ``logrec``; *fields* itself becomes ``meta``."""
    in_data, others = divide(tuple(fields))
    logrec: dict[str, Any] = {}
    if in_data:
        logrec['data'] = {key: fields.pop(key) for key in in_data}
    rest = {key: fields.pop(key) for key in others}
    if fields:
        logrec['meta'] = fields
    for field in ERROR:
        value = rest.get(field)
        if value and value not in NO_ERROR:
            logrec.setdefault('error', {})[field] = value
    return logrec


def _parse_epoch(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return _parse_created(repr(seconds))


def _parse_level(value: Any) -> int:
    text = str(value) if isinstance(value, (str, int, float)) else ''
    if re.fullmatch(r'-?[0-9]{1,10}', text) and LEVEL_MIN <= int(text) <= LEVEL_MAX:
        return int(text)
    raise InputError(f'levelno: expected an integer of at most 32 bits, got {shown(value)}')


def _parse_created(text: str) -> datetime:
    try:
        if NUMBER.fullmatch(text):
            return EPOCH + timedelta(seconds=float(text))
    except OverflowError:
        pass
    wanted = 'expected seconds since the epoch, within the years 1 to 9999'
    raise InputError(f'created: {wanted}, got {shown(text)}')
