"""
Copies all records of a storage to another one, on any two engines, with their ids.

A copy continues where the last one has ended or was killed: at the last id in the target. The
source is never written, but may be in use meanwhile. In the end both are compared.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol

from chronologer.copy.digest import Days, canonical, day_of
from chronologer.copy.remote import RemoteSource
from chronologer.errors import SchemaError, StorageError
from chronologer.model import EPOCH, Filter, Record
from chronologer.storage import Storage, create_storage
from chronologer.storage.sqlite.database import parse_path
from chronologer.storage.sqlite.rows import RowFile

__all__ = ['Difference', 'Progress', 'Report', 'Source', 'copy', 'open_source', 'open_target']

BATCH_RECORDS, BATCH_SIZE = 5000, 8 * 2**20  # records and bytes of one transaction
PAGE = 10_000  # records of one query; they are fetched in slices
QUERY_TIMEOUT = 60  # seconds; no user waits for these queries


class Source(Protocol):
    """The methods of `Storage` that a source has."""

    def last_id(self) -> int: ...
    def count(self, filter: Filter) -> int: ...
    def get(self, id: int) -> Record | None: ...
    def since(
        self, id: int, filter: Filter, limit: int, whole: bool = False
    ) -> Iterator[Record]: ...
    def check(self) -> None: ...


# Called with a title, the number of records and how many are done; gives a function to add more.
Progress = Callable[[str, int, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(slots=True)
class Difference:
    """How the records of a day differ; numbers of records."""

    source: int = 0
    target: int = 0
    missing: int = 0  # in the target
    changed: int = 0
    gone: int = 0  # from the source, after they had been copied


@dataclass(slots=True)
class Report:
    """The number of copied records, and the comparison of both storages up to the last of them."""

    copied: int = 0  # records, by this run
    records: int = 0  # in the target
    days: int = 0  # that have records there
    gone: int = 0  # of these records, from the source meanwhile
    differences: dict[date, Difference] = field(default_factory=dict)  # by UTC day


def open_source(dsn: str) -> Storage | RemoteSource | RowFile:
    """
    Return the storage of a DSN, or the server of an HTTP URL; it is not checked yet.

    The storage may be a SQLite file of an earlier version.

    Raises:
        ConfigurationError: It is malformed.
    """
    if dsn.startswith(('http://', 'https://')):
        return RemoteSource(dsn)
    if dsn.startswith('sqlite:') and RowFile.is_at(path := parse_path(dsn)):
        return RowFile(path, QUERY_TIMEOUT)
    return open_target(dsn)


def open_target(dsn: str) -> Storage:
    """Call `create_storage` with a time limit for long queries."""
    return create_storage(dsn, QUERY_TIMEOUT)


def copy(source: Source, target: Storage, progress: Progress) -> Report:
    """
    Copy the current records of *source* that *target* lacks, and compare both.

    A target without a schema gets one.

    Raises:
        StorageError: The target has other records than the source.
    """
    try:
        source.check()
    except SchemaError as ex:
        raise SchemaError(f'the source: {ex.message}') from ex
    target.migrate()
    last_id = source.last_id()
    start = target.resume_restore()
    _check_same(source, target)
    run = Run(source, target, progress)
    run.copy_records(start, last_id)
    run.compare(start, max(start, last_id))
    return run.report


class Run:
    """The steps of a copy; their results are in the `report`."""

    def __init__(self, source: Source, target: Storage, progress: Progress):
        self._source, self._target, self._progress = source, target, progress
        self._days = Days()  # of the source, as they are read
        self.report = Report()

    def copy_records(self, start: int, last_id: int) -> None:
        """Copy the records after *start*, up to *last_id*."""
        there, total = self._target.count(Filter()), self._source.count(Filter())
        with self._progress('copying', max(total, there), there) as add:
            for batch in self._batches(read(self._source, start, last_id)):
                self._target.restore(batch)
                self.report.copied += len(batch)
                add(len(batch))

    def _batches(self, records: Iterable[Record]) -> Iterator[list[Record]]:
        batch: list[Record] = []
        size = 0
        for record in records:
            size += self._days.add(record)
            batch.append(record)
            if len(batch) == BATCH_RECORDS or size >= BATCH_SIZE:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def compare(self, start: int, last_id: int) -> None:
        """Compare by day; only the records of earlier runs, up to *start*, are read again."""
        source, target, report = self._source, self._target, self.report
        copied = Days()
        there = target.count(Filter())
        with self._progress('verifying', there + max(there - report.copied, 0), 0) as add:
            for record in read(source, 0, start):
                self._days.add(record)
                add(1)
            for record in read(target, 0, last_id):
                copied.add(record)
                add(1)
        report.records, report.days = copied.count, len(copied)
        if self._days == copied:
            return
        for day, difference in _differences(read(source, 0, last_id), read(target, 0, last_id)):
            report.gone += difference.gone
            if difference.missing or difference.changed:
                report.differences[day] = difference


def read(source: Source, after_id: int, last_id: int) -> Iterator[Record]:
    """Yield whole records after *after_id* up to *last_id*, though others are purged meanwhile."""
    while after_id < last_id:
        seen = after_id
        for record in source.since(after_id, Filter(), PAGE, whole=True):
            assert record.id is not None
            if record.id > last_id:
                return
            yield record
            after_id = record.id
        if after_id == seen and source.last_id() <= after_id:
            return


def _check_same(source: Source, target: Storage) -> None:
    """Make sure that the last record of the target is that of the source: ids are unique."""
    id = target.last_id()
    if not id:
        return
    theirs, ours = target.get(id), source.get(id)
    if theirs is not None and (ours is None or canonical(ours) != canonical(theirs)):
        state = 'does not have' if ours is None else 'has another one as'
        raise StorageError(
            f'the target has record {id}, which the source {state}: it is no copy of it. Name '
            f'a database that has none or is one'
        )


def _differences(
    source: Iterator[Record], target: Iterator[Record]
) -> list[tuple[date, Difference]]:
    """Compare records one by one, in the order of their ids; by day, ascending."""
    days: dict[int, Difference] = defaultdict(Difference)
    ours, theirs = next(source, None), next(target, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and _id(ours) < _id(theirs)):
            assert ours is not None
            day = days[day_of(ours)]
            day.source += 1
            day.missing += 1
            ours = next(source, None)
        elif ours is None or _id(theirs) < _id(ours):
            day = days[day_of(theirs)]
            day.target += 1
            day.gone += 1
            theirs = next(target, None)
        else:
            day = days[day_of(ours)]
            day.source += 1
            day.target += 1
            day.changed += canonical(ours) != canonical(theirs)
            ours, theirs = next(source, None), next(target, None)
    return [(EPOCH.date() + timedelta(day), days[day]) for day in sorted(days)]


def _id(record: Record) -> int:
    assert record.id is not None
    return record.id
