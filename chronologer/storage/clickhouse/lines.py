"""
Rows of records as lines of JSON, each an array of values.

The section ``meta`` of ``logrec`` is divided: each standard field of a LogRecord has a column.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from chronologer.model import META, Record, microseconds
from chronologer.parse import LEVEL_MAX, LEVEL_MIN
from chronologer.query.tree import format_step
from chronologer.search import searchable
from chronologer.storage.fields import MAX_FIELD_NAME, TYPES, Fields

COLUMNS = ('id', 'ts', 'level', 'name', 'message', 'data', 'meta', 'error', 'rest', 'text')
SECTIONS = ('data', 'meta', 'error')
META_FIELDS = tuple(sorted(META))  # in the order of the columns
OF_META = tuple(f'meta.{field}' for field in (*META_FIELDS, 'others'))
LOGREC = ('data', *OF_META, 'error', 'rest')  # columns of which it is made
NO_FIELDS = [''] * len(META_FIELDS)
Shape = tuple[Any, ...]  # a section's name, its keys, the types of their values


def make_row(id: int, record: Record) -> bytes:
    """
    A record as a line.

    Raises:
        TypeError: orjson cannot encode it, so it is not in the stored form.
        ValueError: Its level has more than 32 bits.
    """
    ts, name, level, message, logrec, _ = record
    if not LEVEL_MIN <= level <= LEVEL_MAX:
        raise ValueError(f'level {level} has more than 32 bits')
    logrec = logrec or {}
    data = _json(logrec['data']) if 'data' in logrec else ''
    meta = _divided(logrec['meta']) if 'meta' in logrec else [*NO_FIELDS, '']
    error = _json(logrec['error']) if 'error' in logrec else ''
    others = logrec.keys() - SECTIONS
    rest = _json({key: logrec[key] for key in logrec if key in others}) if others else ''
    text = searchable(message, logrec)
    return orjson.dumps((id, microseconds(ts), level, name, message, data, meta, error, rest, text))


def _divided(meta: Any) -> list[str]:
    """Return the column values of a section, and the section without them."""
    if not isinstance(meta, dict):
        return [*NO_FIELDS, _json(meta)]
    fields = [_json(meta[field]) if field in meta else '' for field in META_FIELDS]
    others = _json({key: meta[key] for key in meta if key not in META})
    return [*fields, others]


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def read_logrec(data: str, *parts: str) -> dict[str, Any]:
    """Return ``logrec`` from the columns `LOGREC`."""
    *fields, others, error, rest = parts
    logrec: dict[str, Any] = orjson.loads(rest) if rest else {}
    if data:
        logrec['data'] = orjson.loads(data)
    if others:
        logrec['meta'] = _joined(fields, others)
    if error:
        logrec['error'] = orjson.loads(error)
    return logrec


def _joined(fields: Sequence[str], others: str) -> Any:
    """Undo `_divided`."""
    pairs = zip(META_FIELDS, fields, strict=True)
    known = ','.join([f'"{field}":{text}' for field, text in pairs if text])
    rest = orjson.loads(others)
    return orjson.loads(f'{{{known}}}') | rest if known else rest


class FieldNames:
    """Caches the fields of records: those of one program mostly have the same ones."""

    def __init__(self) -> None:
        self.known: Fields = set()
        self._shapes: set[Shape] = set()

    def unknown_of(self, records: Iterable[Record]) -> Fields:
        """Return the fields of records, with types, that are not cached yet."""
        fields: Fields = set()
        for record in records:
            for section, value in (record.logrec or {}).items():
                if isinstance(value, dict):
                    self._add(section, value, fields)
        return fields - self.known

    def _add(self, section: str, values: dict[str, Any], fields: Fields) -> None:
        shape = (section, *values, *map(type, values.values()))
        if shape not in self._shapes:
            if len(self._shapes) >= 10_000:
                self._shapes.clear()
            self._shapes.add(shape)
            fields.update(_fields(format_step(section)[1:], values, is_deep=False))
        if section == 'data' and (dict in shape or list in shape):
            fields.update(_fields('data', values, is_deep=True))


def _fields(path: str, value: Any, is_deep: bool) -> Iterator[tuple[str, str]]:
    """Yield the fields in an object, and those below it."""
    for key, item in value.items():
        name = path + format_step(key)
        if len(name) > MAX_FIELD_NAME:
            continue
        if type(item) in TYPES:
            yield name, TYPES[type(item)]
        elif is_deep and isinstance(item, dict):
            yield from _fields(name, item, is_deep)
