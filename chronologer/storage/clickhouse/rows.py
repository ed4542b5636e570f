"""What is inserted for records: lines of JSON, each an array of a row's values."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from chronologer.model import Record, microseconds
from chronologer.parse import LEVEL_MAX, LEVEL_MIN
from chronologer.query import format_step
from chronologer.search import searchable
from chronologer.storage.builder import MAX_FIELD_NAME, TYPES, Fields

COLUMNS = ('id', 'ts', 'level', 'name', 'message', 'data', 'meta', 'error', 'rest', 'text')
SECTIONS = ('data', 'meta', 'error')
LOGREC = (*SECTIONS, 'rest')  # columns of which it is made
Shape = tuple[Any, ...]  # a section's name, its keys, the types of their values


def make_row(id: int, record: Record) -> bytes:
    """
    A record as a line.

    Raises:
        TypeError: It is not in the stored form: orjson cannot encode it.
        ValueError: Its level has more than 32 bits.
    """
    ts, name, level, message, logrec, _ = record
    if not LEVEL_MIN <= level <= LEVEL_MAX:
        raise ValueError(f'level {level} has more than 32 bits')
    logrec = logrec or {}
    sections = [_json(logrec[key]) if key in logrec else '' for key in SECTIONS]
    others = logrec.keys() - SECTIONS
    rest = _json({key: logrec[key] for key in logrec if key in others}) if others else ''
    text = searchable(message, logrec)
    return orjson.dumps((id, microseconds(ts), level, name, message, *sections, rest, text))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def read_logrec(data: str, meta: str, error: str, rest: str) -> dict[str, Any]:
    """Put the parts of ``logrec`` together again."""
    logrec: dict[str, Any] = {
        key: orjson.loads(text)
        for key, text in zip(SECTIONS, (data, meta, error), strict=True)
        if text
    }
    if rest:
        logrec |= orjson.loads(rest)
    return logrec


class FieldNames:
    """Remembers which fields records have had; those of one program have the same ones."""

    def __init__(self) -> None:
        self.known: Fields = set()
        self._shapes: set[Shape] = set()

    def unknown_of(self, records: Iterable[Record]) -> Fields:
        """The fields of records, with their types, that are not known yet."""
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
            fields.update(_fields(section, values, is_deep=False))
        if section == 'data' and (dict in shape or list in shape):
            fields.update(_fields(section, values, is_deep=True))


def _fields(path: str, value: Any, is_deep: bool) -> Iterator[tuple[str, str]]:
    """The fields in an object, and those below it."""
    for key, item in value.items():
        name = path + format_step(key)
        if len(name) > MAX_FIELD_NAME:
            continue
        if type(item) in TYPES:
            yield name, TYPES[type(item)]
        elif is_deep and isinstance(item, dict):
            yield from _fields(name, item, is_deep)
