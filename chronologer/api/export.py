"""``/api/v1/export``: all matching records, as a file."""

import csv
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import cherrypy
import orjson

from chronologer.api.params import (
    FILTER,
    check_known,
    take_fields,
    take_limit,
    take_offset,
    take_order,
)
from chronologer.api.stream import Fields, record_dict, stream
from chronologer.errors import ChronologerError, InputError, shown
from chronologer.model import Filter, Record
from chronologer.parse import OFFSET_MAX
from chronologer.query import format_path
from chronologer.storage import Cursor, Storage

PAGE = 1000  # records that are asked for at a time
CSV_COLUMNS = ('id', 'ts', 'name', 'level', 'message')


def ndjson_line(record: Record, fields: Fields) -> bytes:
    """A record as JSON on a line of its own."""
    return orjson.dumps(record_dict(record, fields)) + b'\n'


def csv_line(record: Record, fields: Fields) -> bytes:
    """A record as comma-separated values, as RFC 4180 has them."""
    entry = record_dict(record, fields)
    columns = [entry[column] for column in CSV_COLUMNS]
    return _csv([*columns, *map(_csv_value, entry.get('fields', {}).values())])


def csv_head(fields: Fields) -> bytes:
    """The names of the columns."""
    return _csv([*CSV_COLUMNS, *map(format_path, fields)])


def text_line(record: Record, fields: Fields) -> bytes:
    """A record as a log file has it, with its exception below."""
    entry = record_dict(record, fields)
    level = logging.getLevelName(record.level)
    line = f'{entry["ts"]} {level} {record.name}: {record.message}'
    for name, value in entry.get('fields', {}).items():
        line += f' {name}={json.dumps(value, ensure_ascii=False)}'
    error = (record.logrec or {}).get('error')
    trace = error.get('exc_text') if isinstance(error, dict) else None
    return f'{line}\n{trace}\n'.encode() if isinstance(trace, str) else f'{line}\n'.encode()


def _csv(values: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue().encode()


def _csv_value(value: Any) -> Any:
    is_plain = value is None or isinstance(value, str)
    return value if is_plain else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Format:
    """How records are written to a file."""

    media_type: str
    suffix: str
    line: Callable[[Record, Fields], bytes]
    head: Callable[[Fields], bytes] = lambda _: b''
    error: Callable[[ChronologerError], bytes] = lambda ex: f'ERROR: {ex.message}\n'.encode()


FORMATS = {
    'ndjson': Format(
        'application/x-ndjson',
        'ndjson',
        ndjson_line,
        error=lambda ex: orjson.dumps(
            {'error': {'type': type(ex).__name__, 'message': ex.message}}
        ),
    ),
    'csv': Format('text/csv; charset=utf-8', 'csv', csv_line, csv_head),
    'text': Format('text/plain; charset=utf-8', 'log', text_line),
}


class ExportResource:
    """Writes records as NDJSON, CSV or text."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    def GET(self, *, params: dict[str, str]) -> Iterable[bytes]:
        """A file, streamed. Its last line says so if the storage has failed before the end."""
        filter = Filter.take(params)
        name = params.pop('format', 'ndjson')
        limit = take_limit(params, 'limit', OFFSET_MAX, OFFSET_MAX)
        fields = take_fields(params)
        if 'after_id' in params:
            order = 'after_id'
            records = self._follow(filter, take_offset(params, 'after_id'), limit)
        else:
            order = 'order'
            records = self._pages(filter, limit, take_order(params, 'asc'))
        check_known(params, 'format', order, 'limit', 'fields', *FILTER)
        if name not in FORMATS:
            raise InputError(f'format: expected one of {", ".join(FORMATS)}, got {shown(name)}')
        format = FORMATS[name]
        disposition = f'attachment; filename="chronologer.{format.suffix}"'
        cherrypy.response.headers['Content-Disposition'] = disposition
        lines = (format.line(record, fields) for record in records)
        return stream(chain([format.head(fields)], lines), format.media_type, format.error)

    def _pages(self, filter: Filter, limit: int, ascending: bool) -> Iterator[Record]:
        """Page by page, each within the time limit of a question."""
        cursor: Cursor | None = None
        while limit > 0:
            count = 0
            for record in self._storage.page(
                filter, cursor, min(PAGE, limit), ascending, whole=True
            ):
                yield record
                count += 1
                assert record.id is not None
                cursor = record.ts, record.id
            if count < PAGE:
                break
            limit -= count

    def _follow(self, filter: Filter, id: int, limit: int) -> Iterator[Record]:
        """Likewise, in the order of ids; a page may lack records that were purged meanwhile."""
        count = 1
        while limit > 0 and count:
            count = 0
            for record in self._storage.since(id, filter, min(PAGE, limit), whole=True):
                yield record
                count += 1
                assert record.id is not None
                id = record.id
            limit -= count
