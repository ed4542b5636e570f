"""``/api/v1/record``: count records, list them, get one and those around it."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain

import cherrypy
import orjson

from chronologer.api.params import (
    FILTER,
    check_known,
    take_chars,
    take_cursor,
    take_fields,
    take_limit,
    take_offset,
    take_order,
)
from chronologer.api.respond import JSON
from chronologer.api.stream import json_array, json_parts, stream
from chronologer.api.timeline import count_buckets
from chronologer.errors import InputError, NotFoundError, shown
from chronologer.model import Filter, Record
from chronologer.parse import OFFSET_MAX
from chronologer.storage import Cursor, Storage
from chronologer.timeline import parse_zone

MAX_ROWS = 10_000  # in one listing
PAGE_ROWS, CONTEXT_ROWS = 100, 10  # unless told
MAX_CONTEXT = 1000  # records before or after one
MAX_BUCKETS = 4000  # in headers: clients and proxies take lines of 64 KiB


class RecordResource:
    """Counts, lists and gets records."""

    exposed = True
    takes_path = True  # of a record: its id; and what is asked of it

    def __init__(self, storage: Storage):
        self._storage = storage

    def GET(self, id: str | None = None, *rest: str, params: dict[str, str]) -> Iterable[bytes]:
        """Records by offset, by id or by page; or one whole record."""
        if id is not None:
            return self._get(id, *rest, params=params)
        if 'left' in params or 'right' in params:
            return self._range(params)
        return self._follow(params) if 'after_id' in params else self._page(params)

    def _range(self, params: dict[str, str]) -> Iterable[bytes]:
        """By offset, newest first, without ``logrec``."""
        filter = Filter.take(params)
        left, right = take_offset(params, 'left'), take_offset(params, 'right')
        chars = take_chars(params)
        check_known(params, 'left', 'right', 'chars', *FILTER)
        if right < left - 1:
            raise InputError(f'right: expected at least left - 1 = {left - 1}, got {right}')
        if right - left >= MAX_ROWS:
            raise InputError(
                f'right: at most {MAX_ROWS:,} records at once, got left={left} {right=}'
            )
        return json_array(self._storage.range(filter, left, right), chars=chars)

    def _follow(self, params: dict[str, str]) -> Iterable[bytes]:
        """
        After an id, oldest first: who remembers the last one misses none.

        ``X-Last-Id`` is as far as the listing has looked, if it has fewer records than it might.
        """
        filter = Filter.take(params)
        after_id = take_offset(params, 'after_id')
        limit = take_limit(params, 'limit', MAX_ROWS, PAGE_ROWS)
        fields, chars = take_fields(params), take_chars(params)
        check_known(params, 'after_id', 'limit', 'fields', 'chars', *FILTER)
        # Before the listing, which then has all up to it that match.
        cherrypy.response.headers['X-Last-Id'] = str(self._storage.last_id())
        records = self._storage.since(after_id, filter, limit, whole=bool(fields))
        return json_array(records, fields, chars)

    def _page(self, params: dict[str, str]) -> Iterable[bytes]:
        """From a cursor on, in either direction."""
        filter = Filter.take(params)
        cursor, ascending = take_cursor(params), take_order(params, 'desc')
        limit = take_limit(params, 'limit', MAX_ROWS, PAGE_ROWS)
        fields, chars = take_fields(params), take_chars(params)
        known = ('left', 'right', 'after_id', 'cursor', 'order', 'limit', 'fields', 'chars')
        check_known(params, *known, *FILTER)
        records = self._storage.page(filter, cursor, limit, ascending, whole=bool(fields))
        return json_array(records, fields, chars)

    def HEAD(self, id: str | None = None, *rest: str, params: dict[str, str]) -> Iterable[bytes]:
        """The number of records, or of those in each hour or day of a time zone."""
        if id is not None:
            return self._get(id, *rest, params=params)
        filter = Filter.take(params)
        group, timezone = params.pop('group', None), params.pop('timezone', None)
        check_known(params, 'group', 'timezone', *FILTER)
        headers = cherrypy.response.headers
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

    def POST(self, *_: str, params: dict[str, str]) -> None:
        """Stands for `RecordIngestion` in ``Allow``; reached by other spellings of its address."""
        raise NotFoundError('records are posted to /api/v1/record')

    def _get(self, id: str, *rest: str, params: dict[str, str]) -> Iterable[bytes]:
        is_id = id.isascii() and id.isdecimal() and len(id) <= 19 and int(id) <= OFFSET_MAX
        is_known = rest in ((), ('context',))
        if is_known and not rest:
            check_known(params)
        record = self._storage.get(int(id)) if is_id and is_known else None
        if record is None:
            raise NotFoundError(f'there is no record {shown("/".join((id, *rest)))}')
        if rest:
            return self._context(record, params)
        body = orjson.dumps(record.as_dict())
        headers = cherrypy.response.headers
        headers['Content-Type'] = JSON
        headers['Cache-Control'] = (
            'private, no-cache'  # kept, and shown again to who may still see it
        )
        headers['ETag'] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        cherrypy.lib.cptools.validate_etags()
        return [body]

    def _context(self, record: Record, params: dict[str, str]) -> Iterable[bytes]:
        """What was logged before and after a record, in the order of time."""
        assert record.id is not None
        before = take_limit(params, 'before', MAX_CONTEXT, CONTEXT_ROWS)
        after = take_limit(params, 'after', MAX_CONTEXT, CONTEXT_ROWS)
        filter = Filter.take(params)
        fields, chars = take_fields(params), take_chars(params)
        known = ('before', 'after', 'fields', 'chars', 'level', 'name', 'search', 'query')
        check_known(params, *known)
        cursor, whole = (record.ts, record.id), bool(fields)
        earlier = self._before(filter, cursor, before, whole)
        later = self._storage.page(filter, cursor, after, ascending=True, whole=whole)
        parts = chain(
            [b'{"before":'],
            json_parts(earlier, fields, chars),
            [b',"record":', orjson.dumps(record.as_dict()), b',"after":'],
            json_parts(later, fields, chars),
            [b'}'],
        )
        return stream(parts, JSON)

    def _before(self, filter: Filter, cursor: Cursor, limit: int, whole: bool) -> Iterator[Record]:
        """Records before a cursor in the order of time, without holding them all in memory."""
        first, count = None, 0
        for record in self._storage.page(filter, cursor, limit, whole=whole):
            first, count = record, count + 1
        if first is not None and first.id is not None:
            yield first
            place = first.ts, first.id
            yield from self._storage.page(filter, place, count - 1, ascending=True, whole=whole)
