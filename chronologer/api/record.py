"""``/api/v1/record``: list and count records. `chronologer.doors.record` accepts new records."""

from collections.abc import Iterable

import cherrypy

from chronologer.api.item import RecordContext, RecordItem
from chronologer.api.timeline import count_buckets
from chronologer.auth.identity import Role
from chronologer.errors import InputError
from chronologer.storage import Storage
from chronologer.timeline import parse_zone
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.params import (
    CHARS,
    CURSOR,
    FIELDS,
    FILTER,
    ORDER,
    filter_of,
    limit,
    offset,
    text,
)
from chronologer.web.respond import JSON
from chronologer.web.stream import json_array

MAX_ROWS = 10_000  # in one listing
MAX_BUCKETS = 4000  # in headers: clients and proxies accept lines of 64 KiB

# The ways to list, by the parameters that select them.
RANGE = Parameters(
    offset('left', 'offset of the first record, from 0, newest first'),
    offset('right', 'offset of the last record'),
    CHARS,
    *FILTER,
    key=('left', 'right'),
)
FOLLOW = Parameters(
    offset('after_id', 'records after this id, oldest first'),
    limit(MAX_ROWS, default=100),
    FIELDS,
    CHARS,
    *FILTER,
    key=('after_id',),
)
PAGE = Parameters(CURSOR, ORDER, limit(MAX_ROWS, default=100), FIELDS, CHARS, *FILTER)
COUNT = Parameters(
    text('group', 'count per hour, day or another length'),
    text('timezone', 'the IANA name of a time zone, required with group'),
    *FILTER,
)


class RecordResource:
    """Lists and counts records; single records are below it."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage
        self.items = {(): RecordItem(storage), ('context',): RecordContext(storage)}

    @takes(RANGE, FOLLOW, PAGE, role=Role.READER)
    def GET(self, *, params: Values) -> Iterable[bytes]:
        """A JSON array of records: by offset, after an id, or a page from a cursor."""
        if 'left' in params:
            return self._range(params)
        return self._follow(params) if 'after_id' in params else self._page(params)

    def _range(self, params: Values) -> Iterable[bytes]:
        """Return records by offset, newest first, without ``logrec``."""
        left, right = params['left'], params['right']
        if right < left - 1:
            raise InputError(f'right: expected at least left - 1 = {left - 1}, got {right}')
        if right - left >= MAX_ROWS:
            wanted = f'at most {MAX_ROWS:,} records in one listing'
            raise InputError(f'right: {wanted}, got left={left} {right=}')
        return json_array(
            self._storage.range(filter_of(params), left, right), chars=params['chars']
        )

    def _follow(self, params: Values) -> Iterable[bytes]:
        """
        Return records after an id, oldest first: a client that passes its last id misses none.

        ``X-Last-Id`` is the id up to which records were searched, if the listing is not full.
        """
        # Read before the listing, which then has every matching record up to it.
        cherrypy.response.headers['X-Last-Id'] = str(self._storage.last_id())
        fields = params['fields']
        records = self._storage.since(
            params['after_id'], filter_of(params), params['limit'], whole=bool(fields)
        )
        return json_array(records, fields, params['chars'])

    def _page(self, params: Values) -> Iterable[bytes]:
        """Return a page from a cursor, in either direction."""
        fields = params['fields']
        records = self._storage.page(
            filter_of(params),
            params['cursor'],
            params['limit'],
            ascending=params['order'] == 'asc',
            whole=bool(fields),
        )
        return json_array(records, fields, params['chars'])

    @takes(COUNT, role=Role.READER)
    def HEAD(self, *, params: Values) -> Iterable[bytes]:
        """The number of records in a header, or the numbers by hour or day of a time zone."""
        filter, group, timezone = filter_of(params), params['group'], params['timezone']
        headers = cherrypy.response.headers
        headers['Content-Type'] = JSON  # as GET has
        headers['Cache-Control'] = 'no-cache'
        if group is None:
            if timezone is not None:
                parse_zone(timezone)
            headers['X-Record-Count'] = str(self._storage.count(filter))
        elif timezone is None:
            raise InputError('timezone: required with group, such as timezone=UTC')
        else:
            zone = parse_zone(timezone)
            buckets = count_buckets(self._storage, filter, group, zone, MAX_BUCKETS)
            counts = [sum(levels.values()) for levels in buckets.values()]
            headers['X-Record-Group'] = ','.join(map(str, buckets))
            headers['X-Record-Count'] = ','.join(map(str, counts))
        return []
