"""
All records of one storage to another, on any two engines, with the ids that they have.

A copy goes on where the one before has ended, or was killed: the ids in the target say how far it
was. The source may be written meanwhile, and is itself never written. In the end both are compared.
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

__all__ = ['Difference', 'Progress', 'Report', 'Source', 'copy', 'open_source', 'open_target']

BATCH_RECORDS, BATCH_SIZE = 5000, 8 * 2**20  # records and bytes of one transaction
PAGE = 10_000  # records that are asked for at a time; they come in slices
QUERY_TIMEOUT = 60  # seconds; nobody waits for a page of it


class Source(Protocol):
    """What is asked of the storage that is copied; see `Storage`."""

    def last_id(self) -> int: ...
    def count(self, filter: Filter) -> int: ...
    def get(self, id: int) -> Record | None: ...
    def since(
        self, id: int, filter: Filter, limit: int, whole: bool = False
    ) -> Iterator[Record]: ...
    def saved(self) -> dict[str, str]: ...
    def check(self) -> None: ...


# Given a title, how many records there are and how many are done: a function to tell of more.
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
    """What was copied, and how both storages compare up to the last record that was."""

    copied: int = 0  # records, this time
    saved: int = 0  # searches
    records: int = 0  # in the target
    days: int = 0  # that have records there
    gone: int = 0  # of these records, from the source meanwhile
    differences: dict[date, Difference] = field(default_factory=dict)  # by UTC day


def open_source(dsn: str) -> Storage | RemoteSource:
    """
    Return what is at a DSN, or the server at an ``http://`` or ``https://`` URL; not yet checked.

    Raises:
        ConfigurationError: It is malformed.
    """
    if dsn.startswith(('http://', 'https://')):
        return RemoteSource(dsn)
    return open_target(dsn)


def open_target(dsn: str) -> Storage:
    """As `create_storage`, with time for long questions."""
    return create_storage(dsn, QUERY_TIMEOUT)


def copy(source: Source, target: Storage, progress: Progress) -> Report:
    """
    Copy what *target* lacks of the records that *source* has now, and compare both.

    A target without a schema gets one. Saved searches are copied too, in place of those of the
    same names.

    Raises:
        StorageError: The target has records that are not the source's.
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
    run.copy_saved()
    run.compare(start, max(start, last_id))
    return run.report


class Run:
    """The steps of a copy; their results are in the `report`."""

    def __init__(self, source: Source, target: Storage, progress: Progress):
        self._source, self._target, self._progress = source, target, progress
        self._days = Days()  # of the source, as they are read
        self.report = Report()

    def copy_records(self, start: int, last_id: int) -> None:
        """Those after *start*, up to *last_id*."""
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

    def copy_saved(self) -> None:
        """The searches that users have saved."""
        saved = self._source.saved()
        for name, state in saved.items():
            self._target.save(name, state)
        self.report.saved = len(saved)

    def compare(self, start: int, last_id: int) -> None:
        """By the day; of the source only what was there before, up to *start*, has to be read."""
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
    """The target's last record has to be the source's: ids are given once."""
    id = target.last_id()
    if not id:
        return
    theirs, ours = target.get(id), source.get(id)
    if theirs is not None and (ours is None or canonical(ours) != canonical(theirs)):
        state = 'does not have' if ours is None else 'has another one as'
        raise StorageError(
            f'the target has record {id}, which the source {state}: it is no copy of it; name '
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
