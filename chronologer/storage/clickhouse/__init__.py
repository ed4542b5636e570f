"""
Records in ClickHouse: in the engine in this process, on a server, or on a cluster.

`database` has the connections, `insertion` writes, `counting` counts, `schema` has the tables. This
module has the rest of `Storage`. DSNs: see `dsn`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from chronologer.errors import QueryTimeoutError
from chronologer.model import MICROSECOND, Filter, Record, instant, microseconds
from chronologer.storage import Batch, BatchKey, FieldTypes, Outcome, Prepared, ignore
from chronologer.storage.bucket import DAY, Range, can_narrow, time_range
from chronologer.storage.clickhouse import decoding, purge
from chronologer.storage.clickhouse.connection import Connection, check_drivers
from chronologer.storage.clickhouse.counting import (
    QUICKLY,
    count,
    count_names,
    count_steps,
    narrow,
    stretches,
)
from chronologer.storage.clickhouse.database import STRICT, ClickHouseDatabase
from chronologer.storage.clickhouse.dsn import parse_dsn
from chronologer.storage.clickhouse.insertion import Insertion
from chronologer.storage.clickhouse.lines import LOGREC, read_logrec
from chronologer.storage.clickhouse.render import conditions
from chronologer.storage.listing import SLICE_SIZE, Listing, Position

_insertions: WeakValueDictionary[tuple[str, ...], Insertion] = WeakValueDictionary()


class ClickHouseStorage(Listing):
    """DSN: see `chronologer.storage.clickhouse.dsn`."""

    group_records = 10_000  # each group becomes a part for each of its days, which has to be merged
    slice_records = 10_000
    reads_lines = True

    def __init__(self, dsn: str, query_timeout: float):
        self._target = target = parse_dsn(dsn)
        check_drivers(target)
        self.is_exclusive = target.is_embedded
        self._database = ClickHouseDatabase(target, query_timeout)
        self.query_timeout = query_timeout
        self._second = ThreadPoolExecutor(2, 'decoder')
        self._insertion = _insertions.setdefault(target.key, Insertion(target))

    # Writing

    def insert(
        self, batches: Sequence[Batch], keys: Sequence[BatchKey | None] = ()
    ) -> list[Outcome]:
        keys = [*keys, *[None] * (len(batches) - len(keys))]
        with self._write() as db:
            return self._insertion.insert(db, batches, keys)

    def resume_restore(self) -> int:
        with self._write() as db:
            return self._insertion.resume_restore(db)

    def restore(self, records: Sequence[Record]) -> None:
        with self._write() as db:
            self._insertion.restore(db, records)

    def prepare(self, lines: Sequence[bytes], decode: Callable[[bytes], Record]) -> Prepared | None:
        """Decode in the engine in this process; a server would have to send the rows back."""
        if not self._target.is_embedded or len(lines) < decoding.MIN_LINES:
            return None
        middle = len(lines) // 2 if len(lines) >= 2 * decoding.MIN_LINES else len(lines)
        rest = self._second.submit(self._decode, lines[middle:])  # on another core
        rows, others = self._decode(lines[:middle]), rest.result()
        return None if rows is None or others is None else Prepared(lines, decode, rows + others)

    def _decode(self, lines: Sequence[bytes]) -> bytes | None:
        if not lines:
            return b''
        with self._database.decode() as db:
            return decoding.decode(db, lines)

    def purge(
        self, before: datetime, filter: Filter, progress: Callable[[int], None] = ignore
    ) -> int:
        span = time_range(filter)
        span = Range(span.low, min(span.high, microseconds(before) - 1))
        if not span:
            return 0
        with self._database.write() as db:
            last_id = self._insertion.horizon(db)
            days = purge.whole_days(db, filter, span)
            purged = 0
            for day in days:
                with self._insertion.lock:
                    purged += purge.drop_day(db, self._target, day)
                progress(purged)
            return purged + purge.delete(db, self._target, filter, span, last_id)

    # Reading

    def get(self, id: int) -> Record | None:
        with self._database.read() as db:
            row = db.execute('SELECT ts FROM record WHERE id = ?', (id,)).fetchone()
        return next(self._fetch([(row[0], id)], whole=True), None) if row else None

    def _find(
        self, filter: Filter, left: int, right: int, ascending: bool = False
    ) -> list[Position]:
        if right < left:
            return []
        span, limit, offset = self._span(filter), right - left + 1, left
        with self._database.read() as db:
            if not span:
                return []
            if not left and (filter.search is not None or filter.query is not None):
                return self._search(db, filter, span, limit, ascending)
            if filter.search is None and can_narrow(filter, right):
                span, offset = narrow(db, filter, span, left, right, ascending)
            return _positions(db, filter, span, limit, offset, ascending)

    def _search(
        self, db: Connection, filter: Filter, span: Range, limit: int, ascending: bool
    ) -> list[Position]:
        deadline = time.monotonic() + self._database.query_timeout
        positions: list[Position] = []
        for stretch in stretches(db, span, ascending):
            if time.monotonic() > deadline:
                raise QueryTimeoutError(self._database.query_timeout)
            positions += _positions(db, filter, stretch, limit - len(positions), 0, ascending)
            if len(positions) == limit:
                break
        return positions

    def _find_at(self, filter: Filter, id: int, limit: int, ascending: bool) -> list[Position]:
        beyond, order = ('>', 'ASC') if ascending else ('<', 'DESC')
        where = conditions(filter, self._span(filter))
        with self._database.read() as db:
            rows = db.execute(
                f"""
                SELECT ts, id FROM record
                WHERE {where.text} AND id {beyond} ?
                ORDER BY ts {order}, id {order}
                LIMIT ?
                """,
                [*where.parameters, id, limit],
            )
            return rows.fetchall()

    def _fetch_slice(self, positions: Sequence[Position], whole: bool) -> tuple[list[Record], int]:
        """Fetch all if they are small; else fetch sizes first, then the records of a slice."""
        texts = ['name', 'message', *(LOGREC if whole else ())]
        size = ' + '.join(f'length({text})' for text in texts)
        columns = f'id, ts, level, {", ".join(texts)}'
        of_positions = 'FROM record WHERE (ts, id) IN ?'
        taken = len(positions)
        with self._database.read() as db:
            rows = db.execute(
                f'SELECT {columns} {of_positions} AND {size} <= ?', (positions, SLICE_SIZE // taken)
            ).fetchall()
            if len(rows) < taken:
                sizes = dict(
                    db.execute(f'SELECT id, {size} {of_positions}', (positions,)).fetchall()
                )
                taken = total = 0
                while taken < len(positions) and (not taken or total < SLICE_SIZE):
                    total += sizes.get(positions[taken][1], 0)
                    taken += 1
                rows = db.execute(
                    f'SELECT {columns} {of_positions}', (positions[:taken],)
                ).fetchall()
        records = {
            id: Record(
                instant(ts), name, level, message, read_logrec(*logrec) if whole else None, id
            )
            for id, ts, level, name, message, *logrec in rows
        }
        return [records[id] for _, id in positions[:taken] if id in records], taken

    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        where = conditions(filter, self._span(filter))
        with self._database.read() as db:
            rows = db.execute(
                f"""
                SELECT ts, id FROM record
                WHERE id > ? AND id <= ? AND {where.text}
                ORDER BY id
                LIMIT ?
                {f'SETTINGS {STRICT} = 0' if self._target.cluster else ''}
                """,
                [id, self._insertion.horizon(db), *where.parameters, limit],
            ).fetchall()
        return self._fetch(rows, whole)

    def last_id(self) -> int:
        with self._database.read() as db:
            horizon = self._insertion.horizon(db)
            id = db.execute('SELECT max(id) FROM record').fetchone()[
                0
            ]  # which metadata of parts has
            if id > horizon:
                last = 'SELECT id FROM record WHERE id <= ? ORDER BY id DESC LIMIT 1'
                id = (db.execute(last, (horizon,)).fetchone() or (0,))[0]
        return int(id)

    def count(self, filter: Filter) -> int:
        with self._database.read() as db:
            return count(db, filter, self._span(filter))

    def timeline(self, filter: Filter, step: timedelta) -> list[tuple[datetime, int, int]]:
        with self._database.read() as db:
            steps = count_steps(db, filter, self._span(filter), step // MICROSECOND)
        return [(instant(start), level, n) for (start, level), n in sorted(steps.items())]

    def _names(self, filter: Filter) -> Counter[str]:
        with self._database.read() as db:
            return count_names(db, filter, self._span(filter))

    def fields(self) -> FieldTypes:
        types: FieldTypes = {}
        with self._database.read() as db:
            for name, type in db.execute('SELECT DISTINCT name, type FROM field ORDER BY name'):
                types.setdefault(name, set()).add(type)
        return types

    def _span(self, filter: Filter) -> Range:
        """Return the time range of *filter*, without expired days."""
        span = time_range(filter)
        if not self._target.retention:
            return span
        today = int(time.time() * 1e6) // DAY
        return Range(max(span.low, (today - self._target.retention + 1) * DAY), span.high)

    # The database

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Lend a connection that writes; no other thread of this process writes meanwhile."""
        with self._insertion.lock, self._database.write() as db:
            yield db

    def migrate(self) -> None:
        self._database.migrate()

    def check(self) -> None:
        self._database.check()

    def close(self) -> None:
        self._second.shutdown()
        self._database.close()


def _positions(
    db: Connection, filter: Filter, span: Range, limit: int, offset: int, ascending: bool
) -> list[Position]:
    where, order = conditions(filter, span), 'ASC' if ascending else 'DESC'
    rows = db.execute(
        f"""
        SELECT ts, id FROM record
        WHERE {where.text}
        ORDER BY ts {order}, id {order}
        LIMIT ? OFFSET ?
        {QUICKLY if filter == Filter(after=filter.after, before=filter.before) else ''}
        """,
        [*where.parameters, limit, offset],
    )
    return rows.fetchall()
