"""Streamed answers, such as listings."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import cherrypy
import orjson

from chronologer.errors import ChronologerError
from chronologer.model import Record
from chronologer.query.tree import Path, format_path, value_at
from chronologer.web.respond import JSON

CHUNK = 64 * 2**10  # bytes

Fields = Sequence[Path]

log = logging.getLogger(__name__)


def record_dict(record: Record, fields: Fields = (), chars: int | None = None) -> dict[str, Any]:
    """
    Return a record for a listing: with the chosen fields instead of all ``logrec``.

    A message of more than *chars* characters is cut; ``length`` is its full length.
    """
    entry = record.as_dict()
    if chars is not None and len(record.message) > chars:
        entry['message'] = record.message[:chars]
        entry['length'] = len(record.message)
    if fields:
        logrec = entry.pop('logrec')
        entry['fields'] = {format_path(path): value_at(path, logrec) for path in fields}
    return entry


def json_array(
    records: Iterable[Record], fields: Fields = (), chars: int | None = None
) -> Iterable[bytes]:
    """Yield a JSON array; if the storage fails meanwhile, its bracket is not closed."""
    return stream(json_parts(records, fields, chars), JSON)


def json_parts(
    records: Iterable[Record], fields: Fields = (), chars: int | None = None
) -> Iterator[bytes]:
    """Yield the parts of a JSON array; see `record_dict`."""
    separator = b'['
    for record in records:
        yield separator + orjson.dumps(record_dict(record, fields, chars))
        separator = b','
    yield b']' if separator == b',' else b'[]'


def stream(
    parts: Iterable[bytes],
    media_type: str,
    last_line: Callable[[ChronologerError], bytes] | None = None,
) -> Iterable[bytes]:
    """
    Return the body of an answer: streamed, or if it is small, with its length.

    After the first bytes were sent, an error cannot change the status; *last_line* reports it.
    """
    cherrypy.response.headers['Content-Type'] = media_type
    cherrypy.response.headers['Cache-Control'] = 'no-cache'
    chunks = _chunks(parts)
    start = list(islice(chunks, 2))
    cherrypy.response.stream = len(start) == 2
    return chain(start, chunks if last_line is None else _guarded(chunks, last_line))


def _guarded(
    chunks: Iterator[bytes], last_line: Callable[[ChronologerError], bytes]
) -> Iterator[bytes]:
    try:
        yield from chunks
    except ChronologerError as ex:
        log.error('An export was cut: %s', ex.message)
        yield last_line(ex)


def _chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for part in parts:
        chunk += part
        if len(chunk) > CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)
