"""``/api/v1/record``: post records, count them, list them, get one."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from threading import Lock
from typing import Any

import cherrypy
import orjson

from chronologer.api.params import FILTER, check_known, parse_query_string, take_offset
from chronologer.api.respond import JSON, error_response, status_line
from chronologer.api.timeline import count_buckets
from chronologer.auth import BasicAuth
from chronologer.errors import (
    AuthenticationError,
    InputError,
    LengthRequiredError,
    LimitError,
    MediaTypeError,
    NotFoundError,
    StorageBusyError,
    shown,
)
from chronologer.ingest.logrecord import decode_form
from chronologer.ingest.writer import Writer
from chronologer.model import Filter, Record
from chronologer.parse import OFFSET_MAX, parse_integer
from chronologer.storage import Storage
from chronologer.timeline import parse_zone

FORM = 'application/x-www-form-urlencoded'

MAX_ROWS = 10_000  # in one listing
MAX_BUCKETS = 4000  # in headers: clients and proxies take lines of 64 KiB
MAX_DRAIN = 64 * 2**20  # bytes of a refused body that are read, so that the sender sees the answer
MAX_BODIES = 64 * 2**20  # bytes of all bodies that are being decoded and stored
CHUNK = 64 * 2**10  # bytes


class RecordResource:
    """Counts, lists and gets records."""

    exposed = True
    takes_path = True  # of a record: its id

    def __init__(self, storage: Storage):
        self._storage = storage

    def GET(self, id: str | None = None, *rest: str, params: dict[str, str]) -> Iterable[bytes]:
        """A page of records, newest first, without ``logrec``; or one whole record."""
        if id is not None:
            return self._get(id, *rest, params=params)
        filter = Filter.take(params)
        if 'after_id' in params:
            return self._follow(filter, params)
        left, right = take_offset(params, 'left'), take_offset(params, 'right')
        check_known(params, 'left', 'right', 'after_id', 'limit', *FILTER)
        if right < left - 1:
            raise InputError(f'right: expected at least left - 1 = {left - 1}, got {right}')
        if right - left >= MAX_ROWS:
            raise InputError(
                f'right: at most {MAX_ROWS:,} records at once, got left={left} {right=}'
            )
        return _json_array(self._storage.range(filter, left, right))

    def _follow(self, filter: Filter, params: dict[str, str]) -> Iterable[bytes]:
        """Records after an id, oldest first: who remembers the last one misses none."""
        after_id = take_offset(params, 'after_id')
        limit = take_offset(params, 'limit')
        check_known(params, 'after_id', 'limit', *FILTER)
        if limit > MAX_ROWS:
            raise InputError(f'limit: at most {MAX_ROWS:,} records at once, got {limit}')
        return _json_array(self._storage.since(after_id, filter, limit))

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
        check_known(params)
        is_id = id.isascii() and id.isdecimal() and len(id) <= 19 and int(id) <= OFFSET_MAX
        record = self._storage.get(int(id)) if is_id and not rest else None
        if record is None:
            raise NotFoundError(f'there is no record {shown("/".join((id, *rest)))}')
        body = orjson.dumps(record.as_dict())
        headers = cherrypy.response.headers
        headers['Content-Type'] = JSON
        headers['Cache-Control'] = 'private, max-age=3600, immutable'
        headers['ETag'] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        cherrypy.lib.cptools.validate_etags()
        return [body]


class RecordIngestion:
    """
    The WSGI callable that takes ``POST /api/v1/record``.

    Answers 201 with the record once it is committed.
    """

    def __init__(self, writer: Writer, auth: BasicAuth, max_request_bytes: int):
        self._writer = writer
        self._auth = auth
        self._max_request_bytes = max_request_bytes
        self._bodies = Budget(MAX_BODIES)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            record = self._store(environ)
        except Exception as ex:
            if not isinstance(ex, AuthenticationError):  # who is nobody shall not keep a thread
                _drain(environ)
            status, headers, body = error_response(ex, 'POST')
        else:
            status, body = status_line(201), orjson.dumps(record.as_dict())
            headers = [('Content-Type', JSON), ('Content-Length', str(len(body)))]
        start_response(status, headers)
        return [body]

    def _store(self, environ: dict[str, Any]) -> Record:
        self._auth.check(environ.get('HTTP_AUTHORIZATION'))
        check_known(parse_query_string(environ.get('QUERY_STRING', '')))
        _check_format(environ)
        length = _body_length(environ, self._max_request_bytes)
        with self._bodies.take(length):
            record = decode_form(_read_body(environ, length))
            (id,) = self._writer.write([record])
        return replace(record, id=id)


def _check_format(environ: dict[str, Any]) -> None:
    media_type = environ.get('CONTENT_TYPE', '').partition(';')[0].strip().lower()
    if media_type != FORM:
        raise MediaTypeError(f'Content-Type: expected {FORM}, got {shown(media_type)}')
    encoding = environ.get('HTTP_CONTENT_ENCODING', 'identity')
    if encoding.lower() != 'identity':
        raise MediaTypeError(f'Content-Encoding: only identity is taken, got {shown(encoding)}')


class Budget:
    """Bytes of bodies that may be in memory at the same time; a single body always may."""

    def __init__(self, size: int):
        self._size = size
        self._taken = 0
        self._lock = Lock()

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """
        Count *size* as taken while the block runs.

        Raises:
            StorageBusyError: There is not so much left.
        """
        with self._lock:
            if self._taken and self._taken + size > self._size:
                raise StorageBusyError('too many large requests at the same time')
            self._taken += size
        try:
            yield
        finally:
            with self._lock:
                self._taken -= size


def _body_length(environ: dict[str, Any], limit: int) -> int:
    declared = environ.get('CONTENT_LENGTH')
    if not declared:
        raise LengthRequiredError('Content-Length is required; chunked bodies are not taken')
    length = parse_integer('Content-Length', declared, 0, OFFSET_MAX, 'a number of bytes')
    if length > limit:
        raise LimitError(f'the body has {length:,} bytes, the limit is {limit:,}')
    return length


def _read_body(environ: dict[str, Any], length: int) -> bytes:
    body = b''.join(_chunks(environ, length))
    if len(body) != length:
        raise InputError(f'the body ended after {len(body):,} bytes of the {length:,} declared')
    return body


def _drain(environ: dict[str, Any]) -> None:
    """
    Read what is left of a refused body: one that is still sending would not see the answer.

    One that expects ``100 Continue`` is waiting for it, and reading would ask for the body.
    """
    if 'HTTP_EXPECT' in environ:
        return
    for _ in _chunks(environ, MAX_DRAIN, CHUNK):
        pass


def _chunks(environ: dict[str, Any], length: int, size: int = sys.maxsize) -> Iterator[bytes]:
    while length > 0 and (chunk := environ['wsgi.input'].read(min(length, size))):
        length -= len(chunk)
        yield chunk


def _json_array(records: Iterator[Record]) -> Iterable[bytes]:
    """A JSON array of records; streamed, but for a small one, which goes out with its length."""
    cherrypy.response.headers['Content-Type'] = JSON
    cherrypy.response.headers['Cache-Control'] = 'no-cache'
    chunks = _json_chunks(records)
    start = list(islice(chunks, 2))
    cherrypy.response.stream = len(start) == 2
    return chain(start, chunks)


def _json_chunks(records: Iterator[Record]) -> Iterator[bytes]:
    chunk = bytearray(b'[')
    separator = b''
    for record in records:
        chunk += separator + orjson.dumps(record.as_dict())
        separator = b','
        if len(chunk) > CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk + b']')
