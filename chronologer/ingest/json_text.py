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
from chronologer.ingest.stored import INTEGER_MAX, INTEGER_MIN

MAX_VALUES = 200_000  # in one text: each may take 80 bytes of memory
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)  # also without its end: linear

# A text without 19 digits in a row has no integer beyond 64 bits.
DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
LONG_NUMBER = b'0' * 19
ESCAPED_NUL = b'\\u0000'
MAX_DIGITS = 20  # of an integer of 64 bits, with its sign

# Escapes, within a JSON string, for what `surrogateescape` makes of bytes that are no UTF-8.
UNDECODABLE = {0xDC00 + byte: f'\\\\x{byte:02x}' for byte in range(0x80, 0x100)}


def is_plain(text: bytes) -> bool:
    """Whether no text or number in *text* needs a stored form other than itself."""
    return ESCAPED_NUL not in text and LONG_NUMBER not in text.translate(DIGITS)


def parse_object(text: bytes, plain: bool = False) -> tuple[dict[str, Any], bool]:
    """
    Read a JSON object; bytes that are no UTF-8 become ``\\xff`` escapes.

    *plain* says that `is_plain` is true of it.

    Returns:
        The object, and whether each text and number in it is its own stored form.
    Raises:
        InputError: It is no JSON or no object; says where, or what it is.
        LimitError: It has more than `MAX_VALUES` values.
    """
    if len(text) > MAX_VALUES and _has_too_many_values(text):
        raise LimitError(f'a record has more than {MAX_VALUES:,} values')
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value, plain = _parse_leniently(text), False
    else:
        if not plain and LONG_NUMBER in text.translate(DIGITS):
            value = _parse_leniently(text)
    if type(value) is not dict:
        raise InputError(f'expected a JSON object, got {shown(value)}')
    return value, plain


def _parse_leniently(text: bytes) -> Any:
    try:
        return json.loads(
            text.decode('utf-8', 'surrogateescape').translate(UNDECODABLE), parse_int=_parse_int
        )
    except json.JSONDecodeError as ex:
        raise InputError(f'malformed JSON at character {ex.pos + 1:,}: {ex.msg}') from ex
    except RecursionError as ex:
        raise InputError('malformed JSON: nested too deeply') from ex


def _parse_int(digits: str) -> int | str:
    """An integer of 64 bits, or the digits of one that has more: Python may take long for it."""
    if len(digits) <= MAX_DIGITS and INTEGER_MIN <= (value := int(digits)) <= INTEGER_MAX:
        return value
    return digits


def _has_too_many_values(text: bytes) -> bool:
    """By its commas and brackets; those within strings are left out if they matter."""
    return _count_signs(text) > MAX_VALUES and _count_signs(STRING.sub(b'', text)) > MAX_VALUES


def _count_signs(text: bytes) -> int:
    return sum(map(text.count, (b',', b'[', b'{')))
