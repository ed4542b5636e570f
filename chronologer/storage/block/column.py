"""
Columns: the values of one field, or of any operand of a query, in all records of a block.

A column has one of four forms, by which of them its operations are fast in C: `Numbers`, `Choices`
of few distinct values, `Texts` in one piece, `Items` of any JSON. `among` places the values of some
records among all records of a block.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]  # for each record of a block
Positions = NDArray[np.intp]  # of records in a block


class Column(ABC):
    """The values of *count* records, or of those that have any."""

    def __init__(self, count: int):
        self.count = count  # values
        self.where: Mask | None = None  # the records that have them, if not all

    def among(self, where: Mask) -> 'Column':
        """Say which records of a block have the values; return the column."""
        self.where = where
        return self

    @property
    def present(self) -> Mask:
        """The records that have a value, maybe null."""
        return np.ones(self.count, np.bool_) if self.where is None else self.where

    def spread(self, hits: Mask) -> Mask:
        """Return the records of the block whose values are *hits*."""
        if self.where is None:
            return hits
        spread = np.zeros(len(self.where), np.bool_)
        spread[self.where] = hits
        return spread

    @abstractmethod
    def values(self) -> Sequence[Any]:
        """Return the values of the records that have one."""

    def nulls(self) -> Mask | None:
        """Return which values are null, or None if no value is."""
        return None

    def some(self, positions: Positions) -> Iterator[tuple[int, Any]]:
        """Yield the values at some positions in the block, each with its number in *positions*."""
        if self.where is None:
            yield from enumerate(self.at(positions))
            return
        has_value = self.where[positions]
        rank = np.cumsum(self.where) - 1
        numbers = np.flatnonzero(has_value).tolist()
        yield from zip(numbers, self.at(rank[positions[has_value]]), strict=True)

    def at(self, numbers: Positions) -> Sequence[Any]:
        """Return some of the values, by their numbers among those that there are."""
        values = self.values()
        return [values[number] for number in numbers.tolist()]


class Numbers(Column):
    """Numbers of one type: integers or floats, of 64 bits."""

    def __init__(self, count: int, array: NDArray[Any]):
        super().__init__(count)
        self.array = array

    def values(self) -> Sequence[Any]:
        values: list[Any] = self.array.tolist()
        return values

    def at(self, numbers: Positions) -> Sequence[Any]:
        values: list[Any] = self.array[numbers].tolist()
        return values


class Choices(Column):
    """Values of which many are the same, as numbers of distinct ones."""

    def __init__(self, count: int, codes: NDArray[np.intp], distinct: Sequence[Any]):
        super().__init__(count)
        self.codes, self.distinct = codes, distinct

    def values(self) -> Sequence[Any]:
        distinct = self.distinct
        return [distinct[code] for code in self.codes.tolist()]

    def nulls(self) -> Mask | None:
        if None not in self.distinct:
            return None
        return self.having(lambda value: value is None)

    def having(self, test: Callable[[Any], bool]) -> Mask:
        """Return which values pass a test, which is done once for each distinct value."""
        hits = np.fromiter(map(test, self.distinct), np.bool_, len(self.distinct))
        return hits[self.codes]

    def at(self, numbers: Positions) -> Sequence[Any]:
        distinct = self.distinct
        return [distinct[code] for code in self.codes[numbers].tolist()]


def choices_of_one(value: Any, count: int) -> Choices:
    """Return a column with the same value everywhere."""
    return Choices(count, np.zeros(count, np.intp), [value])


class Texts(Column):
    """
    Texts with NUL between them, in UTF-8.

    They may be in another order than the records; *order* then returns the value at each position.
    """

    def __init__(self, count: int, data: bytes, order: Callable[[], Positions] | None = None):
        super().__init__(count)
        self.data, self._order = data, order

    @cached_property
    def is_ascii(self) -> bool:
        """Whether case-folding leaves each byte at its place."""
        return self.data.isascii()

    @property
    def _ends(self) -> Positions:
        """Where each text ends, in bytes; not cached, since it takes as much memory as texts."""
        return np.append(_nuls(self.data), len(self.data))

    @cached_property
    def _rank(self) -> Positions:
        """Which text each value is."""
        assert self._order is not None
        rank = np.empty(self.count, np.intp)
        rank[self._order()] = np.arange(self.count)
        return rank

    def values(self) -> Sequence[Any]:
        texts = self.data.decode().split('\0')
        return texts if self._order is None else [texts[number] for number in self._rank.tolist()]

    def containing(self, term: bytes, data: bytes | None = None) -> Mask:
        """Return which texts contain *term*, or that in which *data* has other characters."""
        hits = np.zeros(self.count, np.bool_)
        data = self.data if data is None else data
        # A same-sized replacement takes one pass; no byte of UTF-8 is 255.
        marked = data.replace(term, b'\xff' + b' ' * (len(term) - 1))
        at = np.flatnonzero(np.frombuffer(marked, np.uint8) == 255)
        if not len(at):
            return hits
        hits[np.searchsorted(_nuls(data), at)] = True
        return hits if self._order is None else hits[self._rank]

    def at(self, numbers: Positions) -> Sequence[Any]:
        if len(numbers) * 8 > self.count:
            return super().at(numbers)
        if self._order is not None:
            numbers = self._rank[numbers]
        ends = self._ends
        starts = np.where(numbers > 0, ends[numbers - 1] + 1, 0)
        spans = zip(starts.tolist(), ends[numbers].tolist(), strict=True)
        return [self.data[start:end].decode() for start, end in spans]


def _nuls(data: bytes) -> Positions:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == 0)


class Digits(Texts):
    """Texts of hexadecimal digits and dashes, which are made only if one is looked for."""

    CHARACTERS = frozenset(b'0123456789abcdef-')

    def __init__(self, count: int, digits: bytes, make: Callable[[], bytes]):
        Column.__init__(self, count)
        self._digits, self._make = digits, make  # two digits are a byte
        self._order = None

    @cached_property
    def data(self) -> bytes:  # type: ignore[override]
        """The texts."""
        return self._make()

    def containing(self, term: bytes, data: bytes | None = None) -> Mask:
        if not (self.CHARACTERS.issuperset(term) and self._may_contain(term)):
            return np.zeros(self.count, np.bool_)
        return super().containing(term, data)

    def _may_contain(self, term: bytes) -> bool:
        """Look for pairs of digits, which begin at the first or at the second one."""
        piece = max(term.split(b'-'), key=len).decode()
        pairs = (piece[start : start + (len(piece) - start) // 2 * 2] for start in (0, 1))
        return any(bytes.fromhex(digits) in self._digits for digits in pairs)


class Items(Column):
    """Any values."""

    def __init__(self, count: int, items: Sequence[Any]):
        super().__init__(count)
        self.items = items

    def values(self) -> Sequence[Any]:
        return self.items

    def nulls(self) -> Mask | None:
        if None not in self.items:
            return None
        return np.fromiter((item is None for item in self.items), np.bool_, self.count)
