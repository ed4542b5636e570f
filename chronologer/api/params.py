"""
Request parameters: a query string is decoded strictly, and every parameter must be known.

A misspelled filter that is ignored shows the wrong records, so an unknown parameter is an error.
"""

from urllib.parse import parse_qsl

from chronologer.errors import InputError, shown
from chronologer.parse import OFFSET_MAX, parse_instant, parse_integer
from chronologer.query import Path
from chronologer.query_parser import parse_fields
from chronologer.storage import Cursor

MAX_PARAMS = 100
MAX_CHOSEN = 50  # fields
MAX_CHARS = 1_000_000  # of a message in a listing
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


def take_limit(params: dict[str, str], name: str, most: int, default: int) -> int:
    """
    Take a number of records out of *params*: 0 to *most*, or *default*.

    Raises:
        InputError: It is none.
    """
    text = params.pop(name, None)
    return default if text is None else parse_integer(name, text, 0, most)


def take_chars(params: dict[str, str]) -> int | None:
    """
    Take the number of characters after which messages are cut out of *params*, if it is there.

    Raises:
        InputError: It is none.
    """
    text = params.pop('chars', None)
    return None if text is None else parse_integer('chars', text, 0, MAX_CHARS)


def take_order(params: dict[str, str], default: str) -> bool:
    """
    Take the order of time out of *params*: whether it is ascending.

    Raises:
        InputError: It is neither.
    """
    text = params.pop('order', default)
    if text not in ('asc', 'desc'):
        raise InputError(f'order: expected asc or desc, got {shown(text)}')
    return text == 'asc'


def take_cursor(params: dict[str, str]) -> Cursor | None:
    """
    Take the place of a record, its ``ts`` and ``id``, out of *params*, if it is there.

    Raises:
        InputError: It is malformed.
    """
    text = params.pop('cursor', None)
    if text is None:
        return None
    ts, _, id = text.rpartition(',')
    wanted = 'ts,id of a record such as 2018-05-10 16:36:53.377493Z,1'
    return parse_instant('cursor', ts), parse_integer('cursor', id, 0, OFFSET_MAX, wanted)


def take_fields(params: dict[str, str]) -> list[Path]:
    """
    Take the names of fields, separated by commas, out of *params*.

    Raises:
        InputError: One is none, or there are too many.
    """
    text = params.pop('fields', None)
    fields = [] if text is None else parse_fields(text)
    if len(fields) > MAX_CHOSEN:
        raise InputError(f'fields: at most {MAX_CHOSEN}, got {len(fields)}')
    return fields


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
