"""``/api/v1/timeline``: counts of records by time and level."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chronologer.auth.identity import Role
from chronologer.model import MICROSECOND, Filter
from chronologer.storage import Storage
from chronologer.timeline import DAY, choose_interval, choose_step, fold, parse_interval, parse_zone
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.params import FILTER, filter_of, text
from chronologer.web.respond import json_answer

MAX_BUCKETS = 2000
AUTO_BUCKETS = 120  # about the number of buckets of ``group=auto``

TIMELINE = Parameters(
    text('group', 'the length of a bucket: auto, second to 100year', default='auto'),
    text('timezone', 'the IANA name of a time zone', default='UTC'),
    *FILTER,
)

Buckets = dict[int, dict[int, int]]  # start in seconds since the epoch -> level -> count


class TimelineResource:
    """Counts per bucket and level."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    @takes(TIMELINE, role=Role.READER)
    def GET(self, *, params: Values) -> bytes:
        """``{"group", "timezone", "buckets": [{"start", "count", "levels"}]}``, ascending."""
        filter, group = filter_of(params), params['group']
        zone = parse_zone(params['timezone'])
        if group == 'auto':
            group = choose_interval(self._duration(filter), AUTO_BUCKETS)
        buckets = count_buckets(self._storage, filter, group, zone, MAX_BUCKETS)
        return json_answer(
            {
                'group': group,
                'timezone': str(zone),
                'buckets': [
                    {'start': start, 'count': sum(levels.values()), 'levels': levels}
                    for start, levels in buckets.items()
                ],
            }
        )

    def _duration(self, filter: Filter) -> int:
        """Return the approximate seconds from the first to the last matching record."""
        days = [start for start, *_ in self._storage.timeline(filter, timedelta(seconds=DAY))]
        if not days:
            return 0
        last = days[-1] + (timedelta(seconds=DAY) - MICROSECOND)
        low = days[0] if filter.after is None else max(days[0], filter.after)
        high = last if filter.before is None else min(last, filter.before)
        return (high - low) // timedelta(seconds=1)


def count_buckets(
    storage: Storage, filter: Filter, group: str, zone: ZoneInfo, limit: int
) -> Buckets:
    """
    Count matching records per bucket of a zone's wall-clock time, and per level.

    Raises:
        InputError: There is no such interval, or there are more than *limit* buckets.
    """
    interval = parse_interval(group)
    step = choose_step(interval, zone)

    def by_second(start: datetime) -> list[tuple[datetime, int, int]]:
        cut = filter.within(start, start + (step - MICROSECOND))
        return storage.timeline(cut, timedelta(seconds=1))

    counts = storage.timeline(filter, step)
    buckets = fold(counts, interval, step, zone, by_second, limit)
    return {start: dict(levels) for start, levels in buckets.items()}
