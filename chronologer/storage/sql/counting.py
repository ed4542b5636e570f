"""Counts, from counters where they can answer, and else from the rows of records."""

from collections import Counter
from collections.abc import Iterator

from chronologer.model import Filter
from chronologer.storage.bucket import Buckets, Range, split, time_range
from chronologer.storage.database import Connection
from chronologer.storage.render import join
from chronologer.storage.sql import counters
from chronologer.storage.sql.counters import Steps
from chronologer.storage.sql.dialect import RowDialect
from chronologer.storage.sql.where import conditions, within


def count(db: Connection, dialect: RowDialect, filter: Filter) -> int:
    """Count matching records."""
    return sum(
        counters.total(db, dialect, filter, part)
        if isinstance(part, Buckets)
        else _count_rows(db, dialect, filter, part)
        for part in split(time_range(filter), counters.grains_of(filter))
    )


def count_steps(
    db: Connection, dialect: RowDialect, filter: Filter, length: int
) -> Counter[tuple[int, int]]:
    """Count matching records per step of *length* µs, by its start (µs), and level."""
    counts: Counter[tuple[int, int]] = Counter()
    grains = [grain for grain in counters.grains_of(filter) if length % grain == 0]
    for part in split(time_range(filter), grains):
        counts.update(
            counters.steps(db, dialect, filter, part, length)
            if isinstance(part, Buckets)
            else _row_steps(db, dialect, filter, part, length)
        )
    return counts


def count_names(db: Connection, dialect: RowDialect, filter: Filter) -> Iterator[tuple[str, int]]:
    """Yield the loggers of matching records with their counts; a name may come more than once."""
    grains = counters.BY_LOGGER if filter.query is None else ()
    for part in split(time_range(filter), grains):
        yield from (
            counters.names(db, dialect, filter, part)
            if isinstance(part, Buckets)
            else _row_names(db, dialect, filter, part)
        )


def narrow(
    db: Connection, dialect: RowDialect, filter: Filter, left: int, right: int, ascending: bool
) -> tuple[Range, int]:
    """Find the time range of the matching records at some offsets; see `counters.narrow`."""
    return counters.narrow(
        db,
        dialect,
        filter,
        left,
        right,
        ascending,
        count=lambda span: _count_rows(db, dialect, filter, span),
    )


def _count_rows(db: Connection, dialect: RowDialect, filter: Filter, span: Range) -> int:
    where = conditions(dialect, filter, within(dialect, span))
    (count,) = db.execute(
        f'SELECT count(*) FROM {dialect.records_by_ts} WHERE {where.text}', where.parameters
    ).fetchone()
    return int(count)


def _row_steps(
    db: Connection, dialect: RowDialect, filter: Filter, span: Range, length: int
) -> Steps:
    where = conditions(dialect, filter, within(dialect, span))
    rows = db.execute(
        f"""
        SELECT {dialect.ts} - ({dialect.ts} % ? + ?) % ? AS start, level, count(*)
        FROM {dialect.records_by_ts}
        WHERE {where.text}
        GROUP BY start, level
        """,
        [length, length, length, *where.parameters],
    )
    return {(start, level): n for start, level, n in rows}


def _row_names(
    db: Connection, dialect: RowDialect, filter: Filter, span: Range
) -> Iterator[tuple[str, int]]:
    where = conditions(dialect, filter, within(dialect, span))
    rows = f'SELECT logger, count(*) AS n FROM {dialect.records_by_ts}'
    return counters.with_names(db, join(f'{rows} WHERE {{}} GROUP BY logger', where))
