"""
What is stored and what is asked for: `Record` and `Filter`.

Pure: no I/O and no framework. Text from outside becomes these frozen values at the edge; the floors
below never see the text again.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from dateutil.parser import isoparse

from chronologer.errors import InputError, shown

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
BUCKET = timedelta(minutes=15)  # of the counters: offsets of today's time zones are multiples of it

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
LEVEL_MIN, LEVEL_MAX = -(2**31), 2**31 - 1  # what every engine's INT column holds
MAX_NAMES = 100  # prefixes in one filter
OFFSET_MAX = 2**63 - 1


def microseconds(ts: datetime) -> int:
    """Microseconds from the epoch to *ts*, an aware datetime."""
    return (ts - EPOCH) // MICROSECOND


def instant(microseconds: int) -> datetime:
    """The aware UTC datetime that many microseconds after the epoch."""
    return EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class Record:
    """One stored log entry; `id` is None until it is stored, `logrec` is None in listings."""

    ts: datetime  # aware UTC
    name: str
    level: int
    message: str
    logrec: dict[str, Any] | None = None
    id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The record as the API gives it; ``ts`` like ``2018-05-10 16:36:53.377493+00:00``."""
        fields: dict[str, Any] = {
            'id': self.id,
            'ts': self.ts.isoformat(' ', 'microseconds'),
            'name': self.name,
            'level': self.level,
            'message': self.message,
        }
        if self.logrec is not None:
            fields['logrec'] = self.logrec
        return fields


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are meant: those that satisfy every part given."""

    after: datetime | None = None  # inclusive, aware UTC
    before: datetime | None = None  # inclusive, aware UTC
    level: int | None = None  # this level or a worse one
    names: tuple[str, ...] = ()  # any of these prefixes of the logger name, exact case

    def within(self, low: datetime, high: datetime) -> 'Filter':
        """The same filter, narrowed to the instants from *low* to *high*."""
        after = low if self.after is None else max(self.after, low)
        before = high if self.before is None else min(self.before, high)
        return replace(self, after=after, before=before)

    @classmethod
    def take(cls, params: dict[str, str]) -> 'Filter':
        """
        Take the filter's parameters out of *params*, which keeps the others.

        Raises:
            InputError: A value is malformed; names the parameter and what was expected.
        """
        after, before = params.pop('after', None), params.pop('before', None)
        level, name = params.pop('level', None), params.pop('name', None)
        return cls(
            after=None if after is None else parse_instant('after', after),
            before=None if before is None else parse_instant('before', before),
            level=None if level is None else parse_level(level),
            names=() if name is None else parse_names(name),
        )


def parse_instant(parameter: str, text: str) -> datetime:
    """
    Read an ISO 8601 instant, basic or extended form; without an offset it is UTC.

    Raises:
        InputError: *text* is not one, or lies outside the years 1 to 9999 in UTC.
    """
    try:
        ts = isoparse(text)
        ts = ts.replace(tzinfo=timezone.utc) if ts.tzinfo is None else ts.astimezone(timezone.utc)
    except OverflowError as ex:
        raise InputError(f'{parameter}: {shown(text)} is outside the years 1 to 9999') from ex
    except ValueError as ex:
        wanted = 'expected an ISO 8601 instant such as 2018-05-10T16:36:53.377493Z'
        hint = '; a + in a URL is written %2B' if re.search(r' \d\d:?(\d\d)?$', text) else ''
        raise InputError(f'{parameter}: {wanted}, got {shown(text)}{hint}') from ex
    return ts


def parse_level(text: str) -> int:
    """
    Read a level: a number, or one of logging's standard names in either case.

    Raises:
        InputError: *text* is neither, or the number has more than 32 bits.
    """
    level = LEVELS.get(text.upper())
    if level is not None:
        return level
    return parse_integer('level', text, LEVEL_MIN, LEVEL_MAX, 'a number or DEBUG … CRITICAL')


def parse_names(text: str) -> tuple[str, ...]:
    """
    Read comma-separated prefixes of logger names, taken as they stand.

    Raises:
        InputError: There are too many, or one is empty, which would mean every logger.
    """
    names = tuple(dict.fromkeys(text.split(',')))
    if '' in names or len(names) > MAX_NAMES:
        wanted = f'expected 1 to {MAX_NAMES} comma-separated prefixes, none of them empty'
        raise InputError(f'name: {wanted}, got {shown(text)}')
    return names


def parse_integer(parameter: str, text: str, low: int, high: int, wanted: str = '') -> int:
    """
    Read a plain decimal integer from *low* to *high*.

    Raises:
        InputError: It is not one; names *parameter* and what was wanted.
    """
    if re.fullmatch(r'-?[0-9]{1,19}', text) and low <= int(text) <= high:
        return int(text)
    wanted = wanted or f'an integer from {low} to {high}'
    raise InputError(f'{parameter}: expected {wanted}, got {shown(text)}')
