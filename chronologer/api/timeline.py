"""``/api/v1/timeline``: how many records there were, when, and how bad."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import cherrypy
import orjson

from chronologer.api.params import FILTER, check_known
from chronologer.api.respond import JSON
from chronologer.model import MICROSECOND, Filter
from chronologer.storage import Storage
from chronologer.timeline import DAY, choose_group, choose_step, fold, parse_group, parse_zone

MAX_BUCKETS = 2000
AUTO_BUCKETS = 120  # about as many as ``group=auto`` makes

Buckets = dict[int, dict[int, int]]  # start in seconds since the epoch -> level -> count


class TimelineResource:
    """Counts per bucket and level."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"group", "timezone", "buckets": [{"start", "count", "levels"}]}``, ascending."""
        filter = Filter.take(params)
        group, timezone = params.pop('group', 'auto'), params.pop('timezone', 'UTC')
        check_known(params, 'group', 'timezone', *FILTER)
        zone = parse_zone(timezone)
        if group == 'auto':
            group = choose_group(self._duration(filter), AUTO_BUCKETS)
        buckets = count_buckets(self._storage, filter, group, zone, MAX_BUCKETS)
        cherrypy.response.headers['Content-Type'] = JSON
        cherrypy.response.headers['Cache-Control'] = 'no-cache'
        answer = {
            'group': group,
            'timezone': str(zone),
            'buckets': [
                {'start': start, 'count': sum(levels.values()), 'levels': levels}
                for start, levels in buckets.items()
            ],
        }
        return orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS)

    def _duration(self, filter: Filter) -> int:
        """Seconds from the first to the last matching record, at least about."""
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
        InputError: There is no such group, or there are more than *limit* buckets.
    """
    kind = parse_group(group)
    step = choose_step(kind, zone)

    def by_second(start: datetime) -> list[tuple[datetime, int, int]]:
        cut = filter.within(start, start + (step - MICROSECOND))
        return storage.timeline(cut, timedelta(seconds=1))

    counts = storage.timeline(filter, step)
    buckets = fold(counts, kind, step, zone, by_second, limit)
    return {start: dict(levels) for start, levels in buckets.items()}
