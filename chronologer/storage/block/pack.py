"""
Packs the columns of a table: encodes each of them, some together.

Fields that occur together, such as the place of a call, are one column: their distinct
combinations, and the number of one for each record. Messages are sorted by the place of their call,
so that similar ones are beside each other when they are compressed. Some fields follow from others.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from chronologer.storage.block.encoding import (
    ABSENT,
    MAX_CHOICES,
    Kind,
    encode,
    join_texts,
    planes,
    scale,
)
from chronologer.storage.block.table import LEVEL_NUMBER, MESSAGE, NAME, Key, Steps, Table

TS, IDS = 'ts', 'ids'  # names of columns

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
GROUPED = (str, int, type(None))
NONE: list[Any] = []  # stands for an absent value in the JSON of a group


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


def pack(table: Table) -> Packed:
    """
    Encode the columns of a block.

    Raises:
        TypeError: A value has no JSON.
    """
    columns, ts = table.columns, table.ts
    encoded: dict[Key, tuple[Kind, bytes]] = {TS: _integers(ts)}
    if table.ids is not None and int(table.ids[-1] - table.ids[0]) != len(table) - 1:
        encoded[IDS] = _integers(table.ids)
    grouped: set[Key] = set()
    site_codes: array[int] | None = None
    for name, members in GROUPS.items():
        present = [key for key in members if key in columns]
        group = _group([columns[key] for key in present])
        if group is not None and len(present) > 1:
            combinations, codes = group
            text = orjson.dumps(combinations)
            kind = ['group', present, len(text), codes.itemsize]
            encoded[name] = kind, text + codes.tobytes()
            grouped.update(present)
            site_codes = codes if name == SITE else site_codes
    for key, values in columns.items():
        if key == MESSAGE:
            encoded[key] = _messages(values, site_codes)
        elif key == MSG and tuple(values) == tuple(columns[MESSAGE]):
            encoded[key] = ['message'], b''
        elif key not in grouped:
            encoded[key] = _relative(key, values, ts) or encode(values)
    levels = np.fromiter(columns[LEVEL_NUMBER], np.int32, len(table))
    header = [(key, kind) for key, (kind, _) in encoded.items()]
    return Packed(
        len(table),
        int(ts.min()),
        int(ts.max()),
        int(levels.max()),
        header,
        [data for _, data in encoded.values()],
        [key for key in columns if not isinstance(key, str)],
    )


def _integers(numbers: NDArray[np.int64]) -> tuple[Kind, bytes]:
    low, width, data = planes(numbers)
    return ['int', low, width], data


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
    """Encode floats that follow from the time of a record, if the column is of such."""
    if key not in (MSECS, RELATIVE) or set(map(type, values)) != {float}:
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
