"""
What the SQL engines share: one schema, the statements on it, and batches within a transaction.

An engine adds connections, transactions, the assignment of ids, and its `Dialect`. A connection has
``execute(sql, parameters)``, which returns a cursor, and ``executemany``, both with ``?`` for a
parameter.
"""

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, ClassVar, TypeVar

import orjson

from chronologer.model import MICROSECOND, Filter, Record, instant, microseconds
from chronologer.storage import (
    MAX_FIELDS,
    Batch,
    FieldTypes,
    Outcome,
    RetryKey,
    counters,
)
from chronologer.storage.bucket import (
    DAY,
    QUARTER,
    Buckets,
    Range,
    split,
    time_range,
)
from chronologer.storage.builder import Row
from chronologer.storage.counters import Dialect, condition
from chronologer.storage.find import Find, Needle
from chronologer.storage.index import Tail, read_fields, remove
from chronologer.storage.insertion import Insertion, last_place
from chronologer.storage.listing import Listing, Place
from chronologer.storage.saved import forget, read_saved, read_secret, save, take_secret

PURGE_SLICE = 2000  # records deleted in one transaction

T = TypeVar('T')


class SqlStorage(Listing):
    """A storage on an engine that speaks SQL."""

    dialect: ClassVar[Dialect]
    batch_errors: tuple[type[Exception], ...]  # others fail the whole transaction

    def __init__(self, query_timeout: float) -> None:
        self._query_timeout = query_timeout  # seconds
        self._insertion = Insertion(self)
        self._tail = Tail(self.dialect)

    @abstractmethod
    def _reading(self, one_moment: bool = True) -> AbstractContextManager[Any]:
        """A connection that cannot write; it sees the database as of one moment, if asked."""

    @abstractmethod
    def _write(self, work: Callable[[Any], T]) -> T:
        """Call *work* with a connection in a transaction, durable on return; it may be repeated."""

    @abstractmethod
    def take_ids(self, db: Any, count: int) -> int:
        """Reserve ids in the order of commits; return the first."""

    @abstractmethod
    def find_logger(self, db: Any, name: str) -> int | None:
        """The id of a logger, if it has one."""

    @abstractmethod
    def add_logger(self, db: Any, name: str) -> int:
        """Give a logger an id."""

    @abstractmethod
    def insert_records(self, db: Any, rows: Sequence[Row]) -> None:
        """Insert into ``record``; the last column, the fields, is none of the table's."""

    # Writing

    def insert(
        self, batches: Sequence[Batch], keys: Sequence[RetryKey | None] = ()
    ) -> list[Outcome]:
        keys = [*keys, *[None] * (len(batches) - len(keys))]
        return self._write(partial(self._insertion.insert, batches, keys))

    def resume_restore(self) -> int:
        with self._reading() as db:  # a transaction leaves nothing when it is interrupted
            return last_place(db)

    def restore(self, records: Sequence[Record]) -> None:
        if records:
            self._write(partial(self._insertion.restore, records))

    def purge(self, before: datetime, filter: Filter) -> int:
        span = time_range(filter)
        span = Range(span.low, min(span.high, microseconds(before) - 1))
        if not span:
            return 0
        purged = 0
        filter = replace(filter, before=instant(span.high))
        while count := self._write(partial(self._purge_slice, filter)):
            purged += count
        return purged

    def _purge_slice(self, filter: Filter, db: Any) -> int:
        self.take_ids(db, 1)  # waits for its turn; who writes sees that others have been there
        ids = self._some_ids(db, filter)
        if ids:
            wanted = f'id IN ({", ".join("?" * len(ids))})'
            rows = db.execute(
                f'SELECT {self.dialect.ts}, level, logger FROM record WHERE {wanted}', ids
            )
            counts = Counter(
                (logger, ts // QUARTER, level) for ts, level, logger in rows.fetchall()
            )
            db.execute(f'DELETE FROM record WHERE {wanted}', ids)
            counters.subtract(db, self.dialect, counts)
            remove(db, self.dialect, ids)
        return len(ids)

    def _some_ids(self, db: Any, filter: Filter) -> list[int]:
        """Those of the next records to be purged."""
        if needle := Needle.of(filter):
            find = Find(db, self.dialect, self._tail, filter, needle, math.inf)
            return ids_of(islice(find.by_time(ascending=True), PURGE_SLICE))
        span = time_range(filter)
        where, parameters = condition(self.dialect, filter)
        ids = db.execute(
            f"""
            SELECT id FROM {self.dialect.records_by_ts}
            WHERE ts BETWEEN {self.dialect.at} AND {self.dialect.at} {where}
            ORDER BY ts, id
            LIMIT ?
            """,
            [span.low, span.high, *parameters, PURGE_SLICE],
        ).fetchall()
        return [id for (id,) in ids]

    # Reading

    def get(self, id: int) -> Record | None:
        with self._reading() as db:
            row = db.execute(
                f"""
                SELECT {self.dialect.ts}, name, level, message, logrec
                FROM record JOIN logger ON logger.id = record.logger
                WHERE record.id = ?
                """,
                (id,),
            ).fetchone()
        if row is None:
            return None
        ts, name, level, message, logrec = row
        return Record(instant(ts), name, level, message, orjson.loads(logrec), id)

    def _find_at(self, filter: Filter, id: int, limit: int, ascending: bool) -> list[Place]:
        """Records at one moment beyond a record of that moment, in order."""
        span = time_range(filter)
        where, parameters = condition(self.dialect, filter)
        beyond, order = ('>', 'ASC') if ascending else ('<', 'DESC')
        with self._reading() as db:
            if find := self._find_in(db, filter):
                places = find.by_time(ascending)
                return list(
                    islice((p for p in places if (p[1] > id if ascending else p[1] < id)), limit)
                )
            rows = db.execute(
                f"""
                SELECT {self.dialect.ts}, id FROM {self.dialect.records_by_ts}
                WHERE ts BETWEEN {self.dialect.at} AND {self.dialect.at} AND id {beyond} ? {where}
                ORDER BY ts {order}, id {order}
                LIMIT ?
                """,
                [span.low, span.high, id, *parameters, limit],
            )
            return list(rows.fetchall())

    def _find(self, filter: Filter, left: int, right: int, ascending: bool = False) -> list[Place]:
        """Records by their offset, newest first unless told."""
        order = 'ASC' if ascending else 'DESC'
        where, parameters = condition(self.dialect, filter)
        count = right - left + 1
        has_steps = counters.can_narrow(filter, right) or Needle.of(filter) is not None
        with self._reading(one_moment=has_steps) as db:
            if find := self._find_in(db, filter):
                return list(islice(islice(find.by_time(ascending), left, None), count))
            span, offset = counters.narrow(db, self.dialect, filter, left, right, ascending)
            rows = db.execute(
                f"""
                SELECT {self.dialect.ts}, id FROM {self.dialect.records_by_ts}
                WHERE ts BETWEEN {self.dialect.at} AND {self.dialect.at} {where}
                ORDER BY ts {order}, id {order}
                LIMIT ? OFFSET ?
                """,
                [span.low, span.high, *parameters, count, offset],
            )
            return list(rows.fetchall())

    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        span = time_range(filter)
        where, parameters = condition(self.dialect, filter)
        with self._reading() as db:
            if find := self._find_in(db, filter):
                return self._fetch(list(islice(find.by_id(id), limit)), whole)
            places = db.execute(
                f"""
                SELECT {self.dialect.ts}, id FROM {self.dialect.records_by_id}
                WHERE id > ? AND ts BETWEEN {self.dialect.at} AND {self.dialect.at} {where}
                ORDER BY id
                LIMIT ?
                """,
                [id, span.low, span.high, *parameters, limit],
            ).fetchall()
        return self._fetch(list(places), whole)

    def last_id(self) -> int:
        with self._reading(one_moment=False) as db:
            (id,) = db.execute('SELECT MAX(id) FROM record').fetchone()
        return id or 0

    def count(self, filter: Filter) -> int:
        with self._reading() as db:
            if find := self._find_in(db, filter):
                return find.count()
            return sum(
                counters.total(db, self.dialect, filter, part)
                if isinstance(part, Buckets)
                else counters.count_rows(db, self.dialect, filter, part)
                for part in _parts(filter)
            )

    def timeline(self, filter: Filter, step: timedelta) -> list[tuple[datetime, int, int]]:
        length = step // MICROSECOND
        counts: Counter[tuple[int, int]] = Counter()
        with self._reading() as db:
            if find := self._find_in(db, filter):
                counts = find.count_steps(length)
            else:
                for part in _parts(filter, length):
                    counts.update(
                        counters.steps(db, self.dialect, filter, part, length)
                        if isinstance(part, Buckets)
                        else counters.count_steps(db, self.dialect, filter, part, length)
                    )
        starts = {start: instant(start) for start in {start for start, _ in counts}}
        return [(starts[start], level, n) for (start, level), n in sorted(counts.items())]

    def _names(self, filter: Filter) -> Counter[str]:
        counts: Counter[str] = Counter()
        with self._reading() as db:
            find = self._find_in(db, filter)
            names = find.names() if find else counters.names(db, self.dialect, filter)
            for name, n in names:
                counts[name] += n
        return counts

    def fields(self) -> FieldTypes:
        types: FieldTypes = {}
        with self._reading() as db:
            _, of_tail = self._tail.read(db)
            fields = read_fields(db)
        fields.update(sorted(of_tail - fields)[: MAX_FIELDS - len(fields)])
        for name, type in sorted(fields):
            types.setdefault(name, set()).add(type)
        return types

    # What belongs to the users

    def secret(self) -> bytes:
        with self._reading(one_moment=False) as db:
            secret = read_secret(db)
        return secret or self._write(partial(take_secret, self.batch_errors))

    def saved(self) -> dict[str, str]:
        with self._reading(one_moment=False) as db:
            return read_saved(db)

    def save(self, name: str, state: str) -> bool:
        return self._write(partial(save, name, state))

    def forget(self, name: str) -> bool:
        return self._write(partial(forget, name))

    def _find_in(self, db: Any, filter: Filter) -> Find | None:
        """A search of the index, if it is of help."""
        needle = Needle.of(filter)
        if needle is None:
            return None
        return Find(db, self.dialect, self._tail, filter, needle, self._query_timeout)


def _parts(filter: Filter, step: int = DAY) -> list[Range | Buckets]:
    """The filter's time, as counters for a step can answer it."""
    grains = [grain for grain in counters.grains_of(filter) if step % grain == 0]
    return split(time_range(filter), grains)


def ids_of(places: Iterable[Place]) -> list[int]:
    """The ids alone."""
    return [id for _, id in places]
