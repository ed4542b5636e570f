"""
A storage that keeps records as rows of a SQL database.

It has a `Database` for transactions and a `RowDialect` for statements that differ between engines.
`insertion` writes, `counting` counts, `index` is the search index.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import orjson

from chronologer.model import MICROSECOND, Filter, Record, instant
from chronologer.storage import Batch, BatchKey, FieldTypes, Outcome, ignore
from chronologer.storage.bucket import can_narrow, older, time_range
from chronologer.storage.database import Connection, Database
from chronologer.storage.listing import Listing, Position
from chronologer.storage.render import SQL
from chronologer.storage.sql.counting import count, count_names, count_steps, narrow
from chronologer.storage.sql.dialect import RowDialect
from chronologer.storage.sql.field_table import read_fields, types_of
from chronologer.storage.sql.index import Unindexed
from chronologer.storage.sql.index.find import Find
from chronologer.storage.sql.index.needle import Needle
from chronologer.storage.sql.insertion import Insertion, last_used_id
from chronologer.storage.sql.purge import purge_slice
from chronologer.storage.sql.where import conditions, within


class SqlStorage(Listing):
    """A storage on an engine that speaks SQL."""

    def __init__(self, database: Database[Any], dialect: RowDialect) -> None:
        self._database = database
        self.query_timeout = database.query_timeout
        self._dialect = dialect
        self._insertion = Insertion(dialect)
        self._unindexed = Unindexed(dialect)

    # Writing

    def insert(
        self, batches: Sequence[Batch], keys: Sequence[BatchKey | None] = ()
    ) -> list[Outcome]:
        keys = [*keys, *[None] * (len(batches) - len(keys))]
        return self._database.write(lambda db: self._insertion.insert(db, batches, keys))

    def resume_restore(self) -> int:
        with self._database.read() as db:  # an interrupted transaction leaves nothing
            return last_used_id(db)

    def restore(self, records: Sequence[Record]) -> None:
        if records:
            self._database.write(lambda db: self._insertion.restore(db, records))

    def purge(
        self, before: datetime, filter: Filter, progress: Callable[[int], None] = ignore
    ) -> int:
        old = older(filter, before)
        if old is None:
            return 0
        purged = 0
        while count := self._database.write(
            lambda db: purge_slice(db, self._dialect, self._unindexed, old)
        ):
            purged += count
            progress(purged)
        return purged

    # Reading

    def get(self, id: int) -> Record | None:
        with self._database.read() as db:
            row = db.execute(
                f"""
                SELECT {self._dialect.ts}, name, level, message, logrec
                FROM record JOIN logger ON logger.id = record.logger
                WHERE record.id = ?
                """,
                (id,),
            ).fetchone()
        if row is None:
            return None
        ts, name, level, message, logrec = row
        return Record(instant(ts), name, level, message, orjson.loads(logrec), id)

    def _find(
        self, filter: Filter, left: int, right: int, ascending: bool = False
    ) -> list[Position]:
        count = right - left + 1
        # One statement sees the database as of one instant anyway.
        has_steps = can_narrow(filter, right) or Needle.of(filter) is not None
        with self._database.snapshot() if has_steps else self._database.read() as db:
            if find := self._find_in(db, filter):
                return list(islice(islice(find.by_time(ascending), left, None), count))
            span, offset = narrow(db, self._dialect, filter, left, right, ascending)
            where = conditions(self._dialect, filter, within(self._dialect, span))
            return self._positions(db, where, ascending, count, offset)

    def _find_at(self, filter: Filter, id: int, limit: int, ascending: bool) -> list[Position]:
        with self._database.snapshot() as db:
            if find := self._find_in(db, filter):
                found = find.by_time(ascending)
                beyond = (p for p in found if (p[1] > id if ascending else p[1] < id))
                return list(islice(beyond, limit))
            has_id = SQL(f'id {">" if ascending else "<"} ?', id)
            at = within(self._dialect, time_range(filter))
            where = conditions(self._dialect, filter, has_id, at)
            return self._positions(db, where, ascending, limit)

    def _positions(
        self, db: Connection, where: SQL, ascending: bool, limit: int, offset: int = 0
    ) -> list[Position]:
        order = 'ASC' if ascending else 'DESC'
        rows = db.execute(
            f"""
            SELECT {self._dialect.ts}, id FROM {self._dialect.records_by_ts}
            WHERE {where.text}
            ORDER BY ts {order}, id {order}
            LIMIT ? OFFSET ?
            """,
            [*where.parameters, limit, offset],
        )
        return list(rows.fetchall())

    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        during = within(self._dialect, time_range(filter))
        where = conditions(self._dialect, filter, SQL('id > ?', id), during)
        with self._database.snapshot() as db:
            if find := self._find_in(db, filter):
                return self._fetch(list(islice(find.by_id(id), limit)), whole)
            positions = db.execute(
                f"""
                SELECT {self._dialect.ts}, id FROM {self._dialect.records_by_id}
                WHERE {where.text}
                ORDER BY id
                LIMIT ?
                """,
                [*where.parameters, limit],
            ).fetchall()
        return self._fetch(list(positions), whole)

    def last_id(self) -> int:
        with self._database.read() as db:
            (id,) = db.execute('SELECT MAX(id) FROM record').fetchone()
        return id or 0

    def count(self, filter: Filter) -> int:
        with self._database.snapshot() as db:
            find = self._find_in(db, filter)
            return find.count() if find else count(db, self._dialect, filter)

    def timeline(self, filter: Filter, step: timedelta) -> list[tuple[datetime, int, int]]:
        length = step // MICROSECOND
        with self._database.snapshot() as db:
            find = self._find_in(db, filter)
            counts = (
                find.count_steps(length) if find else count_steps(db, self._dialect, filter, length)
            )
        starts = {start: instant(start) for start in {start for start, _ in counts}}
        return [(starts[start], level, n) for (start, level), n in sorted(counts.items())]

    def _names(self, filter: Filter) -> Counter[str]:
        counts: Counter[str] = Counter()
        with self._database.snapshot() as db:
            find = self._find_in(db, filter)
            for name, n in find.names() if find else count_names(db, self._dialect, filter):
                counts[name] += n
        return counts

    def fields(self) -> FieldTypes:
        with self._database.snapshot() as db:
            _, new = self._unindexed.read(db)
            return types_of(read_fields(db), new)

    def _find_in(self, db: Connection, filter: Filter) -> Find | None:
        """Return a search in the index, if it helps."""
        needle = Needle.of(filter)
        if needle is None:
            return None
        return Find(db, self._dialect, self._unindexed, filter, needle, self.query_timeout)

    # The schema

    def migrate(self) -> None:
        self._database.migrate()

    def check(self) -> None:
        self._database.check()

    def close(self) -> None:
        self._database.close()


def ids_of(positions: Iterable[Position]) -> list[int]:
    """Return the ids of positions."""
    return [id for _, id in positions]
