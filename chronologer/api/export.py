"""``/api/v1/export``: all matching records, as a file."""

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import cherrypy
import orjson

from chronologer.auth.identity import Role
from chronologer.errors import ChronologerError
from chronologer.model import Filter, Record
from chronologer.parse import OFFSET_MAX
from chronologer.query.tree import format_path
from chronologer.storage import Cursor, Storage
from chronologer.web.declare import Declaration, Parameters, Values, takes
from chronologer.web.params import FIELDS, FILTER, choice, filter_of, limit, offset
from chronologer.web.stream import Fields, record_dict, stream

PAGE = 1000  # records of one query
# begin a formula in a spreadsheet, https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ('=', '+', '-', '@', '\t', '\r')
CONTROLS = re.compile(r'[\x00-\x08\x0b-\x1f\x7f-\x9f]')  # which a terminal may obey
CSV_COLUMNS = ('id', 'ts', 'name', 'level', 'message')


def ndjson_line(record: Record, fields: Fields) -> bytes:
    """Return a record as a line of JSON."""
    return orjson.dumps(record_dict(record, fields)) + b'\n'


def csv_line(record: Record, fields: Fields) -> bytes:
    """Return a record as comma-separated values (RFC 4180)."""
    entry = record_dict(record, fields)
    columns = [entry[column] for column in CSV_COLUMNS]
    return _csv([*columns, *map(_csv_value, entry.get('fields', {}).values())])


def csv_head(fields: Fields) -> bytes:
    """Return the names of the columns."""
    return _csv([*CSV_COLUMNS, *map(format_path, fields)])


def text_line(record: Record, fields: Fields) -> bytes:
    """Return a record as a line of a log file, followed by its exception."""
    entry = record_dict(record, fields)
    level = logging.getLevelName(record.level)
    line = f'{entry["ts"]} {level} {record.name}: {record.message}'
    for name, value in entry.get('fields', {}).items():
        line += f' {name}={json.dumps(value, ensure_ascii=False)}'
    error = (record.logrec or {}).get('error')
    trace = error.get('exc_text') if isinstance(error, dict) else None
    text = f'{line}\n{trace}\n' if isinstance(trace, str) else f'{line}\n'
    return CONTROLS.sub(lambda control: f'\\x{ord(control[0]):02x}', text).encode()


def _csv(values: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(map(_cell, values))
    return line.getvalue().encode()


def _cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula, which whoever logs could have run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _csv_value(value: Any) -> Any:
    is_plain = value is None or type(value) in (str, int, float)
    return value if is_plain else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exported files."""

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


EXPORT = (
    choice('format', tuple(FORMATS), 'ndjson', 'the format of the file'),
    limit(OFFSET_MAX, default=OFFSET_MAX),
    FIELDS,
    *FILTER,
)
FOLLOWED = Parameters(
    offset('after_id', 'records after this id, in the order of ids'), *EXPORT, key=('after_id',)
)
ORDERED = Parameters(choice('order', ('asc', 'desc'), 'asc', 'the order of time'), *EXPORT)


PARAMETERS = Declaration(Role.READER, (FOLLOWED, ORDERED))


def export(storage: Storage, params: Values) -> Iterator[bytes]:
    """Yield the file: its head, then a line for each matching record."""
    filter, limit, fields = filter_of(params), params['limit'], params['fields']
    if 'after_id' in params:
        records = _follow(storage, filter, params['after_id'], limit)
    else:
        records = _pages(storage, filter, limit, ascending=params['order'] == 'asc')
    format = FORMATS[params['format']]
    return chain([format.head(fields)], (format.line(record, fields) for record in records))


class ExportResource:
    """Writes records as NDJSON, CSV or text."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage

    @takes(*PARAMETERS.ways, role=PARAMETERS.role)
    def GET(self, *, params: Values) -> Iterable[bytes]:
        """A streamed file. Its last line is an error if the storage has failed meanwhile."""
        format = FORMATS[params['format']]
        disposition = f'attachment; filename="chronologer.{format.suffix}"'
        cherrypy.response.headers['Content-Disposition'] = disposition
        return stream(export(self._storage, params), format.media_type, format.error)


def _pages(storage: Storage, filter: Filter, limit: int, ascending: bool) -> Iterator[Record]:
    """Yield records page by page, each within the time limit of a query."""
    cursor: Cursor | None = None
    while limit > 0:
        count = 0
        for record in storage.page(filter, cursor, min(PAGE, limit), ascending, whole=True):
            yield record
            count += 1
            assert record.id is not None
            cursor = record.ts, record.id
        if count < PAGE:
            break
        limit -= count


def _follow(storage: Storage, filter: Filter, id: int, limit: int) -> Iterator[Record]:
    """Yield records in the order of ids; a page may lack records purged meanwhile."""
    count = 1
    while limit > 0 and count:
        count = 0
        for record in storage.since(id, filter, min(PAGE, limit), whole=True):
            yield record
            count += 1
            assert record.id is not None
            id = record.id
        limit -= count
