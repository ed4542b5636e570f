"""
JSON as programs write it: what the standard library's ``json`` writes is read back as it was.

orjson reads fast, but refuses NaN and lone surrogates, and rounds integers beyond 64 bits. Only a
text where that may be is read by `json`.
"""

import json
import re
from typing import Any

import orjson

from chronologer.errors import InputError, LimitError, shown

MAX_VALUES = 200_000  # in one text: each may take 80 bytes of memory
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

# A text without 19 digits in a row has no integer beyond 64 bits.
DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
LONG_NUMBER = b'0' * 19
ESCAPED_NUL = b'\\u0000'


def is_plain(text: bytes) -> bool:
    """Whether no text or number in *text* needs a stored form other than itself."""
    return ESCAPED_NUL not in text and LONG_NUMBER not in text.translate(DIGITS)


def parse_object(text: bytes, is_plain: bool = False) -> dict[str, Any]:
    """
    Read a JSON object; bytes that are no UTF-8 become ``\\xff`` escapes.

    Raises:
        InputError: It is no JSON or no object; says where, or what it is.
        LimitError: It has more than `MAX_VALUES` values.
    """
    if len(text) > MAX_VALUES and _count_values(text) > MAX_VALUES:
        raise LimitError(f'a record has more than {MAX_VALUES:,} values')
    value = _parse(text, is_plain)
    if type(value) is not dict:
        raise InputError(f'expected a JSON object, got {shown(value)}')
    return value


def _parse(text: bytes, is_plain: bool) -> Any:
    try:
        value = orjson.loads(text)
        if is_plain or LONG_NUMBER not in text.translate(DIGITS):
            return value
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(text.decode('utf-8', 'backslashreplace'), parse_int=_parse_int)
    except json.JSONDecodeError as ex:
        raise InputError(f'malformed JSON at character {ex.pos + 1:,}: {ex.msg}') from ex
    except RecursionError as ex:
        raise InputError('malformed JSON: nested too deeply') from ex


def _parse_int(digits: str) -> int | str:
    """An integer; its digits where Python would refuse or take long."""
    return int(digits) if len(digits) < 20 else digits


def _count_values(text: bytes) -> int:
    """At most so many: commas and brackets, outside of strings if that matters."""
    if sum(map(text.count, (b',', b'[', b'{'))) <= MAX_VALUES:
        return 0
    return sum(map(STRING.sub(b'', text).count, (b',', b'[', b'{')))
