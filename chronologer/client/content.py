"""
A LogRecord as one line of JSON, everything that it carries.

Runs in the thread that logs, at each call, because the program may change what it logged. The usual
record, of numbers and texts, costs one look over its fields and one call of the encoder, which is
C; any other is gone through value by value, within bounds, and says where it was cut.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from itertools import islice
from typing import Any

from chronologer.client.failure import describe

MAX_LINE = 2**20  # bytes; a longer line is made again, with cuts
MAX_TEXT = 2**20  # characters of one text
MAX_TEXTS = 2**22  # characters of all texts of a record; the server takes 16 MiB
MAX_ITEMS = 1000  # of one list or dict
MAX_VALUES = 20_000  # of one record
MAX_DEPTH = 20  # levels; the server keeps 24

PLAIN: frozenset[type] = frozenset([str, int, float, bool, type(None)])

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(',', ':')).encode


def encode(record: logging.LogRecord, prefix: str = '') -> bytes:
    """
    Return *record* as a line, without its end; see `name_of` for *prefix*.

    Texts are as long as they are, up to a million characters; longer texts, long or deep
    structures and cycles are cut with a mark, ``… […]``, that says what is missing. What JSON has
    no form for becomes its `repr`.
    """
    fields = record.__dict__.copy()
    fields['message'] = message_of(record)
    if type(fields.get('msg')) is not str:
        fields['msg'] = fields['message'] if not record.args else _text_of(fields.get('msg'))
    if record.exc_info:
        fields.update(_failure(record))
    name = name_of(record, prefix)
    if name != fields['name']:
        fields['origname'], fields['name'] = fields['name'], name
    args, fields['args'] = record.args, None
    if _is_plain(fields.values()) and (not args or (type(args) is tuple and _is_plain(args))):
        fields['args'] = args
        line = _as_line(fields)
        if line is not None and len(line) <= MAX_LINE:
            return line
    fields['args'] = args
    # What is bounded anyway comes first, so that large arguments do not take its room.
    in_order = sorted(fields.items(), key=lambda item: type(item[1]) not in PLAIN)
    line = _as_line(Cutter().cut_dict(dict(in_order)))
    assert line is not None
    return line


def name_of(record: logging.LogRecord, prefix: str) -> str:
    """
    The logger's name, after *prefix* and before the record's own ``suffix``, with dots.

    Only once: what has a name that it had before, ``origname``, is left as it is.
    """
    if 'origname' in record.__dict__:
        return record.name
    suffix = record.__dict__.get('suffix')
    name = record.name if type(record.name) is str else _text_of(record.name)
    name = f'{prefix}.{name}' if prefix else name
    return f'{name}.{suffix}' if suffix and type(suffix) is str else name


def _is_plain(values: Any) -> bool:
    return PLAIN.issuperset(map(type, values))


def _as_line(fields: Mapping[str, Any]) -> bytes | None:
    try:
        # A lone surrogate becomes \ud800, which is what JSON writes for it.
        return _encode(fields).encode('utf-8', 'backslashreplace')
    except (TypeError, ValueError):  # keys of extra may be anything; integers too long to print
        return None


def message_of(record: logging.LogRecord) -> str:
    """What `LogRecord.getMessage` gives, or where arguments do not fit, the text without them."""
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


def _failure(record: logging.LogRecord) -> dict[str, Any]:
    exc_info = record.exc_info
    if type(exc_info) is not tuple or not isinstance(exc_info[1], BaseException):
        return {}  # a record that was made by hand, or logged without an exception
    try:
        text, structure = describe(exc_info)
        return {'exc_text': text, 'exc_info': structure}
    except Exception as ex:  # an exception class may override anything
        return {'exc_info': f'{type(exc_info[1]).__qualname__} ({type(ex).__name__}: no traceback)'}


class Cutter:
    """Makes JSON's own types of anything, for one record, within the bounds above."""

    def __init__(self) -> None:
        self._values, self._characters = MAX_VALUES, MAX_TEXTS
        self._open: set[int] = set()  # structures that are being gone through

    def cut(self, value: Any, depth: int = 0) -> Any:
        """Return what is sent of *value*."""
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
            return self.cut_text(_limited_repr(value))
        except Exception as ex:
            return _unprintable(value, ex)

    def cut_text(self, text: str) -> str:
        """Return *text*, or as much of it as there is room for, with a mark."""
        room = min(MAX_TEXT, self._characters)
        self._characters -= min(room, len(text))
        if len(text) <= room:
            return text
        return f'{text[:room]}… [{len(text) - room:,} of {len(text):,} characters left out]'

    def cut_dict(self, fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        """Return a dict with keys that are texts."""
        items = list(islice(fields.items(), MAX_ITEMS))  # at once: others may change it
        cut: dict[str, Any] = {}
        for number, (key, value) in enumerate(items):
            if self._values <= 0:
                items = items[:number]
                break
            cut[self.cut_text(key if type(key) is str else _limited_repr(key))] = self.cut(
                value, depth
            )
        if len(items) < len(fields):
            cut['…'] = f'[{len(fields) - len(items):,} of {len(fields):,} items left out]'
        return cut

    def _cut_integer(self, value: int) -> Any:
        # Python refuses to print more than 4,300 digits; the server keeps what is beyond 64 bits
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


def _limited_repr(value: Any) -> str:
    """The repr; of what is long by nature, of its beginning."""
    try:
        if isinstance(value, (bytes, bytearray)) and len(value) > MAX_TEXT:
            left_out = f'… [{len(value) - MAX_TEXT:,} of {len(value):,} bytes left out]'
            return repr(value[:MAX_TEXT]) + left_out
        if isinstance(value, (set, frozenset)) and len(value) > MAX_ITEMS:
            left_out = f'… [{len(value) - MAX_ITEMS:,} of {len(value):,} items left out]'
            return repr(type(value)(islice(value, MAX_ITEMS))) + left_out
        return repr(value)
    except Exception as ex:
        return _unprintable(value, ex)
