"""
Listings of any engine: pages of records whose places are found first, and which are fetched after.

An engine finds the places of records, and fetches a slice of them; the rest is the same for all.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from chronologer.model import MICROSECOND, Filter, Record, instant
from chronologer.query import Column, Path, value_at
from chronologer.storage import Cursor, Facet, Storage

SLICE_RECORDS, SLICE_SIZE = 500, 2**20  # records, and characters after which a slice ends
MAX_FACET_TEXT = 1000  # characters of a value that is counted

Place = tuple[int, int]  # ts, in microseconds since the epoch, and id of a record


class Listing(Storage):
    """A storage that lists records by their places."""

    @abstractmethod
    def _find(
        self, filter: Filter, left: int, right: int, ascending: bool = False
    ) -> Sequence[Place]:
        """Records by their offset, newest first unless told."""

    @abstractmethod
    def _find_at(self, filter: Filter, id: int, limit: int, ascending: bool) -> Sequence[Place]:
        """Records at the filter's one moment beyond a record of that moment, in order."""

    @abstractmethod
    def _fetch_slice(self, places: Sequence[Place], whole: bool) -> tuple[list[Record], int]:
        """Fetch records in that order; the second value tells how many places were used up."""

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
            places = self._find_after(filter, cursor, limit, ascending)
            fetched = 0
            for record in self._fetch(places, whole):
                yield record
                fetched += 1
            if len(places) < limit or fetched == limit:
                return
            limit -= fetched  # the others were purged meanwhile
            ts, id = places[-1]
            cursor = instant(ts), id

    def _find_after(
        self, filter: Filter, cursor: Cursor | None, limit: int, ascending: bool
    ) -> Sequence[Place]:
        """The places of a page: first those at the cursor's moment, then the rest."""
        if cursor is None:
            return self._find(filter, 0, limit - 1, ascending)
        ts, id = cursor
        places = self._find_at(filter.within(ts, ts), id, limit, ascending)
        if len(places) < limit and (rest := _beyond(filter, ts, ascending)):
            found = self._find(rest, 0, limit - len(places) - 1, ascending)
            places = [*places, *found]
        return places

    def _fetch(self, places: Sequence[Place], whole: bool = False) -> Iterator[Record]:
        position = 0
        while position < len(places):
            records, taken = self._fetch_slice(places[position : position + SLICE_RECORDS], whole)
            yield from records
            position += taken

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
        """Count what is at a path in the newest matching records."""
        counts: Counter[tuple[bool, Any]] = Counter()  # True equals 1, but is another value
        for record in self._fetch(self._find(filter, 0, sample - 1), whole=True):
            value = value_at(path, record.logrec)
            if isinstance(value, (bool, int, float)) or (
                isinstance(value, str) and len(value) <= MAX_FACET_TEXT
            ):
                counts[isinstance(value, bool), value] += 1
        return [(value, n) for (_, value), n in counts.most_common()]


def _beyond(filter: Filter, ts: datetime, ascending: bool) -> Filter | None:
    """The filter narrowed to the time after *ts*, or before; None if there is no such time."""
    try:
        if ascending:
            return filter.within(ts + MICROSECOND, datetime.max.replace(tzinfo=timezone.utc))
        return filter.within(datetime.min.replace(tzinfo=timezone.utc), ts - MICROSECOND)
    except OverflowError:
        return None
