"""
Request parameters: a query string is decoded strictly, and every parameter must be known.

A misspelled filter that is ignored shows the wrong records, so an unknown parameter is an error.
"""

from urllib.parse import parse_qsl

from chronologer.errors import InputError, shown
from chronologer.parse import OFFSET_MAX, parse_integer

MAX_PARAMS = 100
FILTER = ('after', 'before', 'level', 'name', 'search', 'query')  # what Filter.take knows


def parse_query_string(query_string: str) -> dict[str, str]:
    """
    Decode a query string as WSGI hands it over: its bytes as Latin-1 characters.

    Raises:
        InputError: It is not UTF-8, or a parameter is repeated or contains a NUL character.
    """
    try:
        text = query_string.encode('latin-1').decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors='strict', max_num_fields=MAX_PARAMS)
    except UnicodeDecodeError as ex:
        raise InputError(f'the query string is not UTF-8: {shown(query_string)}') from ex
    except ValueError as ex:
        raise InputError(f'the query string has more than {MAX_PARAMS} parameters') from ex
    params = dict(pairs)
    if len(params) != len(pairs):
        raise InputError(f'a parameter is given more than once: {shown(query_string)}')
    for name, value in pairs:
        if '\0' in name + value:
            raise InputError(f'{shown(name)}: NUL characters are not taken, got {shown(value)}')
    return params


def take_offset(params: dict[str, str], name: str) -> int:
    """
    Take a required offset, counted from 0, out of *params*.

    Raises:
        InputError: It is missing or not such an integer.
    """
    if name not in params:
        raise InputError(f'{name}: required, an integer from 0')
    return parse_integer(name, params.pop(name), 0, OFFSET_MAX, 'an integer from 0')


def check_known(params: dict[str, str], *known: str) -> None:
    """
    Make sure that every parameter has been taken; *known* are the names that could have been.

    Raises:
        InputError: Some are left; names them.
    """
    if params:
        wanted = ', '.join(known) or 'none'
        unknown = ', '.join(shown(name) for name in list(params)[:3])
        raise InputError(f'unknown parameter {unknown}; here are taken: {wanted}')
