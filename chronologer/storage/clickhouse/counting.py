"""
Counts, from projections where they can answer, and else from the records.

A projection has, for each part of the table, the numbers of its records by level and bucket of 15
minutes, and by name, too. It answers only statements on these columns. Parts of buckets at the ends
of a time range, and records that match a search or a query, are counted one by one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from chronologer.model import Filter
from chronologer.storage.bucket import ALL_TIME, QUARTER, Buckets, Range, bucket_range, split
from chronologer.storage.clickhouse.connection import Connection
from chronologer.storage.clickhouse.render import conditions
from chronologer.storage.render import SQL, join

Steps = Counter[tuple[int, int]]  # count by start (microseconds) and level

ALL_BUCKETS = split(ALL_TIME, [QUARTER])[0]
# For short queries: to distribute them to several threads doubles the time.
QUICKLY = 'SETTINGS max_threads = 1'
# Records in the first stretch of a search, and how many times as many there are in each next one.
STRETCH, GROWTH, STRETCHES = 2**19, 32, 5


def count(db: Connection, filter: Filter, span: Range) -> int:
    """Count matching records."""
    total = 0
    for part in _parts(filter, span):
        where = _within(filter, part)
        sql = f'SELECT count() FROM record WHERE {where.text} {_quickly(filter, part)}'
        total += db.execute(sql, where.parameters).fetchone()[0]
    return total


def count_steps(db: Connection, filter: Filter, span: Range, length: int) -> Steps:
    """Count matching records per step of *length* µs and level."""
    steps: Steps = Counter()
    for part in _parts(filter, span, length):
        column, unit = ('bucket', QUARTER) if isinstance(part, Buckets) else ('ts', 1)
        where = _within(filter, part)
        rows = db.execute(
            f"""
            SELECT {column} - positiveModulo({column}, ?) AS start, level, count()
            FROM record WHERE {where.text}
            GROUP BY start, level
            {_quickly(filter, part)}
            """,
            [length // unit, *where.parameters],
        )
        steps.update({(int(start) * unit, level): n for start, level, n in rows})
    return steps


def count_names(db: Connection, filter: Filter, span: Range) -> Counter[str]:
    """Count matching records by the names of their loggers."""
    names: Counter[str] = Counter()
    for part in _parts(filter, span):
        where = _within(filter, part)
        sql = f'SELECT name, count() FROM record WHERE {where.text} GROUP BY name'
        names.update(dict(db.execute(sql, where.parameters).fetchall()))
    return names


def narrow(
    db: Connection, filter: Filter, span: Range, left: int, right: int, ascending: bool
) -> tuple[Range, int]:
    """
    Find the time range in which the matching records at offsets *left* to *right* lie.

    Returns:
        The range, and the offset of record *left* within it.
    """
    counted = []
    for part in _parts(filter, span):
        by_bucket = 'SELECT bucket, count() AS n FROM record WHERE {} GROUP BY bucket'
        counted.append(join(by_bucket, _within(filter, part)))
    buckets = join(' UNION ALL '.join(['{}'] * len(counted)), *counted)
    order = 'ASC' if ascending else 'DESC'
    first, last, before = db.execute(
        f"""
        SELECT min(bucket), max(bucket), min(upto - n)
        FROM (
            SELECT bucket, sum(n) AS n, sum(n) OVER (ORDER BY bucket {order}) AS upto
            FROM ({buckets.text})
            GROUP BY bucket
        )
        WHERE upto > ? AND upto - n <= ?
        HAVING count() > 0
        {'' if filter.names else QUICKLY}
        """,
        [*buckets.parameters, left, right],
    ).fetchone() or (0, -1, left)
    if first > last:
        return Range(0, -1), 0
    low, high = bucket_range(QUARTER, first).low, bucket_range(QUARTER, last).high
    return Range(max(span.low, low), min(span.high, high)), left - int(before)


def stretches(db: Connection, span: Range, ascending: bool) -> Iterator[Range]:
    """
    Divide a time range into the stretches of a search, in order.

    A page of frequent matches is found in the first stretch, so that its time does not depend on
    the size of the log.
    """
    ((total,),) = db.execute('SELECT count() FROM record')
    if total < 2 * STRETCH:
        yield span
        return
    order, edge = ('ASC', 'max') if ascending else ('DESC', 'min')
    limits = [STRETCH * GROWTH**power for power in range(STRETCHES)]
    edges = db.execute(
        f"""
        SELECT {edge}(bucket)
        FROM (
            SELECT bucket, sum(n) OVER (ORDER BY bucket {order}) AS upto
            FROM (
                SELECT bucket, count() AS n FROM record
                WHERE bucket BETWEEN ? AND ?
                GROUP BY bucket
            )
        )
        GROUP BY arrayCount(limit -> upto > limit, ?) AS number
        ORDER BY number
        {QUICKLY}
        """,
        (span.low // QUARTER, span.high // QUARTER, limits),
    )
    low, high = span.low, span.high
    for (bucket,) in edges.fetchall()[:-1]:
        border = bucket_range(QUARTER, bucket)
        if ascending:
            yield Range(low, border.high)
            low = border.high + 1
        else:
            yield Range(border.low, high)
            high = border.low - 1
    yield Range(low, high)


def _parts(filter: Filter, span: Range, step: int = QUARTER) -> Sequence[Range | Buckets]:
    """Return the parts of a time range that projections can answer, and the rest."""
    has_text = filter.search is not None or filter.query is not None
    has_counts = not has_text and step % QUARTER == 0
    return split(span, [QUARTER] if has_counts else [])


def _quickly(filter: Filter, part: Range | Buckets) -> str:
    return QUICKLY if isinstance(part, Buckets) and not filter.names else ''


def _within(filter: Filter, part: Range | Buckets) -> SQL:
    if isinstance(part, Range):
        return conditions(filter, part)
    if part == ALL_BUCKETS:
        return conditions(filter)
    within = SQL('bucket BETWEEN ? AND ?', part.first, part.last)
    return join('{} AND {}', within, conditions(filter))
