"""
Counters of records by time and level, and by logger too, whatever the format of records is.

`count_by_level` serves every filter without a logger name, `count_by_logger` those with one: with
hundreds of loggers it is nearly as long as the log itself. Both are updated in the transaction that
writes or purges the records, so that they are exact.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from chronologer.model import Filter, instant
from chronologer.storage.bucket import (
    DAY,
    HOUR,
    QUARTER,
    Buckets,
    Range,
    bucket_range,
    can_narrow,
    split,
    time_range,
)
from chronologer.storage.database import Connection
from chronologer.storage.render import SQL, join
from chronologer.storage.sql.bulk import insert_rows
from chronologer.storage.sql.dialect import Dialect
from chronologer.storage.sql.where import counter_conditions, name_condition

MINUTE = 60 * 10**6  # microseconds; the unit of grains in the tables

# Grains of the two tables; the second is long enough without hours.
BY_LEVEL, BY_LOGGER = (DAY, HOUR, QUARTER), (DAY, QUARTER)
QUARTER_MINUTES, DAY_MINUTES, QUARTERS_A_DAY = QUARTER // MINUTE, DAY // MINUTE, DAY // QUARTER

Counts = Counter[tuple[int, int, int]]  # by logger, bucket and level
Sums = dict[tuple[int, ...], int]
Steps = dict[tuple[int, int], int]  # count by start (microseconds) and level


def add(db: Connection, dialect: Dialect, counts: Counts) -> None:
    """Count records that are being written."""
    by_logger, by_level = _by_grain(counts)
    insert_rows(
        db,
        'INSERT INTO count_by_logger (logger, grain, bucket, level, n)',
        [(*key, n) for key, n in sorted(by_logger.items())],
        dialect.add_to_n,
    )
    insert_rows(
        db,
        'INSERT INTO count_by_level (grain, bucket, level, n)',
        [(*key, n) for key, n in sorted(by_level.items())],
        dialect.add_to_n,
    )


def subtract(db: Connection, dialect: Dialect, counts: Counts) -> None:
    """Uncount records that are being purged."""
    add(db, dialect, Counter({key: -n for key, n in counts.items()}))
    by_logger, by_level = _by_grain(counts)
    db.executemany(
        """
        DELETE FROM count_by_logger
        WHERE logger = ? AND grain = ? AND bucket = ? AND level = ? AND n = 0
        """,
        sorted(by_logger),
    )
    db.executemany(
        'DELETE FROM count_by_level WHERE grain = ? AND bucket = ? AND level = ? AND n = 0',
        sorted(by_level),
    )


def _by_grain(counts: Counts) -> tuple[Sums, Sums]:
    """Sum counts per quarter of an hour to those of each grain, by logger and without."""
    by_logger: Sums = defaultdict(int)
    by_quarter: Sums = defaultdict(int)
    by_level: Sums = defaultdict(int)
    for (logger, bucket, level), n in counts.items():
        by_logger[logger, QUARTER_MINUTES, bucket, level] += n
        by_logger[logger, DAY_MINUTES, bucket // QUARTERS_A_DAY, level] += n
        by_quarter[bucket, level] += n
    for (bucket, level), n in by_quarter.items():
        for grain in BY_LEVEL:
            by_level[grain // MINUTE, bucket * QUARTER // grain, level] += n
    return by_logger, by_level


def grains_of(filter: Filter) -> tuple[int, ...]:
    """The grains of the counters that answer *filter*; none of them answers a query."""
    if filter.query is not None:
        return ()
    return BY_LOGGER if filter.names else BY_LEVEL


def total(db: Connection, dialect: Dialect, filter: Filter, part: Buckets) -> int:
    """Count matching records in whole buckets."""
    table, where = _counters(dialect, filter, part)
    (count,) = db.execute(
        f'SELECT coalesce(sum(n), 0) FROM {table.text} WHERE {where.text}',
        [*table.parameters, *where.parameters],
    ).fetchone()
    return int(count)


def steps(db: Connection, dialect: Dialect, filter: Filter, part: Buckets, length: int) -> Steps:
    """Count matching records in whole buckets, per step of *length* µs and level."""
    table, where = _counters(dialect, filter, part)
    length //= part.grain
    start, count, group = 'bucket', 'n', ''
    if length > 1 or filter.names:  # else a counter is one of the sums already
        start = f'bucket - (bucket % {length} + {length}) % {length}'
        count, group = 'sum(n)', 'GROUP BY start, level'
    rows = db.execute(
        f"""
        SELECT {start} AS start, level, {count}
        FROM {table.text}
        WHERE {where.text}
        {group}
        """,
        [*table.parameters, *where.parameters],
    )
    return {(start * part.grain, level): int(n) for start, level, n in rows}


def names(
    db: Connection, dialect: Dialect, filter: Filter, part: Buckets
) -> Iterator[tuple[str, int]]:
    """Yield the loggers of matching records in whole buckets, with counts."""
    where = counter_conditions(dialect, filter, _in_buckets(part))
    counted = 'SELECT logger, sum(n) AS n FROM count_by_logger WHERE {} GROUP BY logger'
    return with_names(db, join(counted, where))


def with_names(db: Connection, counted: SQL) -> Iterator[tuple[str, int]]:
    """Yield the names of loggers with their counts; *counted* selects ``logger`` and ``n``."""
    rows = db.execute(
        f"""
        SELECT name, n
        FROM ({counted.text}) AS counted JOIN logger ON logger.id = counted.logger
        """,
        counted.parameters,
    )
    return ((name, int(n)) for name, n in rows.fetchall())


def narrow(
    db: Connection,
    dialect: Dialect,
    filter: Filter,
    left: int,
    right: int,
    ascending: bool,
    count: Callable[[Range], int],
) -> tuple[Range, int]:
    """
    Find the time range in which the matching records at offsets *left* to *right* lie.

    Counters are summed until they reach the offsets, so that neither a deep offset nor a rare level
    makes an engine walk through the records before it. *count* counts the matching records in what
    a time range has besides whole buckets. If there is a query, the whole range is returned.

    Returns:
        The range, and the offset of record *left* within it.
    """
    whole = time_range(filter)
    if not can_narrow(filter, right):
        return whole, left
    grains = grains_of(filter)
    first = _seek(db, dialect, filter, grains, left, ascending, count)
    if first is None:
        return Range(0, -1), 0
    start, seen, n = first
    if seen + n > right:
        return start, left - seen
    last = _seek(db, dialect, filter, grains, right, ascending, count)
    end = whole if last is None else last[0]
    span = Range(start.low, end.high) if ascending else Range(end.low, start.high)
    return span, left - seen


def _seek(
    db: Connection,
    dialect: Dialect,
    filter: Filter,
    grains: Sequence[int],
    offset: int,
    ascending: bool,
    count: Callable[[Range], int],
) -> tuple[Range, int, int] | None:
    """Find the part of time that has a record, how many records are before it, and are in it."""
    seen = 0
    for part in split(time_range(filter), grains)[:: 1 if ascending else -1]:
        if isinstance(part, Range):
            n = count(part)
            if seen + n > offset:
                return part, seen, n
            seen += n
            continue
        for bucket, n in _by_bucket(db, dialect, filter, part, ascending):
            if seen + n > offset:
                span = bucket_range(part.grain, bucket)
                if part.grain == QUARTER:
                    return span, seen, n
                inner = filter.within(instant(span.low), instant(span.high))
                finer = [grain for grain in grains if grain < part.grain]
                found = _seek(db, dialect, inner, finer, offset - seen, ascending, count)
                assert found is not None
                return found[0], seen + found[1], found[2]
            seen += n
    return None


def _by_bucket(
    db: Connection, dialect: Dialect, filter: Filter, part: Buckets, ascending: bool
) -> Iterator[tuple[int, int]]:
    table, where = _counters(dialect, filter, part)
    rows = db.execute(
        f"""
        SELECT bucket, sum(n) FROM {table.text}
        WHERE {where.text}
        GROUP BY bucket
        ORDER BY bucket {'ASC' if ascending else 'DESC'}
        """,
        [*table.parameters, *where.parameters],
    )
    return ((bucket, int(n)) for bucket, n in rows)


def _in_buckets(part: Buckets) -> SQL:
    return SQL('grain = ? AND bucket BETWEEN ? AND ?', part.grain // MINUTE, part.first, part.last)


def _counters(dialect: Dialect, filter: Filter, part: Buckets) -> tuple[SQL, SQL]:
    """Return the table of counters for *filter*, and the condition on it."""
    where = counter_conditions(dialect, replace(filter, names=()), _in_buckets(part))
    if not filter.names:
        return SQL('count_by_level'), where
    # First the loggers, then the counters of each by their key: MySQL would read all of them.
    loggers = join('(SELECT id FROM logger WHERE {}) AS wanted', name_condition(dialect, filter))
    return join(f'{{}} {dialect.then_counters} ON logger = wanted.id', loggers), where
