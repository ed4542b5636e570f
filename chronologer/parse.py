"""
Parses the text of parameters: instants, levels, names, integers.

Every error names the parameter, the expected form and the given text.
"""

import re
from datetime import datetime, timedelta, timezone

from dateutil.parser import isoparse

from chronologer.errors import InputError, shown

LEVELS = {
    'NOTSET': 0,
    'DEBUG': 10,
    'INFO': 20,
    'WARN': 30,
    'WARNING': 30,
    'ERROR': 40,
    'FATAL': 50,
    'CRITICAL': 50,
}
# Of ISO 8601; dateutil also reads other texts, such as 20180510163653, and not as they are meant.
DATE = r'\d{4}(?:-\d\d(?:-\d\d)?|\d{4}|-?W\d\d(?:-?\d)?)?'  # a day, a month, a year or a week
TIME = r'\d\d(?::\d\d(?::\d\d(?:[.,]\d+)?)?|\d\d(?:\d\d(?:[.,]\d+)?)?)?'
OFFSET = r'[Zz]|[+-]\d\d(?::?\d\d)?'
INSTANT = re.compile(f'{DATE}(?:[Tt ]{TIME}(?:{OFFSET})?)?', re.ASCII)
LEVEL_MIN, LEVEL_MAX = -(2**31), 2**31 - 1  # what every engine's INT column holds
MAX_NAMES = 100  # prefixes in one filter
OFFSET_MAX = 2**63 - 1


def parse_instant(parameter: str, text: str) -> datetime:
    """
    Read an ISO 8601 instant, basic or extended form; without an offset it is UTC.

    Raises:
        InputError: *text* is not one, or lies outside the years 1 to 9999 in UTC.
    """
    try:
        if INSTANT.fullmatch(text) is None:
            raise ValueError(text)
        ts = isoparse(text)
        ts = ts.replace(tzinfo=timezone.utc) if ts.tzinfo is None else ts.astimezone(timezone.utc)
    except OverflowError as ex:
        raise InputError(f'{parameter}: {shown(text)} is outside the years 1 to 9999') from ex
    except ValueError as ex:
        wanted = 'expected an ISO 8601 instant such as 2018-05-10T16:36:53.377493Z'
        hint = '; a + in a URL is written %2B' if re.search(r' \d\d:?(\d\d)?$', text) else ''
        raise InputError(f'{parameter}: {wanted}, got {shown(text)}{hint}') from ex
    return ts


def parse_instant_or_age(parameter: str, text: str, now: datetime) -> datetime:
    """
    Read an instant as `parse_instant` does, or an age in days before *now* such as ``30d``.

    Raises:
        InputError: *text* is neither, or lies outside the years 1 to 9999.
    """
    days = re.fullmatch(r'([0-9]{1,18})d', text)
    if days is None:
        return parse_instant(parameter, text)
    try:
        return now - timedelta(days=int(days[1]))
    except OverflowError as ex:
        raise InputError(f'{parameter}: {shown(text)} is before the year 1') from ex


def parse_level(text: str) -> int:
    """
    Read a level: a number, or one of logging's standard names in either case.

    Raises:
        InputError: *text* is neither, or the number has more than 32 bits.
    """
    level = LEVELS.get(text.upper())
    if level is not None:
        return level
    return parse_integer('level', text, LEVEL_MIN, LEVEL_MAX, 'a number or DEBUG to CRITICAL')


def parse_names(text: str) -> tuple[str, ...]:
    """
    Read comma-separated prefixes of logger names; blanks around them do not count.

    Raises:
        InputError: There are too many, or one is empty, which would mean every logger.
    """
    names = tuple(dict.fromkeys(map(str.strip, text.split(','))))
    if '' in names or len(names) > MAX_NAMES:
        wanted = f'expected 1 to {MAX_NAMES} comma-separated prefixes, none of them empty'
        raise InputError(f'name: {wanted}, got {shown(text)}')
    return names


def parse_integer(parameter: str, text: str, low: int, high: int, wanted: str = '') -> int:
    """
    Read a plain decimal integer from *low* to *high*.

    Raises:
        InputError: It is none; names *parameter* and the range.
    """
    if re.fullmatch(r'-?[0-9]{1,19}', text) and low <= int(text) <= high:
        return int(text)
    wanted = wanted or f'an integer from {low} to {high}'
    raise InputError(f'{parameter}: expected {wanted}, got {shown(text)}')
