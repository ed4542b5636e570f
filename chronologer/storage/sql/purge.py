"""Deletes records in small transactions, from counters and the search index too."""

import math
from collections import Counter
from itertools import islice

from chronologer.model import Filter
from chronologer.storage.bucket import QUARTER, time_range
from chronologer.storage.database import Connection
from chronologer.storage.sql import counters
from chronologer.storage.sql.dialect import RowDialect
from chronologer.storage.sql.index import Unindexed
from chronologer.storage.sql.index.find import Find
from chronologer.storage.sql.index.needle import Needle
from chronologer.storage.sql.index.table import remove
from chronologer.storage.sql.where import conditions, has_id, within

SLICE = 2000  # records deleted in one transaction


def purge_slice(db: Connection, dialect: RowDialect, unindexed: Unindexed, filter: Filter) -> int:
    """Delete some of the matching records; return their number, which is 0 if there are no more."""
    # This waits for other transactions. An id is used up, which shows other processes that records
    # were purged.
    dialect.take_ids(db, 1)
    ids = _some_ids(db, dialect, unindexed, filter)
    if ids:
        which = has_id(ids)
        rows = db.execute(
            f'SELECT {dialect.ts}, level, logger FROM record WHERE {which.text}', which.parameters
        )
        counts = Counter((logger, ts // QUARTER, level) for ts, level, logger in rows.fetchall())
        db.execute(f'DELETE FROM record WHERE {which.text}', which.parameters)
        counters.subtract(db, dialect, counts)
        remove(db, dialect, ids)
    return len(ids)


def _some_ids(
    db: Connection, dialect: RowDialect, unindexed: Unindexed, filter: Filter
) -> list[int]:
    if needle := Needle.of(filter):
        find = Find(db, dialect, unindexed, filter, needle, math.inf)
        return [id for _, id in islice(find.by_time(ascending=True), SLICE)]
    where = conditions(dialect, filter, within(dialect, time_range(filter)))
    ids = db.execute(
        f"""
        SELECT id FROM {dialect.records_by_ts}
        WHERE {where.text}
        ORDER BY ts, id
        LIMIT ?
        """,
        [*where.parameters, SLICE],
    ).fetchall()
    return [id for (id,) in ids]
