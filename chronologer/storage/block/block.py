"""
Blocks of records, by columns, to read.

A block is immutable: a purge replaces it by another one. Its parts are loaded and decoded when they
are first used. See `chronologer.storage.block.pack` for what they have.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from chronologer.model import Record, instant
from chronologer.search import SECTIONS
from chronologer.storage.block.column import Choices, Column, Mask, Numbers, Positions, Texts
from chronologer.storage.block.encoding import ABSENT, Kind, decode, from_planes, name_of
from chronologer.storage.block.pack import GROUPS, IDS, NONE, SITE, TS, Packed
from chronologer.storage.block.table import LEVEL_NUMBER, MESSAGE, NAME, REST, Key, Steps, put

Columns = dict[Key, tuple[int, Kind]]  # number of the part, and kind, of each column
Load = Callable[[int], bytes]  # the data of a part
T = TypeVar('T')

ORDER = {'data': 0, 'meta': 1, 'error': 2}  # of the sections of a LogRecord, as they are shown


class Memo:
    """What was decoded of a block, for all queries that read it."""

    def __init__(self, columns: Columns, keys: list[Steps]):
        self.columns = columns
        self.keys = keys  # see `Packed.keys`
        self.values: dict[Any, Any] = {}


def write_header(packed: Packed) -> bytes:
    """Return the header of a block as JSON."""
    return orjson.dumps([packed.header, packed.keys])


def read_header(data: bytes) -> Memo:
    """Read what `write_header` has returned."""
    header, keys = orjson.loads(data)
    columns: Columns = {
        key if isinstance(key, str) else tuple(key): (number, kind)
        for number, (key, kind) in enumerate(header)
    }
    in_sections = sorted(keys, key=lambda key: ORDER.get(key[0], 3) if key else 4)
    return Memo(columns, list(map(tuple, in_sections)))


def _nothing() -> None:
    """Check nothing."""


def block_of(packed: Packed, first_id: int) -> 'Block':
    """Return a block that is in memory."""
    memo = read_header(write_header(packed))
    return Block(packed.count, first_id, memo, packed.parts.__getitem__)


class Block:
    """Records in the order of their ids."""

    def __init__(self, count: int, first_id: int, memo: Memo, load: Load):
        self.count, self._first_id = count, first_id
        self._memo, self._load = memo, load
        self._sorted: Texts | None = None  # messages
        self.check = _nothing  # called within long work; ends it by an error
        self._columns = memo.columns
        self.keys = memo.keys  # fields of ``logrec``, and `REST` if there are too many

    def view(self) -> 'Block':
        """Return the same block for another query."""
        return Block(self.count, self._first_id, self._memo, self._load)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Return what *make* returns, called only once for all queries."""
        try:
            value: T = self._memo.values[key]
        except KeyError:
            value = self._memo.values[key] = make()
        return value

    def __len__(self) -> int:
        return self.count

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ascending."""
        if IDS in self._columns:
            return self.once(IDS, lambda: self._integers(IDS))
        return np.arange(self._first_id, self._first_id + self.count)

    @property
    def ts(self) -> NDArray[np.int64]:
        """Microseconds since the epoch."""
        return self.once(TS, lambda: self._integers(TS))

    @property
    def levels(self) -> NDArray[np.int64]:
        """Levels."""
        return self.once('levels', self._levels)

    def _levels(self) -> NDArray[np.int64]:
        column = self.column(LEVEL_NUMBER)
        if isinstance(column, Choices):
            return np.array(column.distinct, np.int64)[column.codes]
        assert isinstance(column, Numbers)
        return column.array

    @property
    def names(self) -> Column:
        """Names of loggers."""
        column = self.column(NAME)
        assert column is not None
        return column

    @property
    def raw(self) -> Mask | None:
        """The records whose ``logrec`` is not that of a LogRecord, or None if there are none."""
        return self.once('raw', self._raw)

    def _raw(self) -> Mask | None:
        raw = np.zeros(self.count, np.bool_)
        for key in self.keys:
            if key == REST:
                column = self.column(key)
                assert column is not None
                hits = [not logrec.keys() <= SECTIONS for logrec in column.values()]
                raw |= column.spread(np.array(hits, np.bool_))
            elif key[0] not in SECTIONS:
                column = self.column(key)
                assert column is not None
                raw |= column.present
        return raw if raw.any() else None

    def kind(self, key: Key) -> str:
        """Return how a column is encoded; the groups' own columns have no kind of theirs."""
        return name_of(self._columns[key][1]) if key in self._columns else ''

    def column(self, key: Key) -> Column | None:
        """Return a column, or None if no record has the field."""
        if self.kind(key) == 'message':
            key = MESSAGE
        if self.kind(key) != 'sorted':
            return self.once(('column', key), lambda: self._decode(key))
        if self._sorted is None:  # not for all queries: it may load the sites later
            data = self.once(('texts', key), lambda: self._data(key)[1])
            self._sorted = Texts(self.count, data, self._by_site)
        return self._sorted

    def records(self, positions: Positions, whole: bool) -> Iterator[Record]:
        """Yield the records at *positions*, with ``logrec`` if *whole*."""
        ids, ts = self.ids[positions].tolist(), self.ts[positions].tolist()
        names, levels, messages = (
            self._at(key, positions) for key in (NAME, LEVEL_NUMBER, MESSAGE)
        )
        logrecs = self._logrecs(positions) if whole else None
        for number, id in enumerate(ids):
            yield Record(
                instant(ts[number]),
                names[number],
                levels[number],
                messages[number],
                None if logrecs is None else logrecs[number],
                id,
            )

    def _logrecs(self, positions: Positions) -> list[dict[str, Any]]:
        """Return ``logrec`` of some records; fields that all have are put together in C."""
        logrecs: list[dict[str, Any]] = [{} for _ in range(len(positions))]
        common: dict[str, dict[str, Sequence[Any]]] = {}
        others: list[tuple[Steps, Column]] = []
        for key in self.keys:
            column = self.column(key)
            assert column is not None
            if len(key) == 2 and column.where is None:
                common.setdefault(key[0], {})[key[1]] = column.at(positions)
            else:
                others.append((key, column))
        for section, fields in common.items():
            names = list(fields)
            rows = zip(*fields.values(), strict=True)
            for logrec, row in zip(logrecs, rows, strict=True):
                logrec[section] = dict(zip(names, row, strict=True))
        for key, column in others:
            for number, value in column.some(positions):
                if key == REST:
                    _merge(logrecs[number], value)
                else:
                    put(logrecs[number], key, value)
        return logrecs

    def _at(self, key: Key, positions: Positions) -> list[Any]:
        column = self.column(key)
        assert column is not None
        return [value for _, value in column.some(positions)]

    @property
    def _members(self) -> dict[Key, str]:
        """Columns that are part of a group, and its name."""
        return self.once('members', self._read_members)

    def _read_members(self) -> dict[Key, str]:
        members: dict[Key, str] = {}
        for name in GROUPS:
            if name in self._columns:
                for key in self._columns[name][1][1]:
                    members[key if isinstance(key, str) else tuple(key)] = name
        return members

    def _data(self, key: Key) -> tuple[Kind, bytes]:
        number, kind = self._columns[key]
        return kind, self._load(number)

    def _integers(self, key: Key) -> NDArray[np.int64]:
        (_, low, width), data = self._data(key)
        return from_planes(low, width, data, self.count)

    def _codes(self, group: str) -> NDArray[np.intp]:
        """Return the number of the combination that each record has."""
        return self.once(('codes', group), lambda: self._read_codes(group))

    def _read_codes(self, group: str) -> NDArray[np.intp]:
        (_, _, size, width), data = self._data(group)
        self.once(('combinations', group), lambda: data[:size])
        return np.frombuffer(data, f'<u{width}', offset=size).astype(np.intp)

    def _combinations(self, group: str) -> list[list[Any]]:
        """Return the values of each member in the distinct combinations."""
        return self.once(('values', group), lambda: self._read_combinations(group))

    def _read_combinations(self, group: str) -> list[list[Any]]:
        self._codes(group)
        combinations: list[list[Any]] = orjson.loads(self._memo.values['combinations', group])
        return combinations

    def _decode(self, key: Key) -> Column | None:
        if key in self._members:
            return self._decode_member(key, self._members[key])
        if key not in self._columns:
            return None
        kind, data = self._data(key)
        if kind[0] == 'milliseconds':
            others = np.frombuffer(data, '<u4', kind[1])
            numbers = (self.ts % 1_000_000 // 1000).astype(np.float64)
            numbers[others] = np.frombuffer(data, '<f8', kind[1], others.nbytes)
            return Numbers(self.count, numbers)
        if kind[0] == 'since':
            _, low, width = kind
            scaled = from_planes(low, width, data, self.count) + self.ts
            return Numbers(self.count, scaled / 1000.0)
        return decode(kind, data, self.count)

    def _by_site(self) -> Positions:
        return np.argsort(self._codes(SITE).astype(np.uint16), kind='stable')

    def _decode_member(self, key: Key, name: str) -> Column | None:
        codes, combinations = self._codes(name), self._combinations(name)
        number = list(self._members).index(key)
        first = next(at for at, group in enumerate(self._members.values()) if group == name)
        values = combinations[number - first]
        if NONE not in values:
            return Choices(self.count, codes, values)
        has_value = np.array([value != NONE for value in values])[codes]
        column = Choices(int(np.count_nonzero(has_value)), codes[has_value], values)
        return column.among(has_value)


def _merge(logrec: dict[str, Any], rest: dict[str, Any]) -> None:
    for section, fields in rest.items():
        if isinstance(fields, dict) and fields:
            logrec.setdefault(section, {}).update(fields)
        else:
            logrec[section] = fields


def table_values(column: Column, count: int) -> list[Any]:
    """Return the values of a column for all records of a block, with `ABSENT`."""
    if column.where is None:
        return list(column.values())
    values: list[Any] = [ABSENT] * count
    for position, value in zip(np.flatnonzero(column.where).tolist(), column.values(), strict=True):
        values[position] = value
    return values
