"""``POST /api/v1/record``: takes records, outside of the framework."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import orjson

from chronologer.api.params import check_known, parse_query_string
from chronologer.api.respond import JSON, error_response, status_line
from chronologer.auth import BasicAuth
from chronologer.errors import (
    AuthenticationError,
    InputError,
    LengthRequiredError,
    LimitError,
    MediaTypeError,
    StorageBusyError,
    shown,
)
from chronologer.ingest.logrecord import decode_form
from chronologer.ingest.writer import Writer
from chronologer.model import Record
from chronologer.parse import OFFSET_MAX, parse_integer

FORM = 'application/x-www-form-urlencoded'

MAX_DRAIN = 64 * 2**20  # bytes of a refused body that are read, so that the sender sees the answer
MAX_BODIES = 64 * 2**20  # bytes of all bodies that are being decoded and stored
CHUNK = 64 * 2**10  # bytes


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
        return record._replace(id=id)


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
