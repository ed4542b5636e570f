"""
Pages of records on any engine: positions are found first, contents are fetched later.

An engine finds the positions of records, and fetches a slice of records by their positions. The
rest is the same for all engines.
"""

import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from chronologer.errors import QueryTimeoutError
from chronologer.model import MICROSECOND, Filter, Record, instant
from chronologer.query.tree import Column, Path, value_at
from chronologer.storage import Cursor, Facet, Storage

SLICE_RECORDS, SLICE_SIZE = 500, 2**20  # records, and characters after which a slice ends
MAX_FACET_TEXT = 1000  # characters; longer values are not counted

Position = tuple[int, int]  # ts, in microseconds since the epoch, and id of a record


class Listing(Storage):
    """A storage that lists records by their positions."""

    @abstractmethod
    def _find(
        self, filter: Filter, left: int, right: int, ascending: bool = False
    ) -> Sequence[Position]:
        """Return records by their offset, newest first unless *ascending*."""

    @abstractmethod
    def _find_at(self, filter: Filter, id: int, limit: int, ascending: bool) -> Sequence[Position]:
        """Return records beyond record *id* at its instant, which is the only one in *filter*."""

    @abstractmethod
    def _fetch_slice(self, positions: Sequence[Position], whole: bool) -> tuple[list[Record], int]:
        """Return records in that order, and how many of the positions were used."""

    @abstractmethod
    def _names(self, filter: Filter) -> Counter[str]:
        """Count matching records by the names of their loggers."""

    def range(self, filter: Filter, left: int, right: int) -> Iterator[Record]:
        return self._fetch(self._find(filter, left, right))

    def page(
        self,
        filter: Filter,
        cursor: Cursor | None,
        limit: int,
        ascending: bool = False,
        whole: bool = False,
    ) -> Iterator[Record]:
        while True:
            positions = self._find_after(filter, cursor, limit, ascending)
            fetched = 0
            for record in self._fetch(positions, whole):
                yield record
                fetched += 1
            if len(positions) < limit or fetched == limit:
                return
            limit -= fetched  # the other records were purged meanwhile
            ts, id = positions[-1]
            cursor = instant(ts), id

    def _find_after(
        self, filter: Filter, cursor: Cursor | None, limit: int, ascending: bool
    ) -> Sequence[Position]:
        """Return the positions of a page: first those at the cursor's instant, then the others."""
        if cursor is None:
            return self._find(filter, 0, limit - 1, ascending)
        ts, id = cursor
        positions = self._find_at(filter.within(ts, ts), id, limit, ascending)
        if len(positions) < limit and (rest := _beyond(filter, ts, ascending)):
            found = self._find(rest, 0, limit - len(positions) - 1, ascending)
            positions = [*positions, *found]
        return positions

    def _fetch(self, positions: Sequence[Position], whole: bool = False) -> Iterator[Record]:
        start = 0
        while start < len(positions):
            records, taken = self._fetch_slice(positions[start : start + SLICE_RECORDS], whole)
            yield from records
            start += taken

    def facet(self, filter: Filter, field: Column | Path, sample: int) -> Facet:
        if isinstance(field, Path):
            return self._facet_at(filter, field, sample)
        if field.name == 'name':
            return list(self._names(filter).most_common())
        levels: Counter[int] = Counter()
        for _, level, n in self.timeline(filter, timedelta(days=1)):
            levels[level] += n
        return list(levels.most_common())

    def _facet_at(self, filter: Filter, path: Path, sample: int) -> Facet:
        counts: Counter[tuple[bool, Any]] = Counter()  # True equals 1, but is another value
        for value in self._values(filter, path, sample):
            if isinstance(value, (bool, int, float)) or (
                isinstance(value, str) and len(value) <= MAX_FACET_TEXT
            ):
                counts[isinstance(value, bool), value] += 1
        return [(value, n) for (_, value), n in counts.most_common()]

    def _values(self, filter: Filter, path: Path, sample: int) -> Iterator[Any]:
        """Yield the values at a path in the newest matching records, newest first."""
        deadline = time.monotonic() + self.query_timeout
        for record in self._fetch(self._find(filter, 0, sample - 1), whole=True):
            if time.monotonic() > deadline:  # large records take long to read
                raise QueryTimeoutError(self.query_timeout)
            yield value_at(path, record.logrec)


def _beyond(filter: Filter, ts: datetime, ascending: bool) -> Filter | None:
    """Return the filter, narrowed to the time after or before *ts*; None if it is empty."""
    try:
        if ascending:
            return filter.within(ts + MICROSECOND, datetime.max.replace(tzinfo=timezone.utc))
        return filter.within(datetime.min.replace(tzinfo=timezone.utc), ts - MICROSECOND)
    except OverflowError:
        return None
