"""
Deletes records. A day, which is a partition, is dropped if all of its records are to be deleted.

ClickHouse rewrites other days, which costs a second or more. Records can be inserted meanwhile.
"""

from datetime import date

from chronologer.model import EPOCH, Filter
from chronologer.storage.bucket import DAY, Range
from chronologer.storage.clickhouse import schema
from chronologer.storage.clickhouse.connection import Connection
from chronologer.storage.clickhouse.dsn import Target
from chronologer.storage.clickhouse.render import conditions
from chronologer.storage.render import SQL, join

FIRST_DAY, LAST_DAY = EPOCH.date(), date(2100, 1, 1)  # also have all records before or after


def whole_days(db: Connection, filter: Filter, span: Range) -> list[date]:
    """Return the days of which all records are to be deleted."""
    if filter != Filter(after=filter.after, before=filter.before):
        return []
    where = conditions(filter, span)
    rows = db.execute(f'SELECT DISTINCT day FROM record WHERE {where.text}', where.parameters)
    return [day for (day,) in rows if _is_whole(span, day)]


def _is_whole(span: Range, day: date) -> bool:
    low = (day - FIRST_DAY).days * DAY
    return FIRST_DAY < day < LAST_DAY and span.low <= low and low + DAY - 1 <= span.high


def drop_day(db: Connection, target: Target, day: date) -> int:
    """Delete all records of a day; return their number, exact if no other process writes."""
    count = _count(db, SQL('day = ?', day.isoformat()))
    alter = schema.fill(target, 'ALTER TABLE $local $on')
    db.command(f"{alter} DROP PARTITION '{day.isoformat()}'")
    return count


def delete(db: Connection, target: Target, filter: Filter, span: Range, last_id: int) -> int:
    """Delete the matching records up to an id, below which no more records are written."""
    where = join('{} AND {}', conditions(filter, span), SQL('id <= ?', last_id))
    count = _count(db, where)
    if count:
        alter = schema.fill(target, 'ALTER TABLE $local $on')
        db.command(f'{alter} DELETE WHERE {where.text}', where.parameters)
    return count


def _count(db: Connection, where: SQL) -> int:
    ((count,),) = db.execute(f'SELECT count() FROM record WHERE {where.text}', where.parameters)
    return int(count)
