"""
Records in ClickHouse: in the engine in this process, on a server, or on a cluster.

`insertion` has what is written, `counting` what is counted, `schema` the tables; this is the rest
of what a storage promises. DSNs: see `dsn`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import orjson

from chronologer.errors import QueryTimeoutError
from chronologer.model import MICROSECOND, Filter, Record, instant, microseconds
from chronologer.storage import Batch, FieldTypes, Outcome, Prepared, RetryKey
from chronologer.storage.bucket import DAY, Range, time_range
from chronologer.storage.clickhouse import decoding, purge, schema
from chronologer.storage.clickhouse.connection import Connection, Pool, translated
from chronologer.storage.clickhouse.counting import (
    QUICKLY,
    can_narrow,
    count,
    count_names,
    count_steps,
    narrow,
    stretches,
)
from chronologer.storage.clickhouse.dsn import parse_dsn
from chronologer.storage.clickhouse.insertion import Insertion
from chronologer.storage.clickhouse.render import conditions
from chronologer.storage.clickhouse.rows import LOGREC, read_logrec
from chronologer.storage.listing import SLICE_SIZE, Listing, Place
from chronologer.storage.saved import check_room

SAVED = 'SELECT name, state FROM saved FINAL WHERE state IS NOT NULL'

# No shard is left out. Replicas that are behind are asked only if there are no others, as all of
# them seem to be while Keeper is away; who writes or follows would rather not be answered. A
# listing is two questions, better answered by the same replica.
STRICT = 'fallback_to_stale_replicas_for_distributed_queries'
CLUSTER = {
    'max_replica_delay_for_distributed_queries': 3,  # seconds; less than insertion.LAG
    STRICT: 1,
    'skip_unavailable_shards': 0,
    'optimize_skip_unused_shards': 0,  # records stay where they are when a shard is added
    'load_balancing': 'nearest_hostname',
}
# What is acknowledged is on most replicas of its shard. `Connection` has the exceptions from that.
CLUSTER_WRITING = {
    'insert_quorum': 'auto',
    'insert_quorum_parallel': 1,
    'insert_quorum_timeout': 4000,  # ms; less than insertion.LAG
    'select_sequential_consistency': 1,  # of what is inserted one after the other
    'distributed_foreground_insert': 1,
    'distributed_insert_skip_read_only_replicas': 1,
    STRICT: 0,
}

_insertions: WeakValueDictionary[tuple[str, ...], Insertion] = WeakValueDictionary()


class ClickHouseStorage(Listing):
    """DSN: see `chronologer.storage.clickhouse.dsn`."""

    group_records = 10_000  # each group is a part, or one for each of its days, to be merged
    slice_records = 10_000

    def __init__(self, dsn: str, query_timeout: float):
        self._target = target = parse_dsn(dsn)
        self.is_exclusive = target.is_embedded
        self._query_timeout = query_timeout  # seconds
        reading: dict[str, Any] = {'max_execution_time': f'{max(query_timeout, 0.001):f}'}
        writing: dict[str, Any] = {
            'mutations_sync': 2,
            'async_insert': 0 if target.is_embedded else 1,
            'wait_for_async_insert': 1,
        }
        if target.cluster:
            reading |= CLUSTER
            writing |= {**CLUSTER, **CLUSTER_WRITING}
        self._readers = Pool(target, reading)
        self._writers = Pool(target, writing)
        self._decoders = Pool(target, {'compile_expressions': 0})  # compiling takes longer
        self._second = ThreadPoolExecutor(2, 'decoder')
        self._insertion = _insertions.setdefault(target.key, Insertion(target))

    # Writing

    def insert(
        self, batches: Sequence[Batch], keys: Sequence[RetryKey | None] = ()
    ) -> list[Outcome]:
        keys = [*keys, *[None] * (len(batches) - len(keys))]
        with self._writing() as db:
            return self._insertion.insert(db, batches, keys)

    def resume_restore(self) -> int:
        with self._writing() as db:
            return self._insertion.resume_restore(db)

    def restore(self, records: Sequence[Record]) -> None:
        with self._writing() as db:
            self._insertion.restore(db, records)

    def prepare(self, lines: Sequence[bytes], decode: Callable[[bytes], Record]) -> Prepared | None:
        """A server would have to be sent them, and to send them back."""
        if not self._target.is_embedded or len(lines) < decoding.MIN_LINES:
            return None
        middle = len(lines) // 2 if len(lines) >= 2 * decoding.MIN_LINES else len(lines)
        rest = self._second.submit(self._decode, lines[middle:])  # on another core
        rows, others = self._decode(lines[:middle]), rest.result()
        return None if rows is None or others is None else Prepared(lines, decode, rows + others)

    def _decode(self, lines: Sequence[bytes]) -> bytes | None:
        if not lines:
            return b''
        with self._translated(), self._decoders.connection() as db:
            return decoding.decode(db, lines)

    def purge(self, before: datetime, filter: Filter) -> int:
        span = time_range(filter)
        span = Range(span.low, min(span.high, microseconds(before) - 1))
        if not span:
            return 0
        with self._translated(), self._writers.connection() as db:
            last_id = self._insertion.horizon(db)
            days = purge.whole_days(db, filter, span)
            purged = 0
            for day in days:
                with self._insertion.lock:
                    purged += purge.drop_day(db, self._target, day)
            return purged + purge.delete(db, self._target, filter, span, last_id)

    # Reading

    def get(self, id: int) -> Record | None:
        with self._reading() as db:
            row = db.execute('SELECT ts FROM record WHERE id = ?', (id,)).fetchone()
        return next(self._fetch([(row[0], id)], whole=True), None) if row else None

    def _find(self, filter: Filter, left: int, right: int, ascending: bool = False) -> list[Place]:
        if right < left:
            return []
        span, limit, offset = self._span(filter), right - left + 1, left
        with self._reading() as db:
            if not span:
                return []
            if not left and (filter.search is not None or filter.query is not None):
                return self._search(db, filter, span, limit, ascending)
            if can_narrow(filter, right):
                span, offset = narrow(db, filter, span, left, right, ascending)
            return _places(db, filter, span, limit, offset, ascending)

    def _search(
        self, db: Connection, filter: Filter, span: Range, limit: int, ascending: bool
    ) -> list[Place]:
        deadline = time.monotonic() + self._query_timeout
        places: list[Place] = []
        for stretch in stretches(db, span, ascending):
            if time.monotonic() > deadline:
                raise QueryTimeoutError(self._query_timeout)
            places += _places(db, filter, stretch, limit - len(places), 0, ascending)
            if len(places) == limit:
                break
        return places

    def _find_at(self, filter: Filter, id: int, limit: int, ascending: bool) -> list[Place]:
        beyond, order = ('>', 'ASC') if ascending else ('<', 'DESC')
        where = conditions(filter, self._span(filter))
        with self._reading() as db:
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

    def _fetch_slice(self, places: Sequence[Place], whole: bool) -> tuple[list[Record], int]:
        """All of them if they are small; else sizes first, and as many as make a slice."""
        texts = ['name', 'message', *(LOGREC if whole else ())]
        size = ' + '.join(f'length({text})' for text in texts)
        columns = f'id, ts, level, {", ".join(texts)}'
        at_places = 'FROM record WHERE (ts, id) IN ?'
        taken = len(places)
        with self._reading() as db:
            rows = db.execute(
                f'SELECT {columns} {at_places} AND {size} <= ?', (places, SLICE_SIZE // taken)
            ).fetchall()
            if len(rows) < taken:
                sizes = dict(db.execute(f'SELECT id, {size} {at_places}', (places,)).fetchall())
                taken = total = 0
                while taken < len(places) and (not taken or total < SLICE_SIZE):
                    total += sizes.get(places[taken][1], 0)
                    taken += 1
                rows = db.execute(f'SELECT {columns} {at_places}', (places[:taken],)).fetchall()
        records = {
            id: Record(
                instant(ts), name, level, message, read_logrec(*logrec) if whole else None, id
            )
            for id, ts, level, name, message, *logrec in rows
        }
        return [records[id] for _, id in places[:taken] if id in records], taken

    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        where = conditions(filter, self._span(filter))
        with self._reading() as db:
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
        with self._reading() as db:
            horizon = self._insertion.horizon(db)
            id = db.execute('SELECT max(id) FROM record').fetchone()[0]  # which parts know
            if id > horizon:
                last = 'SELECT id FROM record WHERE id <= ? ORDER BY id DESC LIMIT 1'
                id = (db.execute(last, (horizon,)).fetchone() or (0,))[0]
        return int(id)

    def count(self, filter: Filter) -> int:
        with self._reading() as db:
            return count(db, filter, self._span(filter))

    def timeline(self, filter: Filter, step: timedelta) -> list[tuple[datetime, int, int]]:
        with self._reading() as db:
            steps = count_steps(db, filter, self._span(filter), step // MICROSECOND)
        return [(instant(start), level, n) for (start, level), n in sorted(steps.items())]

    def _names(self, filter: Filter) -> Counter[str]:
        with self._reading() as db:
            return count_names(db, filter, self._span(filter))

    def fields(self) -> FieldTypes:
        types: FieldTypes = {}
        with self._reading() as db:
            for name, type in db.execute('SELECT DISTINCT name, type FROM field ORDER BY name'):
                types.setdefault(name, set()).add(type)
        return types

    def _span(self, filter: Filter) -> Range:
        """The instants that *filter* admits, but for those whose records are to be dropped."""
        span = time_range(filter)
        if not self._target.retention:
            return span
        today = int(time.time() * 1e6) // DAY
        return Range(max(span.low, (today - self._target.retention + 1) * DAY), span.high)

    # What belongs to the users

    def secret(self) -> bytes:
        with self._reading() as db:
            ((value,),) = db.execute('SELECT value FROM secret ORDER BY created, value LIMIT 1')
        return bytes.fromhex(value)

    def saved(self) -> dict[str, str]:
        with self._reading() as db:
            return dict(db.execute(SAVED).fetchall())

    def save(self, name: str, state: str) -> bool:
        with self._writing() as db:
            known = dict(db.execute(SAVED).fetchall())
            if name not in known:
                check_room(len(known))
            self._version(db, name, state)
        return name not in known

    def forget(self, name: str) -> bool:
        with self._writing() as db:
            is_known = name in dict(db.execute(SAVED).fetchall())
            if is_known:
                self._version(db, name, None)
        return is_known

    def _version(self, db: Connection, name: str, state: str | None) -> None:
        # The clock may be set back, or be behind that of who wrote the last one.
        ((last,),) = db.execute('SELECT max(version) FROM saved WHERE name = ?', (name,))
        row = orjson.dumps((name, state, max(time.time_ns(), last + 1)))
        db.insert('saved', ('name', 'state', 'version'), row)

    # Connections and schema

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._translated(), self._readers.connection() as db:
            started = time.monotonic()
            yield db
        if time.monotonic() - started > self._query_timeout:
            raise QueryTimeoutError(self._query_timeout)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A connection; nobody else of this process writes meanwhile."""
        with self._translated(), self._insertion.lock, self._writers.connection() as db:
            yield db

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self._target, self._query_timeout)

    def migrate(self) -> None:
        with self._translated():
            schema.migrate(self._target)

    def check(self) -> None:
        with self._reading() as db:
            schema.check(db)

    def close(self) -> None:
        self._second.shutdown()
        self._readers.close()
        self._writers.close()
        self._decoders.close()


def _places(
    db: Connection, filter: Filter, span: Range, limit: int, offset: int, ascending: bool
) -> list[Place]:
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
