"""``/api/v1/record/{id}`` and ``…/context``: one whole record, and the records around it."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from itertools import chain

import cherrypy
import orjson

from chronologer.auth.identity import Role
from chronologer.errors import NotFoundError, QueryTimeoutError, shown
from chronologer.model import Filter, Record
from chronologer.parse import OFFSET_MAX
from chronologer.storage import Cursor, Storage
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.params import CHARS, FIELDS, MATCH, integer, match_of
from chronologer.web.respond import JSON
from chronologer.web.stream import json_parts, stream

MAX_CONTEXT = 1000  # records before or after one
CONTEXT = Parameters(
    integer('before', 0, MAX_CONTEXT, 'the number of records before it', 10),
    integer('after', 0, MAX_CONTEXT, 'the number of records after it', 10),
    FIELDS,
    CHARS,
    *MATCH,
)


class RecordItem:
    """Gets one record."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    @takes(Parameters(), role=Role.READER)
    def GET(self, id: str, *, params: Values) -> Iterable[bytes]:
        """The whole record, with an ETag: records never change."""
        body = orjson.dumps(find_record(self._storage, id).as_dict())
        headers = cherrypy.response.headers
        headers['Content-Type'] = JSON
        # A browser stores it, and revalidates it each time.
        headers['Cache-Control'] = 'private, no-cache'
        headers['ETag'] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        cherrypy.lib.cptools.validate_etags()
        return [body]


class RecordContext:
    """Gets one record and those around it."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    @takes(CONTEXT, role=Role.READER)
    def GET(self, id: str, *, params: Values) -> Iterable[bytes]:
        """``{"before": […], "record": …, "after": […]}``, each list in the order of time."""
        record = find_record(self._storage, id)
        assert record.id is not None
        filter, fields, chars = match_of(params), params['fields'], params['chars']
        cursor, whole = (record.ts, record.id), bool(fields)
        time_left = TimeLeft(self._storage.query_timeout)
        earlier = time_left.of(self._before(filter, cursor, params['before'], whole))
        page = self._storage.page(filter, cursor, params['after'], ascending=True, whole=whole)
        later = time_left.of(page)
        parts = chain(
            [b'{"before":'],
            json_parts(earlier, fields, chars),
            [b',"record":', orjson.dumps(record.as_dict()), b',"after":'],
            json_parts(later, fields, chars),
            [b'}'],
        )
        return stream(parts, JSON)

    def _before(self, filter: Filter, cursor: Cursor, limit: int, whole: bool) -> Iterator[Record]:
        """Yield records before a cursor in the order of time, without all of them in memory."""
        first, count = None, 0
        for record in self._storage.page(filter, cursor, limit, whole=whole):
            first, count = record, count + 1
        if first is not None and first.id is not None:
            yield first
            start = first.ts, first.id
            yield from self._storage.page(filter, start, count - 1, ascending=True, whole=whole)


class TimeLeft:
    """Limits the time that several queries take, without that of who reads their records."""

    def __init__(self, seconds: float):
        self._seconds = self._left = seconds

    def of(self, records: Iterator[Record]) -> Iterator[Record]:
        """
        Yield records.

        Raises:
            QueryTimeoutError: Finding them takes too long; one query ends in time by itself.
        """
        while True:
            start = time.monotonic()
            record = next(records, None)
            self._left -= time.monotonic() - start
            if record is None:
                return
            if self._left < 0:
                raise QueryTimeoutError(self._seconds)
            yield record


def find_record(storage: Storage, id: str) -> Record:
    """
    Return the record whose id is a segment of the path.

    Raises:
        NotFoundError: There is no such record, or the segment is no id.
    """
    is_id = id.isascii() and id.isdecimal() and len(id) <= 19 and int(id) <= OFFSET_MAX
    record = storage.get(int(id)) if is_id else None
    if record is None:
        raise NotFoundError(f'there is no record {shown(id)}')
    return record
