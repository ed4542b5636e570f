"""Query parameters that several resources share, and kinds of parameters."""

from dataclasses import replace

from chronologer.errors import InputError, shown
from chronologer.model import Filter
from chronologer.parse import OFFSET_MAX, parse_instant, parse_integer, parse_level, parse_names
from chronologer.query.parser import parse_fields, parse_query
from chronologer.query.tree import Path
from chronologer.search import parse_search
from chronologer.storage import Cursor
from chronologer.web.declare import Parameter, Values

MAX_CHOSEN = 50  # fields
MAX_CHARS = 1_000_000  # of a message in a listing


def text(name: str, help: str, default: str | None = None, is_required: bool = False) -> Parameter:
    """Any text."""
    return Parameter(
        name=name,
        type='string',
        parse=lambda value: value,
        default=default,
        is_required=is_required,
        help=help,
    )


def integer(
    name: str,
    low: int,
    high: int,
    help: str,
    default: int | None = None,
    is_required: bool = False,
) -> Parameter:
    """A plain decimal integer from *low* to *high*."""
    wanted = f'an integer from {low:,}' + (f' to {high:,}' if high < OFFSET_MAX else '')
    return Parameter(
        name=name,
        type='integer',
        parse=lambda value: parse_integer(name, value, low, high, wanted),
        default=default,
        is_required=is_required,
        help=help,
    )


def choice(name: str, options: tuple[str, ...], default: str, help: str) -> Parameter:
    """One of several words."""

    def parse(value: str) -> str:
        if value not in options:
            wanted = ', '.join(options[:-1]) + f' or {options[-1]}'
            raise InputError(f'{name}: expected {wanted}, got {shown(value)}')
        return value

    return Parameter(name=name, type='string', parse=parse, default=default, help=help)


def offset(name: str, help: str) -> Parameter:
    """A required number of records, or an id."""
    return integer(name, 0, OFFSET_MAX, help, is_required=True)


def limit(most: int, default: int, low: int = 0) -> Parameter:
    """The largest number of results."""
    return integer('limit', low, most, 'the largest number of results', default)


def _instant(name: str, help: str) -> Parameter:
    return Parameter(
        name=name, type='date-time', parse=lambda value: parse_instant(name, value), help=help
    )


def _parse_cursor(value: str) -> Cursor:
    ts, _, id = value.rpartition(',')
    wanted = 'ts,id of a record such as 2018-05-10 16:36:53.377493Z,1'
    return parse_instant('cursor', ts), parse_integer('cursor', id, 0, OFFSET_MAX, wanted)


def _parse_chosen(value: str) -> list[Path]:
    fields = parse_fields(value)
    if len(fields) > MAX_CHOSEN:
        raise InputError(f'fields: at most {MAX_CHOSEN}, got {len(fields)}')
    return fields


ORDER = choice('order', ('asc', 'desc'), 'desc', 'the order of time')
CHARS = integer('chars', 0, MAX_CHARS, 'messages are cut after so many characters')
CURSOR = Parameter(
    name='cursor',
    type='string',
    parse=_parse_cursor,
    help='ts,id of a record: the page begins after it',
)
FIELDS = Parameter(
    name='fields',
    type='string',
    parse=_parse_chosen,
    default=(),
    help='fields to show, separated by commas, such as data.user',
)

# Filters

MATCH = (
    Parameter(
        name='level',
        type='string',
        parse=parse_level,
        help='this level or a higher one: a number, or DEBUG to CRITICAL',
    ),
    Parameter(
        name='name',
        type='string',
        parse=parse_names,
        default=(),
        help='prefixes of logger names, separated by commas',
    ),
    Parameter(
        name='search',
        type='string',
        parse=parse_search,
        help='words, "phrases" and -exclusions',
    ),
    Parameter(
        name='query',
        type='string',
        parse=parse_query,
        help="an expression such as level >= 40 AND data.user = 'bob'",
    ),
)
FILTER = (
    _instant('after', 'the earliest time, ISO 8601'),
    _instant('before', 'the latest time, ISO 8601'),
    *MATCH,
)


def match_of(values: Values) -> Filter:
    """Return the filter of the parameters of `MATCH`."""
    return Filter(
        level=values['level'],
        names=values['name'],
        search=values['search'],
        query=values['query'],
    )


def filter_of(values: Values) -> Filter:
    """Return the filter of the parameters of `FILTER`."""
    return replace(match_of(values), after=values['after'], before=values['before'])
