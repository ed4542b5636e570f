"""
Formats ``msg % args`` of records without a formatted message, in bounded time and memory.

Follows ``LogRecord.getMessage`` and printf-style formatting of the Python library reference, except
that an argument that has arrived as its repr is shown by its repr.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_PADDING = 1000  # characters: width or precision of one conversion
MAX_LENGTH = 16 * 2**20  # characters of the message, and of its printed arguments
MAX_CONVERSIONS = 1000

CONVERSION = re.compile(
    r'%(?:\((?P<key>[^()]*)\))?'
    r'(?P<flags>[#0\- +]*)(?P<width>\*|[0-9]*)(?:\.(?P<precision>\*|[0-9]*))?[hlL]?'
    r'(?P<type>[diouxXeEfFgGcrsa%])?'
)


PRINTERS: dict[str, Callable[[Any], str]] = {'s': str, 'r': repr, 'a': ascii}


class _Unformattable(Exception):
    """Format and arguments do not fit, or exceed a limit."""


def interpolate(msg: str, args: tuple[Any, ...] | Mapping[Any, Any] | None) -> str:
    """
    Return *msg* formatted with *args*, or *msg* itself if that is not possible.

    It is not possible if arguments are missing or left over, or if a limit is exceeded.
    """
    if not args or msg.count('%') > 2 * MAX_CONVERSIONS:
        return msg
    try:
        return ''.join(_pieces(msg, args))
    except _Unformattable:
        return msg


def _pieces(msg: str, args: tuple[Any, ...] | Mapping[Any, Any]) -> list[str]:
    positional = iter((args,) if isinstance(args, Mapping) else args)
    pieces: list[str] = []
    position, length = 0, len(msg)
    for conversion in CONVERSION.finditer(msg):
        piece, printed = _convert(conversion, positional, args)
        length += max(len(piece), printed)
        if length > MAX_LENGTH:
            raise _Unformattable
        pieces += msg[position : conversion.start()], piece
        position = conversion.end()
    if not isinstance(args, Mapping) and list(positional):
        raise _Unformattable
    return [*pieces, msg[position:]]


def _convert(conversion: re.Match[str], positional: Any, args: Any) -> tuple[str, int]:
    """Return the text of a conversion, and the length of the argument before its precision."""
    type = conversion['type']
    if type is None:
        raise _Unformattable
    if type == '%':
        return '%', 1
    width = _padding(conversion['width'], positional)
    precision = conversion['precision']
    point = '' if precision is None else f'.{_padding(precision, positional)}'
    value = _value(conversion['key'], positional, args)
    if type in PRINTERS:
        text = PRINTERS[type](value)
        return f'%{conversion["flags"]}{width}{point}s' % (text,), len(text)
    try:
        return f'%{conversion["flags"]}{width}{point}{type}' % (value,), 0
    except (TypeError, ValueError, OverflowError):
        text = repr(value)
        return f'%{width}s' % (text,), len(text)


def _padding(text: str, positional: Any) -> str:
    number = next(positional, None) if text == '*' else int(text[:5] or 0)
    if type(number) is not int or abs(number) > MAX_PADDING:
        raise _Unformattable
    return str(number) if text else ''


def _value(key: str | None, positional: Any, args: Any) -> Any:
    try:
        return next(positional) if key is None else args[key]
    except (StopIteration, LookupError, TypeError) as ex:
        raise _Unformattable from ex
