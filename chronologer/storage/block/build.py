"""
Builds blocks: from records, or from columns, to compressed parts.

Fields that occur together, such as the place of a call, are one column: their distinct
combinations, and the number of one for each record. Messages are sorted by the place of their call,
so that similar ones are beside each other when they are compressed. The order of records is that of
their ids.
"""

import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from chronologer.model import Record, microseconds
from chronologer.query.tree import format_step
from chronologer.search import SECTIONS, UNSEARCHED, searchable_texts
from chronologer.storage.block.encoding import (
    ABSENT,
    MAX_CHOICES,
    Kind,
    encode,
    join_texts,
    planes,
    scale,
)
from chronologer.storage.bucket import QUARTER
from chronologer.storage.fields import MAX_FIELD_NAME, TYPES, Fields

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_COLUMNS = 256  # of a block; other fields are kept together
LEVEL = 3  # of zstd
MIN_COMPRESSED = 64  # bytes

Steps = tuple[str, ...]  # section of ``logrec`` and field, or section only
Key = str | Steps  # name of a column of the record itself or of a group, or steps of a field

NAME, LEVEL_NUMBER, MESSAGE, TS, IDS = 'name', 'level', 'message', 'ts', 'ids'
REST: Steps = ()  # the fields beyond `MAX_COLUMNS`

MSG, MSECS, RELATIVE = ('meta', 'msg'), ('meta', 'msecs'), ('meta', 'relativeCreated')

# Columns that are one together, if they have few distinct combinations.
GROUPS: dict[str, tuple[Key, ...]] = {
    'site': (
        NAME,
        ('meta', 'pathname'),
        ('meta', 'filename'),
        ('meta', 'module'),
        ('meta', 'funcName'),
        ('meta', 'lineno'),
    ),
    'severity': (LEVEL_NUMBER, ('meta', 'levelname')),
    'actor': (
        ('meta', 'thread'),
        ('meta', 'threadName'),
        ('meta', 'processName'),
        ('meta', 'process'),
    ),
}
GROUP_SHARE = 2  # records that share a combination, on average, for the columns to be a group
SITE = 'site'
DATA = 'data'  # the section whose objects have fields, too
GROUPED = (str, int, type(None))
NONE: list[Any] = []  # stands for an absent value in the JSON of a group


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


@dataclass(slots=True)
class Packed:
    """The encoded columns of records."""

    count: int
    low_ts: int
    high_ts: int
    max_level: int
    header: list[tuple[Key, Kind]]
    parts: list[bytes]  # one for each entry of the header
    keys: list[Steps]  # fields, in the order in which they were first logged


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


def pack(table: Table) -> Packed:
    """
    Encode the columns of a block.

    Raises:
        TypeError: A value has no JSON.
    """
    columns, ts = table.columns, table.ts
    header: list[tuple[Key, Kind]] = []
    parts: list[bytes] = []

    def add(key: Key, kind: Kind, data: bytes) -> None:
        header.append((key, kind))
        parts.append(data)

    levels = np.fromiter(columns[LEVEL_NUMBER], np.int32, len(table))
    low, width, data = planes(ts)
    add(TS, ['int', low, width], data)
    if table.ids is not None and int(table.ids[-1] - table.ids[0]) != len(table) - 1:
        low, width, data = planes(table.ids)
        add(IDS, ['int', low, width], data)
    grouped: set[Key] = set()
    site_codes: array[int] | None = None
    for name, members in GROUPS.items():
        present = [key for key in members if key in columns]
        group = _group([columns[key] for key in present])
        if group is not None and len(present) > 1:
            combinations, codes = group
            text = orjson.dumps(combinations)
            size = codes.itemsize
            add(name, ['group', present, len(text), size], text + codes.tobytes())
            grouped.update(present)
            site_codes = codes if name == SITE else site_codes
    for key, values in columns.items():
        if key in grouped:
            continue
        if key == MESSAGE:
            add(key, *_messages(values, site_codes))
        elif key == MSG and tuple(values) == tuple(columns[MESSAGE]):
            add(key, ['message'], b'')
        elif key in (MSECS, RELATIVE) and (relative := _relative(key, values, ts)):
            add(key, *relative)
        else:
            add(key, *encode(values))
    bounds = int(ts.min()), int(ts.max()), int(levels.max())
    keys = [key for key in columns if not isinstance(key, str)]
    return Packed(len(table), *bounds, header, parts, keys)


def count_records(table: Table) -> Counter[tuple[str, int, int]]:
    """Count the records by logger, quarter of an hour and level."""
    quarters = (table.ts // QUARTER).tolist()
    return Counter(zip(table.columns[NAME], quarters, table.columns[LEVEL_NUMBER], strict=True))


def _group(columns: Sequence[Sequence[Any]]) -> tuple[list[list[Any]], 'array[int]'] | None:
    """Return the distinct combinations of values, and the number of one for each record."""
    if not columns:
        return None
    for values in columns:
        if not {*map(type, values)} <= {*GROUPED, type(ABSENT)}:
            return None
    rows = list(zip(*columns, strict=True))
    distinct = dict.fromkeys(rows)
    if len(distinct) * GROUP_SHARE > len(rows) or len(distinct) > MAX_CHOICES:
        return None
    number = dict(zip(distinct, range(len(distinct)), strict=True))
    codes = array('B' if len(distinct) <= 2**8 else 'H', map(number.__getitem__, rows))
    combinations = [
        [NONE if value is ABSENT else value for value in values]
        for values in zip(*distinct, strict=True)
    ]
    return combinations, codes


def _messages(messages: Sequence[str], site_codes: 'array[int] | None') -> tuple[Kind, bytes]:
    if site_codes is None:
        return encode(messages)
    order = np.argsort(np.frombuffer(site_codes, f'u{site_codes.itemsize}'), kind='stable')
    joined = join_texts([messages[position] for position in order.tolist()])
    return (['sorted'], joined) if joined is not None else encode(messages)


def _relative(key: Key, values: Sequence[Any], ts: NDArray[np.int64]) -> tuple[Kind, bytes] | None:
    """Encode floats that follow from the time of a record."""
    if set(map(type, values)) != {float}:
        return None
    numbers = np.array(values)
    if key == MSECS:
        others = np.flatnonzero(numbers != ts % 1_000_000 // 1000)
        if len(others) * 16 > len(ts) or np.signbit(numbers[numbers == 0]).any():
            return None
        return ['milliseconds', len(others)], (
            others.astype('<u4').tobytes() + numbers[others].astype('<f8').tobytes()
        )
    scaled = scale(numbers, 3)
    if scaled is None or np.signbit(numbers[numbers == 0]).any():
        return None
    low, width, data = planes(scaled - ts)
    return ['since', low, width], data


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


def searched_texts(table: Table) -> Iterator[str]:
    """Yield the texts that searches look at, maybe some more."""
    columns = table.columns
    is_raw = any(not isinstance(key, str) and key[:1] and key[0] not in SECTIONS for key in columns)
    for key, values in columns.items():
        if key == MESSAGE:
            yield '\0'.join(values)
        elif isinstance(key, str) or (key[:1] == (UNSEARCHED,) and not is_raw):
            continue
        else:
            types = set(map(type, values))
            if str in types:
                yield '\0'.join({value: None for value in values if type(value) is str})
            for value in values if {dict, list} & types else ():
                if type(value) in (dict, list):
                    yield from searchable_texts('', {'': value})[1:]


def compress(data: bytes, minimum: int = MIN_COMPRESSED, level: int = LEVEL) -> bytes:
    """Compress data from a size on; see `decompress`."""
    if len(data) >= minimum:
        compressed = zstd.compress(data, level)
        if len(compressed) < len(data):
            return b'z' + compressed
    return b'-' + data if data else b''


def decompress(data: bytes) -> bytes:
    """Return the data of a part."""
    return zstd.decompress(data[1:]) if data[:1] == b'z' else data[1:]
