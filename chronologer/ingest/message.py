"""
``msg % args`` for records that no formatter has run over, in bounded time and memory.

Follows ``LogRecord.getMessage`` and printf-style formatting of the Python library reference, except
that an argument of which only the repr has arrived is shown by its repr.
"""

import re
from collections.abc import Mapping
from typing import Any

MAX_PADDING = 1000  # characters: width or precision of one conversion
MAX_LENGTH = 16 * 2**20  # characters of the message

CONVERSION = re.compile(
    r'%(?:\((?P<key>[^()]*)\))?'
    r'(?P<flags>[#0\- +]*)(?P<width>\*|[0-9]*)(?:\.(?P<precision>\*|[0-9]*))?[hlL]?'
    r'(?P<type>[diouxXeEfFgGcrsa%])?'
)


class _Unformattable(Exception):
    """Format and arguments do not belong together, or ask for too much."""


def interpolate(msg: str, args: tuple[Any, ...] | Mapping[Any, Any] | None) -> str:
    """
    Return *msg* with *args* put in, or *msg* as it stands where that cannot be done.

    That is when arguments are missing or left over, a width or precision exceeds `MAX_PADDING`, or
    the result `MAX_LENGTH`.
    """
    if not args:
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
        piece = _convert(conversion, positional, args)
        length += len(piece)
        if length > MAX_LENGTH:
            raise _Unformattable
        pieces += msg[position : conversion.start()], piece
        position = conversion.end()
    if not isinstance(args, Mapping) and list(positional):
        raise _Unformattable
    return [*pieces, msg[position:]]


def _convert(conversion: re.Match[str], positional: Any, args: Any) -> str:
    if conversion['type'] is None:
        raise _Unformattable
    if conversion['type'] == '%':
        return '%'
    width = _padding(conversion['width'], positional)
    precision = conversion['precision']
    point = '' if precision is None else f'.{_padding(precision, positional)}'
    value = _value(conversion['key'], positional, args)
    spec = f'{conversion["flags"]}{width}{point}'
    try:
        return f'%{spec}{conversion["type"]}' % (value,)
    except (TypeError, ValueError, OverflowError):
        return f'%{width}s' % (repr(value),)


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
