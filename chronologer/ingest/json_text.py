"""
Parses JSON as programs write it: a text of the standard library's ``json`` is parsed losslessly.

orjson is fast, but refuses NaN and lone surrogates, and rounds integers beyond 64 bits. Only a text
that may have these is parsed by `json`.
"""

import json
from codecs import BOM_UTF8
from typing import Any

import orjson

from chronologer.errors import InputError, LimitError, shown
from chronologer.ingest.normalisation import INTEGER_MAX, INTEGER_MIN

MAX_VALUES = 200_000  # in one text: each may need 80 bytes of memory

# A text without 19 digits in a row has no integer beyond 64 bits; decimals of floats may be more.
DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
LONG_NUMBER = b'0' * 19
ESCAPED_NUL = b'\\u0000'
MAX_DIGITS = 20  # of an integer of 64 bits, with its sign

# Escapes, within a JSON string, for what `surrogateescape` makes of bytes that are no UTF-8.
UNDECODABLE = {0xDC00 + byte: f'\\\\x{byte:02x}' for byte in range(0x80, 0x100)}


def is_plain(text: bytes) -> bool:
    """Whether all texts and numbers in *text* are their own stored form."""
    return ESCAPED_NUL not in text and not _has_long_integer(text)


def _has_long_integer(text: bytes) -> bool:
    """Whether there are 19 digits in a row that are not the decimals of a float."""
    digits = text.translate(DIGITS)
    at = digits.find(LONG_NUMBER)
    while at >= 0:
        if text[at - 1 : at] != b'.':
            return True
        end = digits.find(b' ', at)
        at = digits.find(LONG_NUMBER, end) if end >= 0 else -1
    return False


def parse_json(text: bytes, plain: bool = False, kind: type = dict) -> tuple[Any, bool]:
    """
    Read a JSON object or array; bytes that are no UTF-8 become ``\\xff`` escapes.

    A byte order mark at its start is ignored, as RFC 8259, section 8.1, permits.

    *plain* says that `is_plain` is true for it; *kind* is the expected type, dict or list.

    Returns:
        The value, and whether each text and number in it is its own stored form.
    Raises:
        InputError: It is malformed or of another type; the message has the position or type.
        LimitError: It has more than `MAX_VALUES` values.
    """
    if len(text) > MAX_VALUES and _has_too_many_values(text):
        limit = f'more than {MAX_VALUES:,} values'
        if kind is list:
            raise LimitError(f'the array has {limit}; NDJSON has no such limit')
        raise LimitError(f'a record has {limit}')
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value, plain = _parse_leniently(text), False
    else:
        if not plain and _has_long_integer(text):
            value = _parse_leniently(text)
    if type(value) is not kind:
        what = 'object' if kind is dict else 'array'
        raise InputError(f'expected a JSON {what}, got {shown(value)}')
    return value, plain


def _parse_leniently(text: bytes) -> Any:
    try:
        return json.loads(
            text.removeprefix(BOM_UTF8).decode('utf-8', 'surrogateescape').translate(UNDECODABLE),
            parse_int=_parse_int,
        )
    except json.JSONDecodeError as ex:
        raise InputError(f'malformed JSON at character {ex.pos + 1:,}: {ex.msg}') from ex
    except RecursionError as ex:
        raise InputError('malformed JSON: nested too deeply') from ex


def _parse_int(digits: str) -> int | str:
    """Return an integer of 64 bits, or the digits of a longer one, which Python parses slowly."""
    if len(digits) <= MAX_DIGITS and INTEGER_MIN <= (value := int(digits)) <= INTEGER_MAX:
        return value
    return digits


def _has_too_many_values(text: bytes) -> bool:
    """
    Count commas and brackets; those within strings are subtracted if the limit is reached.

    A regular expression would hold the GIL for seconds; these few calls are fast in C.
    """
    if _count_signs(text) <= MAX_VALUES:
        return False
    unescaped = text.replace(b'\\\\', b'').replace(b'\\"', b'')
    if unescaped.count(b'"') > 2 * 2 * MAX_VALUES:  # more strings than values and their keys
        return True
    return _count_signs(b''.join(unescaped.split(b'"')[::2])) > MAX_VALUES


def _count_signs(text: bytes) -> int:
    return sum(map(text.count, (b',', b'[', b'{')))
