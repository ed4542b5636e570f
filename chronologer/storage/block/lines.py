"""
Decodes lines of LogRecords in JSON straight to columns, without a dict for each record.

msgspec reads a line into an object with a slot for each field. The fields of a program are learned
from its lines. Only usual lines are decoded here, with the same result as that of
`chronologer.ingest.logrecord`; for all others it is called.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from chronologer.model import ERROR, META
from chronologer.storage.block.encoding import ABSENT
from chronologer.storage.block.table import LEVEL_NUMBER, MESSAGE, NAME, Key, Table

MAX_LINE = 2**16  # bytes
MAX_OTHERS, MAX_NAME = 200, 200  # fields that are not a LogRecord's own, characters of a name
MAX_CREATED = 2**32  # seconds
MAX_DEPTH, MAX_KEY = 16, 200  # levels of a value, characters of a key in it

REQUIRED = ('name', 'levelno', 'created', 'message')
KNOWN = (*REQUIRED, *sorted(META), *ERROR)
NO_ERROR = (None, '', 'None', '(None, None, None)')  # of what has no exception
CONTAINERS: frozenset[type] = frozenset([list, dict])


class LineDecoder:
    """Decodes lines; learns the names of their fields. Safe to use from any thread."""

    def __init__(self) -> None:
        self._shape = _Shape(())

    def decode(self, lines: Sequence[bytes]) -> Table | None:
        """
        Return the columns of lines, or None if one of them is unusual.

        No text has an escaped NUL, and no integer has 19 digits or more.
        """
        if max(map(len, lines)) > MAX_LINE or not all(map(_is_object, lines)):
            return None
        text = b'\n'.join(lines)
        shape = self._shape
        try:
            objects = shape.decoder.decode_lines(text)
        except (msgspec.ValidationError, RecursionError):
            others = _learn(lines, shape.others)
            if others is None:
                return None
            shape = self._shape = _Shape(others)  # another thread may do the same with its lines
            try:
                objects = shape.decoder.decode_lines(text)
            except (msgspec.DecodeError, RecursionError):
                return None
        except msgspec.DecodeError:
            return None
        if len(objects) != len(lines):  # several in a line
            return None
        return self._table({name: list(map(get, objects)) for name, get in shape.getters.items()})

    def _table(self, fields: dict[str, Sequence[Any]]) -> Table | None:
        name, level, created, message = (fields.pop(field) for field in REQUIRED)
        types = [set(map(type, values)) for values in (name, level, created, message)]
        if types != [{str}, {int}, {float}, {str}]:
            return None
        if not (-(2**31) <= min(level) <= max(level) < 2**31):
            return None
        if not (0 <= min(created) <= max(created) < MAX_CREATED):
            return None
        columns: dict[Key, Sequence[Any]] = {NAME: name, LEVEL_NUMBER: level, MESSAGE: message}
        for field, values in fields.items():
            section = 'meta' if field in META else 'error' if field in ERROR else 'data'
            if section == 'error':
                values = [ABSENT if _is_no_error(value) else value for value in values]
            if values[0] is not ABSENT or values.count(ABSENT) < len(values):
                if not _are_stored(values):
                    return None
                columns[section, field] = values
        return Table(None, microseconds_of(created), columns)


def _learn(lines: Sequence[bytes], known: tuple[str, ...]) -> tuple[str, ...] | None:
    """
    Return the names of the fields in *lines*, with *known* ones if that is not too many.

    None is returned if the lines themselves have too many, or no others.
    """
    names: dict[str, None] = {}
    try:
        for line in lines:
            names.update(dict.fromkeys(orjson.loads(line)))
    except ValueError:
        return None
    own = [name for name in names if name not in KNOWN]
    both = tuple(dict.fromkeys([*known, *own]))
    is_usual = len(own) <= MAX_OTHERS and max(map(len, own), default=0) <= MAX_NAME
    if not is_usual or both == known:
        return None
    return both if len(both) <= MAX_OTHERS else tuple(own)


class _Shape:
    """What msgspec reads lines into."""

    def __init__(self, others: tuple[str, ...]):
        self.others = others
        names = (*KNOWN, *others)
        slots: list[Any] = [(name, Any) for name in REQUIRED]
        for number, name in enumerate(names[len(REQUIRED) :]):
            slots.append((f'f{number}', Any, msgspec.field(default=ABSENT, name=name)))
        self.getters = {name: attrgetter(slot[0]) for name, slot in zip(names, slots, strict=True)}
        line = msgspec.defstruct('Line', slots, gc=False, forbid_unknown_fields=True)
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(line)


def _is_object(line: bytes) -> bool:
    """Whether a line begins and ends as an object, so that no object has two lines."""
    return line[:1] == b'{' and line[-1:] == b'}'


def _is_no_error(value: Any) -> bool:
    return value is ABSENT or not value or value in NO_ERROR


def _are_stored(values: Iterable[Any], depth: int = 0) -> bool:
    """Whether values have their stored form: those of lists and objects may be too deep."""
    if CONTAINERS.isdisjoint(map(type, values)):
        return True
    if depth == MAX_DEPTH:
        return False
    for value in values:
        if type(value) is dict:
            if max(map(len, value), default=0) > MAX_KEY or not _are_stored(
                value.values(), depth + 1
            ):
                return False
        elif type(value) is list and not _are_stored(value, depth + 1):
            return False
    return True


def microseconds_of(created: Sequence[float]) -> NDArray[np.int64]:
    """Return the microseconds of times, rounded as ``datetime.fromtimestamp`` rounds."""
    seconds = np.array(created)
    whole = np.floor(seconds)
    fraction = np.rint((seconds - whole) * 1e6)
    ts: NDArray[np.int64] = whole.astype(np.int64) * 1_000_000 + fraction.astype(np.int64)
    return ts
