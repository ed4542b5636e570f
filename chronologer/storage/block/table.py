"""
Records as columns, in memory: what blocks are made of.

A column has the values of one field in all records, with `ABSENT` where a record lacks it. The
order of records is that of their ids.
"""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.model import Record, microseconds
from chronologer.query.tree import format_step
from chronologer.search import SECTIONS, UNSEARCHED, searchable_texts
from chronologer.storage.block.encoding import ABSENT
from chronologer.storage.bucket import QUARTER
from chronologer.storage.fields import MAX_FIELD_NAME, TYPES, Fields

MAX_COLUMNS = 256  # of a table; other fields are kept together

Steps = tuple[str, ...]  # section of ``logrec`` and field, or section only
Key = str | Steps  # name of a column of the record itself or of a group, or steps of a field

NAME, LEVEL_NUMBER, MESSAGE = 'name', 'level', 'message'
REST: Steps = ()  # the fields beyond `MAX_COLUMNS`
DATA = 'data'  # the section whose objects have fields, too


@dataclass(slots=True)
class Table:
    """Records as columns."""

    ids: NDArray[np.int64] | None  # None while they are not assigned
    ts: NDArray[np.int64]  # microseconds since the epoch
    columns: dict[Key, Sequence[Any]]  # name, level, message, and fields of ``logrec``

    def __len__(self) -> int:
        return len(self.ts)

    def with_ids(self, ids: Sequence[int]) -> 'Table':
        """Return the same records with ids."""
        return Table(np.fromiter(ids, np.int64, len(ids)), self.ts, self.columns)


def make_table(records: Sequence[Record]) -> Table:
    """Make columns of records."""
    ts = np.fromiter((microseconds(record.ts) for record in records), np.int64, len(records))
    _, names, levels, messages, *_ = zip(*records, strict=True)
    columns: dict[Key, Sequence[Any]] = {NAME: names, LEVEL_NUMBER: levels, MESSAGE: messages}
    columns.update(_columns_of([record.logrec or {} for record in records]))
    return Table(None, ts, columns)


def _columns_of(logrecs: Sequence[dict[str, Any]]) -> dict[Key, Sequence[Any]]:
    """Divide ``logrec`` of all records into columns; records of the same shape together."""
    positions: dict[tuple[Steps, ...], list[int]] = {}
    rows: dict[tuple[Steps, ...], list[list[Any]]] = {}
    shapes: dict[Any, tuple[Steps, ...]] = {}
    for position, logrec in enumerate(logrecs):
        key = tuple(
            (section, *fields) if type(fields) is dict and fields else section
            for section, fields in logrec.items()
        )
        shape = shapes.get(key)
        if shape is None:
            shape = shapes[key] = _steps_of(logrec)
            positions.setdefault(shape, []), rows.setdefault(shape, [])
        row: list[Any] = []
        for fields in logrec.values():
            if type(fields) is dict and fields:
                row += fields.values()
            else:
                row.append(fields)
        positions[shape].append(position)
        rows[shape].append(row)
    frequency: Counter[Steps] = Counter()
    for shape, where in positions.items():
        frequency.update(dict.fromkeys(shape, len(where)))
    kept = {steps for steps, _ in frequency.most_common(MAX_COLUMNS)}
    count = len(logrecs)
    columns: dict[Key, Any] = {steps: None for steps in frequency if steps in kept}
    for shape, where in positions.items():
        rest: list[dict[str, Any]] | None = None
        for steps, values in zip(shape, zip(*rows[shape], strict=True), strict=True):
            if steps not in kept:
                rest = rest or [{} for _ in where]
                _put_all(rest, steps, values)
            elif len(where) == count:
                columns[steps] = values
            else:
                columns[steps] = _placed(columns[steps], where, values, count)
        if rest is not None:
            columns[REST] = _placed(columns.get(REST), where, rest, count)
    return columns


def _steps_of(logrec: dict[str, Any]) -> tuple[Steps, ...]:
    steps: list[Steps] = []
    for section, fields in logrec.items():
        if type(fields) is dict and fields:
            steps += [(section, key) for key in fields]
        else:
            steps.append((section,))
    return tuple(steps)


def _placed(
    column: list[Any] | None, where: list[int], values: Sequence[Any], count: int
) -> list[Any]:
    if column is None:
        column = [ABSENT] * count
    for position, value in zip(where, values, strict=True):
        column[position] = value
    return column


def _put_all(logrecs: list[dict[str, Any]], steps: Steps, values: Sequence[Any]) -> None:
    for logrec, value in zip(logrecs, values, strict=True):
        put(logrec, steps, value)


def put(logrec: dict[str, Any], steps: Steps, value: Any) -> None:
    """Put a value into a ``logrec``."""
    if len(steps) == 1:
        logrec[steps[0]] = value
    else:
        logrec.setdefault(steps[0], {})[steps[1]] = value


def selected(table: Table, where: NDArray[np.intp]) -> Table:
    """Return some records of a table."""
    columns: dict[Key, Sequence[Any]] = {}
    for key, values in table.columns.items():
        some = [values[position] for position in where.tolist()]
        if any(value is not ABSENT for value in some):
            columns[key] = some
    ids = None if table.ids is None else table.ids[where]
    return Table(ids, table.ts[where], columns)


def count_records(table: Table) -> Counter[tuple[str, int, int]]:
    """Count the records by logger, quarter of an hour and level."""
    quarters = (table.ts // QUARTER).tolist()
    return Counter(zip(table.columns[NAME], quarters, table.columns[LEVEL_NUMBER], strict=True))


def fields_of(table: Table) -> Fields:
    """Return the fields of the records, as `Storage.fields` names them."""
    fields: Fields = set()
    for key, values in table.columns.items():
        if isinstance(key, str):
            continue
        if len(key) == 2:
            name = format_step(key[0])[1:] + format_step(key[1])
            nested = _add_types(name, values, fields)
            if key[0] == DATA:
                _gather_fields(name, nested, fields)
        elif key == REST:
            for logrec in values:
                if logrec is not ABSENT:
                    _gather_sections(logrec, fields)
        # A section that is no object has no field.
    return fields


def _add_types(name: str, values: Sequence[Any], fields: Fields) -> Iterable[Any]:
    """Add the types of values to *fields*, and return the values that are objects or arrays."""
    types = set(map(type, values))
    if len(name) <= MAX_FIELD_NAME:
        fields.update((name, TYPES[type]) for type in types if type in TYPES)
    if dict in types or list in types:
        return [value for value in values if type(value) is dict]
    return ()


def _gather_fields(name: str, values: Iterable[Any], fields: Fields) -> None:
    """Add the fields within objects."""
    if len(name) > MAX_FIELD_NAME:
        return
    for value in values:
        for key, item in value.items():
            inner = name + format_step(key)
            _gather_fields(inner, _add_types(inner, [item], fields), fields)


def _gather_sections(logrec: dict[str, Any], fields: Fields) -> None:
    for section, of_section in logrec.items():
        if type(of_section) is dict:
            for key, value in of_section.items():
                name = format_step(section)[1:] + format_step(key)
                nested = _add_types(name, [value], fields)
                if section == DATA:
                    _gather_fields(name, nested, fields)


def searched_texts(table: Table, digits: Set[Key]) -> tuple[list[str], list[str]]:
    """Return the texts that searches look at, maybe some more, and those of columns of *digits*."""
    columns = table.columns
    texts: list[str] = []
    of_digits: list[str] = []
    fields = [key for key in columns if not isinstance(key, str)]
    is_raw = any(key == REST or key[0] not in SECTIONS for key in fields)  # maybe
    for key, values in columns.items():
        if key == MESSAGE:
            texts.append('\0'.join(values))
        elif isinstance(key, str) or (key[:1] == (UNSEARCHED,) and not is_raw):
            continue
        else:
            types = set(map(type, values))
            if str in types:
                distinct = {value: None for value in values if type(value) is str}
                (of_digits if key in digits else texts).extend(distinct)
            for value in values if {dict, list} & types else ():
                if type(value) in (dict, list):
                    texts += searchable_texts('', {'': value})[1:]
    return texts, of_digits
