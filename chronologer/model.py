"""
The two central values: `Record`, a log entry, and `Filter`, which selects records.

Text from outside becomes these frozen values in `web` and `ingest`; floors below never see the
text.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from chronologer.query.tree import Condition
from chronologer.search import Search

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
BUCKET = timedelta(minutes=15)  # of the counters: offsets of today's time zones are multiples of it


# Fields of a LogRecord: those in columns of a record, those in ``error``, and those in ``meta``.
REQUIRED = ('name', 'levelno', 'created')
ERROR = ('exc_info', 'exc_text')
COLUMNS = frozenset([*REQUIRED, 'message'])

# Other attributes of a LogRecord in any supported Python, or set by a formatter.
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
    """Return the microseconds from the epoch to *ts*, an aware datetime."""
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
    """Selects the records that fulfil every given part."""

    after: datetime | None = None  # inclusive, aware UTC
    before: datetime | None = None  # inclusive, aware UTC
    level: int | None = None  # this level or a higher one
    names: tuple[str, ...] = ()  # prefixes of the logger name, of which one matches; case-sensitive
    search: Search | None = None
    query: Condition | None = None

    def within(self, low: datetime, high: datetime) -> 'Filter':
        """The same filter, narrowed to the instants from *low* to *high*."""
        after = low if self.after is None else max(self.after, low)
        before = high if self.before is None else min(self.before, high)
        return replace(self, after=after, before=before)
