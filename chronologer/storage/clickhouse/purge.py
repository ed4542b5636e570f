"""Deleting records, day by day, which are the partitions; ingestion goes on between them."""

from datetime import date

from chronologer.model import EPOCH, Filter
from chronologer.storage.bucket import DAY, Range
from chronologer.storage.clickhouse import schema
from chronologer.storage.clickhouse.connection import Connection
from chronologer.storage.clickhouse.dsn import Target
from chronologer.storage.clickhouse.render import conditions
from chronologer.storage.render import SQL, join

LAST_DAY = date(2100, 1, 1)  # has all later records, too, as that of 1970 has all earlier ones


def days(db: Connection, filter: Filter, span: Range) -> list[date]:
    """The days that have matching records."""
    where = conditions(filter, span)
    sql = f'SELECT DISTINCT day FROM record WHERE {where.text} ORDER BY day'
    return [day for (day,) in db.execute(sql, where.parameters)]


def purge_day(db: Connection, target: Target, filter: Filter, span: Range, day: date) -> int:
    """Delete the matching records of a day, and return their number."""
    where = join('{} AND {}', conditions(filter, span), SQL('day = ?', day.isoformat()))
    ((count,),) = db.execute(f'SELECT count() FROM record WHERE {where.text}', where.parameters)
    if count:
        alter = schema.fill(target, 'ALTER TABLE $local $on')
        if _is_whole(filter, span, day):
            db.command(f"{alter} DROP PARTITION '{day.isoformat()}'")
        else:
            db.command(f'{alter} DELETE WHERE {where.text}', where.parameters)
    return int(count)


def _is_whole(filter: Filter, span: Range, day: date) -> bool:
    """Whether all of a day is to be deleted."""
    low = (day - EPOCH.date()).days * DAY
    is_within = span.low <= low and low + DAY - 1 <= span.high and EPOCH.date() < day < LAST_DAY
    return is_within and Filter() == Filter(
        level=filter.level, names=filter.names, search=filter.search, query=filter.query
    )
