"""
Counters of the SQL storages, and the questions that they answer.

`count_by_level` serves every filter without a logger name, `count_by_logger` those with one: with
hundreds of loggers it is nearly as long as the log itself. Both are kept in the transaction that
writes or purges the records, so that they are exact.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chronologer.model import Filter
from chronologer.storage.bucket import (
    BUCKET_MICROSECONDS,
    Range,
    Split,
    bucket_range,
    split,
    time_range,
)
from chronologer.storage.render import Renderer

Counts = Counter[tuple[int, int, int]]  # by logger, bucket and level
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
    add_to_n: str  # what an INSERT does to a counter that is there already


def add(db: Any, dialect: Dialect, counts: Counts) -> None:
    """Count records that are being written."""
    db.executemany(
        f"""
        INSERT INTO count_by_logger (logger, bucket, level, n)
        VALUES (?, ?, ?, ?)
        {dialect.add_to_n}
        """,
        [(*key, n) for key, n in sorted(counts.items())],
    )
    by_level: Counter[tuple[int, int]] = Counter()
    for (_, bucket, level), n in counts.items():
        by_level[bucket, level] += n
    db.executemany(
        f"""
        INSERT INTO count_by_level (bucket, level, n)
        VALUES (?, ?, ?)
        {dialect.add_to_n}
        """,
        [(*key, n) for key, n in sorted(by_level.items())],
    )


def subtract(db: Any, dialect: Dialect, counts: Counts) -> None:
    """Uncount records that are being purged."""
    add(db, dialect, Counter({key: -n for key, n in counts.items()}))
    db.executemany(
        'DELETE FROM count_by_logger WHERE logger = ? AND bucket = ? AND level = ? AND n = 0',
        sorted(counts),
    )
    db.executemany(
        'DELETE FROM count_by_level WHERE bucket = ? AND level = ? AND n = 0',
        sorted({(bucket, level) for _, bucket, level in counts}),
    )


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


def total(db: Any, dialect: Dialect, filter: Filter, part: Split) -> int:
    """Count matching records in whole buckets."""
    where, parameters = condition(dialect, filter)
    (count,) = db.execute(
        f"""
        SELECT coalesce(sum(n), 0) FROM {_table(filter)}
        WHERE bucket BETWEEN ? AND ? {where}
        """,
        [part.first, part.last, *parameters],
    ).fetchone()
    return int(count)


def steps(db: Any, dialect: Dialect, filter: Filter, part: Split, length: int) -> Steps:
    """Count matching records in whole buckets, per step of *length* buckets and level."""
    where, parameters = condition(dialect, filter)
    rows = db.execute(
        f"""
        SELECT bucket - (bucket % ? + ?) % ? AS start, level, sum(n)
        FROM {_table(filter)}
        WHERE bucket BETWEEN ? AND ? {where}
        GROUP BY start, level
        """,
        [length, length, length, part.first, part.last, *parameters],
    )
    return {(start * BUCKET_MICROSECONDS, level): int(n) for start, level, n in rows}


def names(db: Any, dialect: Dialect, filter: Filter, part: Split) -> Iterator[tuple[str, int]]:
    """Yield the loggers of matching records with their counts; a name may come twice."""
    where, parameters = condition(dialect, filter)
    sources = [('count_by_logger', 'sum(n)', 'bucket BETWEEN ? AND ?', (part.first, part.last))]
    in_time = f'ts BETWEEN {dialect.at} AND {dialect.at}'
    sources += [
        (dialect.records_by_ts, 'count(*)', in_time, (edge.low, edge.high)) for edge in part.edges
    ]
    for table, count, within, ends in sources[0 if part.has_buckets else 1 :]:
        yield from db.execute(
            f"""
            SELECT name, n
            FROM (
                SELECT logger, {count} AS n FROM {table} WHERE {within} {where} GROUP BY logger
            ) AS counted JOIN logger ON logger.id = counted.logger
            """,
            [*ends, *parameters],
        ).fetchall()


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


def narrow(
    db: Any, dialect: Dialect, filter: Filter, left: int, right: int, ascending: bool
) -> tuple[Range, int]:
    """
    Find the time range in which the matching records at offsets *left* to *right* lie.

    So that neither a deep offset nor a rare level walks through the records before it: counters
    are summed from the newest bucket down, or the oldest up, until both ends are reached. They know
    nothing of a query, whose records are looked for in the whole range.

    Returns:
        The range, and the offset of record *left* within it.
    """
    whole = time_range(filter)
    if filter.query is not None:
        return whole, left
    first = last = None
    seen = offset = 0
    for span, count in _spans(db, dialect, filter, ascending):
        if first is None and seen + count > left:
            first, offset = span, left - seen
        if count:
            last, seen = span, seen + count
        if seen > right:
            break
    if first is None or last is None:
        return Range(0, -1), 0
    return Range(min(first.low, last.low), max(first.high, last.high)), offset


def _spans(
    db: Any, dialect: Dialect, filter: Filter, ascending: bool
) -> Iterator[tuple[Range, int]]:
    """Yield the edges and buckets of the filter's time range with their counts, in order."""
    part = split(time_range(filter))
    where, parameters = condition(dialect, filter)
    first, last = (part.lower, part.upper) if ascending else (part.upper, part.lower)
    if first:
        yield first, count_rows(db, dialect, filter, first)
    buckets = db.execute(
        f"""
        SELECT bucket, sum(n) FROM {_table(filter)}
        WHERE bucket BETWEEN ? AND ? {where}
        GROUP BY bucket
        ORDER BY bucket {'ASC' if ascending else 'DESC'}
        """,
        [part.first, part.last, *parameters],
    )
    for bucket, count in buckets:
        yield bucket_range(bucket), int(count)
    if last:
        yield last, count_rows(db, dialect, filter, last)


def _table(filter: Filter) -> str:
    return 'count_by_logger' if filter.names else 'count_by_level'
