"""
What is stored and what is asked for: `Record` and `Filter`.

Pure: no I/O and no framework. Text from outside becomes these frozen values at the edge; the floors
below never see the text again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from chronologer.parse import parse_instant, parse_level, parse_names
from chronologer.query import Condition
from chronologer.query_parser import parse_query
from chronologer.search import Search, parse_search

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
BUCKET = timedelta(minutes=15)  # of the counters: offsets of today's time zones are multiples of it


# Fields of a LogRecord: what a record has in columns, in ``error``, and in ``meta``.
REQUIRED = ('name', 'levelno', 'created')
ERROR = ('exc_info', 'exc_text')
COLUMNS = frozenset([*REQUIRED, 'message'])

# What a fresh LogRecord has in any supported Python, or a formatter sets, and no column holds.
META = frozenset(
    [
        'args',
        'asctime',
        'filename',
        'funcName',
        'levelname',
        'lineno',
        'module',
        'msecs',
        'msg',
        'pathname',
        'process',
        'processName',
        'relativeCreated',
        'stack_info',
        'taskName',
        'thread',
        'threadName',
    ]
)


def microseconds(ts: datetime) -> int:
    """Microseconds from the epoch to *ts*, an aware datetime."""
    return (ts - EPOCH) // MICROSECOND


def instant(microseconds: int) -> datetime:
    """The aware UTC datetime that many microseconds after the epoch."""
    return EPOCH + timedelta(microseconds=microseconds)


class Record(NamedTuple):
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
    search: Search | None = None
    query: Condition | None = None

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
        search, query = params.pop('search', None), params.pop('query', None)
        return cls(
            after=None if after is None else parse_instant('after', after),
            before=None if before is None else parse_instant('before', before),
            level=None if level is None else parse_level(level),
            names=() if name is None else parse_names(name),
            search=None if search is None else parse_search(search),
            query=None if query is None else parse_query(query),
        )
