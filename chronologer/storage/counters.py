"""
Counters of the SQL storages, and the questions that they answer.

`count_by_level` serves every filter without a logger name, `count_by_logger` those with one: with
hundreds of loggers it is nearly as long as the log itself. Both are kept in the transaction that
writes or purges the records, so that they are exact.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chronologer.model import Filter, instant
from chronologer.storage.bucket import (
    DAY,
    HOUR,
    QUARTER,
    Buckets,
    Range,
    bucket_range,
    split,
    time_range,
)
from chronologer.storage.render import Renderer
from chronologer.storage.rows import insert_rows

MINUTE = 60 * 10**6  # microseconds; the unit of grains in the tables
NEAR = 1000  # records that are walked through sooner than counters are asked
IN_BUCKETS = 'grain = ? AND bucket BETWEEN ? AND ?'

# Grains of the two tables; the second is long enough without hours.
BY_LEVEL, BY_LOGGER = (DAY, HOUR, QUARTER), (DAY, QUARTER)
QUARTER_MINUTES, DAY_MINUTES, QUARTERS_A_DAY = QUARTER // MINUTE, DAY // MINUTE, DAY // QUARTER

Counts = Counter[tuple[int, int, int]]  # by logger, bucket and level
Sums = dict[tuple[int, ...], int]
Steps = dict[tuple[int, int], int]  # count by start (microseconds) and level


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the engines say differently; the rest of the SQL is the same for all of them."""

    records_by_ts: str  # the table of records, to be read by its index on ts
    records_by_id: str  # likewise, by id
    ts: str  # microseconds since the epoch, of a row
    at: str  # an instant to compare ts with, given in such microseconds
    renderer: Renderer  # of queries
    has_prefix: str  # whether a logger's name begins with a text, given its length and itself
    then_counters: str  # joins count_by_logger with loggers on its left, by its key, in this order
    add_to_n: str  # what an INSERT does to a counter that is there already


def add(db: Any, dialect: Dialect, counts: Counts) -> None:
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


def subtract(db: Any, dialect: Dialect, counts: Counts) -> None:
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


def condition(dialect: Dialect, filter: Filter) -> tuple[str, list[Any]]:
    """
    What *filter* asks but for time and search: SQL that continues a WHERE clause, and parameters.

    Counters can be asked it too, if there is no query.
    """
    clauses: list[str] = []
    parameters: list[Any] = []
    if filter.level is not None:
        clauses.append('AND level >= ?')
        parameters.append(filter.level)
    if filter.names:
        has_name, prefixes = name_condition(dialect, filter)
        clauses.append(f'AND logger IN (SELECT id FROM logger WHERE {has_name})')
        parameters += prefixes
    if filter.query is not None:
        renderer = dialect.renderer
        for part in (*renderer.hints(filter.query), renderer.render(filter.query)):
            clauses.append(f'AND {part.text}')
            parameters += part.parameters
    return ' '.join(clauses), parameters


def name_condition(dialect: Dialect, filter: Filter) -> tuple[str, list[Any]]:
    """Whether a logger's name is among those that *filter* admits."""
    has_prefix = ' OR '.join([dialect.has_prefix] * len(filter.names))
    return has_prefix, [value for prefix in filter.names for value in (len(prefix), prefix)]


def grains_of(filter: Filter) -> tuple[int, ...]:
    """The grains of the counters that answer *filter*; they know nothing of a query."""
    if filter.query is not None:
        return ()
    return BY_LOGGER if filter.names else BY_LEVEL


def total(db: Any, dialect: Dialect, filter: Filter, part: Buckets) -> int:
    """Count matching records in whole buckets."""
    table, names, where, parameters = _counters(dialect, filter)
    (count,) = db.execute(
        f"""
        SELECT coalesce(sum(n), 0) FROM {table}
        WHERE {IN_BUCKETS} {where}
        """,
        [*names, *_bounds(part), *parameters],
    ).fetchone()
    return int(count)


def steps(db: Any, dialect: Dialect, filter: Filter, part: Buckets, length: int) -> Steps:
    """Count matching records in whole buckets, per step of *length* µs and level."""
    table, names, where, parameters = _counters(dialect, filter)
    length //= part.grain
    start, count, group = 'bucket', 'n', ''
    if length > 1 or filter.names:  # else a counter is one of the sums already
        start = f'bucket - (bucket % {length} + {length}) % {length}'
        count, group = 'sum(n)', 'GROUP BY start, level'
    rows = db.execute(
        f"""
        SELECT {start} AS start, level, {count}
        FROM {table}
        WHERE {IN_BUCKETS} {where}
        {group}
        """,
        [*names, *_bounds(part), *parameters],
    )
    return {(start * part.grain, level): int(n) for start, level, n in rows}


def names(db: Any, dialect: Dialect, filter: Filter) -> Iterator[tuple[str, int]]:
    """Yield the loggers of matching records with their counts; a name may come more than once."""
    where, parameters = condition(dialect, filter)
    for part in split(time_range(filter), BY_LOGGER if filter.query is None else ()):
        ends: tuple[int, ...]
        if isinstance(part, Buckets):
            count, table, within, ends = 'sum(n)', 'count_by_logger', IN_BUCKETS, _bounds(part)
        else:
            count, table, ends = 'count(*)', dialect.records_by_ts, (part.low, part.high)
            within = f'ts BETWEEN {dialect.at} AND {dialect.at}'
        rows = db.execute(
            f"""
            SELECT name, n
            FROM (
                SELECT logger, {count} AS n FROM {table} WHERE {within} {where} GROUP BY logger
            ) AS counted JOIN logger ON logger.id = counted.logger
            """,
            [*ends, *parameters],
        )
        yield from ((name, int(n)) for name, n in rows.fetchall())


def count_rows(db: Any, dialect: Dialect, filter: Filter, span: Range) -> int:
    """Count matching records within *span* one by one."""
    where, parameters = condition(dialect, filter)
    (count,) = db.execute(
        f"""
        SELECT count(*) FROM {dialect.records_by_ts}
        WHERE ts BETWEEN {dialect.at} AND {dialect.at} {where}
        """,
        [span.low, span.high, *parameters],
    ).fetchone()
    return int(count)


def count_steps(db: Any, dialect: Dialect, filter: Filter, span: Range, length: int) -> Steps:
    """Count matching records within *span* one by one, per step of *length* µs and level."""
    where, parameters = condition(dialect, filter)
    rows = db.execute(
        f"""
        SELECT {dialect.ts} - ({dialect.ts} % ? + ?) % ? AS start, level, count(*)
        FROM {dialect.records_by_ts}
        WHERE ts BETWEEN {dialect.at} AND {dialect.at} {where}
        GROUP BY start, level
        """,
        [length, length, length, span.low, span.high, *parameters],
    )
    return {(start, level): n for start, level, n in rows}


def can_narrow(filter: Filter, right: int) -> bool:
    """Whether counters help to find the records up to offset *right*."""
    is_near = right < NEAR and filter.level is None and not filter.names
    return filter.query is None and not is_near


def narrow(
    db: Any, dialect: Dialect, filter: Filter, left: int, right: int, ascending: bool
) -> tuple[Range, int]:
    """
    Find the time range in which the matching records at offsets *left* to *right* lie.

    So that neither a deep offset nor a rare level walks through the records before it: counters
    are summed until they reach it. They know nothing of a query, whose records are looked for in
    the whole range.

    Returns:
        The range, and the offset of record *left* within it.
    """
    whole = time_range(filter)
    if not can_narrow(filter, right):
        return whole, left
    grains = grains_of(filter)
    first = _seek(db, dialect, filter, grains, left, ascending)
    if first is None:
        return Range(0, -1), 0
    start, seen, count = first
    if seen + count > right:
        return start, left - seen
    last = _seek(db, dialect, filter, grains, right, ascending)
    end = whole if last is None else last[0]
    span = Range(start.low, end.high) if ascending else Range(end.low, start.high)
    return span, left - seen


def _seek(
    db: Any, dialect: Dialect, filter: Filter, grains: Sequence[int], offset: int, ascending: bool
) -> tuple[Range, int, int] | None:
    """Find the part of time in which a record is, how many come before that, and are in it."""
    seen = 0
    table, names, where, parameters = _counters(dialect, filter)
    for part in split(time_range(filter), grains)[:: 1 if ascending else -1]:
        if isinstance(part, Range):
            count = count_rows(db, dialect, filter, part)
            if seen + count > offset:
                return part, seen, count
            seen += count
            continue
        buckets = db.execute(
            f"""
            SELECT bucket, sum(n) FROM {table}
            WHERE {IN_BUCKETS} {where}
            GROUP BY bucket
            ORDER BY bucket {'ASC' if ascending else 'DESC'}
            """,
            [*names, *_bounds(part), *parameters],
        )
        for bucket, count in buckets:
            if seen + count > offset:
                span = bucket_range(part.grain, bucket)
                if part.grain == QUARTER:
                    return span, seen, int(count)
                inner = filter.within(instant(span.low), instant(span.high))
                finer = [grain for grain in grains if grain < part.grain]
                found = _seek(db, dialect, inner, finer, offset - seen, ascending)
                assert found is not None
                return found[0], seen + found[1], found[2]
            seen += int(count)
    return None


def _bounds(part: Buckets) -> tuple[int, int, int]:
    return part.grain // MINUTE, part.first, part.last


def _counters(dialect: Dialect, filter: Filter) -> tuple[str, list[Any], str, list[Any]]:
    """The table of counters for *filter* with its parameters, and a condition with its own."""
    where, parameters = condition(dialect, replace(filter, names=()))
    if not filter.names:
        return 'count_by_level', [], where, parameters
    # First the loggers, then the counters of each by their key: MySQL would read all of them.
    has_name, names = name_condition(dialect, filter)
    loggers = f'(SELECT id FROM logger WHERE {has_name}) AS wanted'
    table = f'{loggers} {dialect.then_counters} ON logger = wanted.id'
    return table, names, where, parameters
