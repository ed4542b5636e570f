"""
The stored form of what a program logged: valid JSON that means the same on every engine.

No value is refused, because programs that log ignore the answer. A value that JSON or an engine
cannot store becomes text that shows it. ``doc/api.rst`` has the table of forms.
"""

import math
from typing import Any

from chronologer.errors import InputError

MAX_DEPTH = 24  # levels below a field; MariaDB's JSON stops at 32 in all, MySQL's at 101
MAX_KEY = 16_383  # characters; MySQL's JSON allows 65,535 bytes
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1


def stored_text(text: str) -> str:
    """Show NUL and lone surrogates by their Python escapes."""
    if '\0' in text:
        text = text.replace('\0', '\\x00')
    if not text.isascii():
        text = text.encode('utf-8', 'backslashreplace').decode()
    return text


def stored_value(value: Any, depth: int = 0) -> Any:
    """
    Return *value* as JSON's own types.

    Numbers that are not finite and integers beyond 64 bits become text, tuples arrays, keys text;
    bytes, sets, complex numbers, dicts with keys beyond `MAX_KEY` and values nested deeper than
    `MAX_DEPTH` levels become the text that Python prints for them.

    Raises:
        InputError: It is nested so deeply that Python cannot print it.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return stored_text(value)
    if isinstance(value, int):
        return value if INTEGER_MIN <= value <= INTEGER_MAX else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _name_of(value)
    if isinstance(value, (list, tuple)) and depth < MAX_DEPTH:
        return [stored_value(item, depth + 1) for item in value]
    if isinstance(value, dict) and depth < MAX_DEPTH:
        items = {_stored_key(key): stored_value(item, depth + 1) for key, item in value.items()}
        if len(items) == len(value) and all(len(key) <= MAX_KEY for key in items):
            return items
    try:
        return stored_text(repr(value))  # too deep, of another type, or with keys that do not fit
    except RecursionError as ex:
        raise InputError('nested too deeply') from ex


def _stored_key(key: Any) -> str:
    return stored_text(key if isinstance(key, str) else repr(key))


def _name_of(value: float) -> str:
    return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
