"""
Encodes a LogRecord with all of its attributes as one line of JSON.

Encoding runs in the thread that logs, because the program may change the values later. A usual
record, of numbers and texts, costs one pass over its fields and one call of the encoder, which is
in C. Other records are encoded value by value, within limits, with a mark where they were cut.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import islice
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any
from uuid import UUID

from chronologer.client.failure import describe

MAX_LINE = 2**20  # bytes; a longer line is encoded again, with cuts
MAX_TEXT = 2**20  # characters of one text
MAX_TEXTS = 2**22  # characters of all texts of a record; the server takes 16 MiB
MAX_ITEMS = 1000  # of one list or dict
MAX_VALUES = 20_000  # of one record
MAX_DEPTH = 20  # levels; the server accepts 24

PLAIN: frozenset[type] = frozenset([str, int, float, bool, type(None)])
# what str() says of these is what a person would search for
SPEAKING = (
    Real, UUID, Decimal, PurePath, Enum, timedelta, tzinfo,
    IPv4Address, IPv6Address, IPv4Network, IPv6Network,
)  # fmt: skip

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(',', ':')).encode


def encode(record: logging.LogRecord, prefix: str = '') -> bytes:
    """
    Return *record* as a line, without its end; see `name_of` for *prefix*.

    Texts have up to a million characters. Longer texts, long or deep structures and cycles are cut
    with a mark, ``… […]``, that says what is missing. Of values that JSON has no form for, dates
    and times become ISO 8601, those of `SPEAKING` their `str`, numbers of other libraries numbers,
    and any other its `repr`.
    """
    fields = record.__dict__.copy()
    fields['message'] = message_of(record)
    args = record.args
    if type(fields.get('msg')) is not str:
        is_whole = args is None or (type(args) is tuple and not args)
        fields['msg'] = fields['message'] if is_whole else _text_of(fields.get('msg'))
    if record.exc_info is not None:
        fields.update(_failure(record))
    name = name_of(record, prefix)
    if name != fields['name']:
        fields['origname'], fields['name'] = fields['name'], name
    fields['args'] = None
    if _is_plain(fields.values()) and (args is None or (type(args) is tuple and _is_plain(args))):
        fields['args'] = args
        line = _as_line(fields)
        if line is not None and len(line) <= MAX_LINE:
            return line
    fields['args'] = args
    # Fields of limited size come first, so that large arguments leave room for them.
    in_order = sorted(fields.items(), key=lambda item: type(item[1]) not in PLAIN)
    line = _as_line(Cutter().cut_dict(dict(in_order)))
    assert line is not None
    return line


def without_objects(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy with texts and numbers only, for which no code of other objects is called."""
    plain = logging.LogRecord('', 0, '', 0, '', None, None)
    plain.__dict__.update((name, _unless_object(it)) for name, it in record.__dict__.items())
    if type(record.args) is tuple:
        plain.args = tuple(map(_unless_object, record.args))
    elif type(record.args) is dict:
        plain.args = {name: _unless_object(value) for name, value in record.args.items()}
    return plain


def _unless_object(value: Any) -> Any:
    return value if type(value) in PLAIN else f'<{type(value).__qualname__}, in a nested record>'


def name_of(record: logging.LogRecord, prefix: str) -> str:
    """
    The logger's name, after *prefix* and before the record's own ``suffix``, with dots.

    A record that has ``origname`` has been renamed already, and keeps its name.
    """
    if 'origname' in record.__dict__:
        return record.name
    suffix = record.__dict__.get('suffix')
    name = record.name if type(record.name) is str else _text_of(record.name)
    name = f'{prefix}.{name}' if prefix else name
    # The type first: arrays, for instance, have no truth value.
    return f'{name}.{suffix}' if type(suffix) is str and suffix else name


def _is_plain(values: Any) -> bool:
    return PLAIN.issuperset(map(type, values))


def _as_line(fields: Mapping[str, Any]) -> bytes | None:
    try:
        # A lone surrogate becomes \ud800, as in JSON.
        return _encode(fields).encode('utf-8', 'backslashreplace')
    except (TypeError, ValueError):  # keys of extra may be of any type, integers too long to print
        return None


def message_of(record: logging.LogRecord) -> str:
    """Return `LogRecord.getMessage()`, or the text without arguments if they do not fit."""
    try:
        message = record.getMessage()
        return message if type(message) is str else str(message)
    except Exception:
        return _text_of(record.msg)


def _text_of(value: Any) -> str:
    try:
        return str(value)
    except Exception as ex:
        return _unprintable(value, ex)


def _unprintable(value: Any, ex: Exception) -> str:
    return f'<{type(value).__qualname__}, whose repr raises {type(ex).__name__}>'


def is_exception(exc_info: Any) -> bool:
    """Whether it is what `sys.exc_info` returns, of an exception."""
    is_triple = type(exc_info) is tuple and len(exc_info) == 3
    return is_triple and isinstance(exc_info[1], BaseException)


def _failure(record: logging.LogRecord) -> dict[str, Any]:
    exc_info: Any = record.exc_info
    if not is_exception(exc_info):
        return {}  # a record of `makeLogRecord`, or logged without an exception
    try:
        text, structure = describe(exc_info)
        return {'exc_text': text, 'exc_info': structure}
    except Exception as ex:  # an exception class may override any method
        return {'exc_info': f'{type(exc_info[1]).__qualname__} ({type(ex).__name__}: no traceback)'}


class Cutter:
    """Converts any value to JSON's types, for one record, within the limits above."""

    def __init__(self) -> None:
        self._values, self._characters = MAX_VALUES, MAX_TEXTS
        self._open: set[int] = set()  # ids of the structures around the current value

    def cut(self, value: Any, depth: int = 0) -> Any:
        """Return *value* as it is sent."""
        self._values -= 1
        try:
            if value is None or value is True or value is False:
                return value
            if isinstance(value, str):
                return self.cut_text(str.__str__(value))
            if isinstance(value, float):
                return float.__float__(value)
            if isinstance(value, int):
                return self._cut_integer(int.__int__(value))
            if isinstance(value, (dict, list, tuple)):
                return self._cut_structure(value, depth)
            if isinstance(value, Integral):
                return self._cut_integer(int(value))
            if isinstance(value, Real) and not isinstance(value, Fraction):
                return float(value)
            if type(value).__module__ == 'numpy' and type(value).__name__ in ('bool', 'bool_'):
                return bool(value)
            return self.cut_text(_limited_text(value))
        except Exception as ex:
            return _unprintable(value, ex)

    def cut_text(self, text: str) -> str:
        """Return *text*, or its beginning with a mark if there is no more room."""
        room = min(MAX_TEXT, self._characters)
        self._characters -= min(room, len(text))
        if len(text) <= room:
            return text
        return f'{text[:room]}… [{len(text) - room:,} of {len(text):,} characters left out]'

    def cut_dict(self, fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        """Return a dict with keys that are texts."""
        items = list(
            islice(fields.items(), MAX_ITEMS)
        )  # in one call, because other threads may change it
        cut: dict[str, Any] = {}
        for number, (key, value) in enumerate(items):
            if self._values <= 0:
                items = items[:number]
                break
            text = key if type(key) is str else _limited_text(key)
            cut[self.cut_text(text)] = self.cut(value, depth)
        if len(items) < len(fields):
            cut['…'] = f'[{len(fields) - len(items):,} of {len(fields):,} items left out]'
        return cut

    def _cut_integer(self, value: int) -> Any:
        # Python refuses to print more than 4,300 digits; the server stores more than 64 bits
        # as text.
        bits = value.bit_length()
        return value if bits < 10_000 else f'… [an integer of {bits:,} bits]'

    def _cut_structure(self, value: Any, depth: int) -> Any:
        if id(value) in self._open:
            return '… [cyclic]'
        if depth >= MAX_DEPTH:
            return f'… [deeper than {MAX_DEPTH} levels]'
        self._open.add(id(value))
        try:
            if isinstance(value, dict):
                return self.cut_dict(value, depth + 1)
            return self._cut_list(value, depth + 1)
        finally:
            self._open.remove(id(value))

    def _cut_list(self, value: Any, depth: int) -> list[Any]:
        cut: list[Any] = []
        for item in list(islice(value, MAX_ITEMS)):
            if self._values <= 0:
                break
            cut.append(self.cut(item, depth))
        if len(cut) < len(value):
            cut.append(f'… [{len(value) - len(cut):,} of {len(value):,} items left out]')
        return cut


def _limited_text(value: Any) -> str:
    """Return the text of a value; for bytes and similar types that of their beginning."""
    try:
        if isinstance(value, (date, time)):  # a datetime is a date
            return str.__str__(value.isoformat())
        if isinstance(value, SPEAKING) or _is_moment_of_numpy(value):
            return str(value)
        if isinstance(value, (bytes, bytearray)) and len(value) > MAX_TEXT:
            left_out = f'… [{len(value) - MAX_TEXT:,} of {len(value):,} bytes left out]'
            return repr(value[:MAX_TEXT]) + left_out
        if isinstance(value, (set, frozenset)) and len(value) > MAX_ITEMS:
            left_out = f'… [{len(value) - MAX_ITEMS:,} of {len(value):,} items left out]'
            return repr(type(value)(islice(value, MAX_ITEMS))) + left_out
        return repr(value)
    except Exception as ex:
        return _unprintable(value, ex)


def _is_moment_of_numpy(value: Any) -> bool:
    kind = type(value)
    return kind.__module__ == 'numpy' and kind.__name__ in ('datetime64', 'timedelta64')
