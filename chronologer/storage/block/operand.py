"""
Operands of a query for all records of a block, divided by type.

Values of different types are never equal, so each comparison looks at pairs of the same type only.
`Operand` has numbers, texts and booleans apart, each with the records that have them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.model import microseconds
from chronologer.query import tree
from chronologer.query.tree import value_at
from chronologer.storage.block.block import Block
from chronologer.storage.block.column import Choices, Column, Items, Mask, Numbers, Texts
from chronologer.storage.block.table import REST


@dataclass(slots=True)
class Part:
    """The values of one type, and the records that have them; arrays are as long as the block."""

    where: Mask
    values: NDArray[Any]  # numbers: int64 or float64; texts: objects; booleans: bool


@dataclass(slots=True)
class Operand:
    """The values of an operand, by type; records in no part have null, an array or an object."""

    count: int
    numbers: list[Part] = field(default_factory=list)  # integers, floats
    texts: list[Part] = field(default_factory=list)
    booleans: list[Part] = field(default_factory=list)
    null: Mask | None = None  # None: no value is null

    def nulls(self) -> Mask:
        """Return the records for which it is null."""
        return np.zeros(self.count, np.bool_) if self.null is None else self.null


def operand_of(block: Block, operand: tree.Operand) -> Operand:
    """Return the values of an operand of a query."""
    if isinstance(operand, tree.Literal):
        return _constant(operand.value, len(block))
    if isinstance(operand, tree.Column):
        return _own_column(block, operand.name)
    if isinstance(operand, tree.Path):
        return _of_path(block, operand)
    if isinstance(operand, tree.Arithmetic):
        return _calculate(block, operand)
    return _call(block, operand)


def _constant(value: Any, count: int) -> Operand:
    everywhere = np.ones(count, np.bool_)
    if isinstance(value, datetime):
        value = microseconds(value)
    if isinstance(value, bool):
        return Operand(count, booleans=[Part(everywhere, np.full(count, value))])
    if isinstance(value, str):
        texts = np.empty(count, object)
        texts[:] = value
        return Operand(count, texts=[Part(everywhere, texts)])
    kind = np.int64 if isinstance(value, int) else np.float64
    return Operand(count, numbers=[Part(everywhere, np.full(count, value, kind))])


def _own_column(block: Block, name: str) -> Operand:
    everywhere = np.ones(len(block), np.bool_)
    if name in ('id', 'ts', 'level'):
        values = block.ids if name == 'id' else block.ts if name == 'ts' else block.levels
        return Operand(len(block), numbers=[Part(everywhere, values)])
    column = block.column(name)
    assert column is not None
    return of_column(column, len(block))


def _of_path(block: Block, path: tree.Path) -> Operand:
    column, present = column_at(block, path)
    if column is None:
        null = np.ones(len(block), np.bool_) if present is None else ~present
        return Operand(len(block), null=null)
    operand = of_column(column, len(block))
    if present is not None:
        operand.null = operand.nulls() & ~present
    return operand


def column_at(block: Block, path: tree.Path) -> tuple[Column | None, Mask | None]:
    """
    Return the column of the values at *path*.

    Also the records that have an object there whose fields are columns, or None if there are none.
    """
    steps = path.steps
    section = steps[0]
    if not isinstance(section, str):
        return None, None
    if len(steps) > 1 and isinstance(field := steps[1], str):
        column = block.column((section, field))
        if column is not None:
            return _within(column, tree.Path(steps[2:])), None
    whole = block.column((section,))
    if whole is not None:
        whole = _within(whole, tree.Path(steps[1:]))
    rest = block.column(REST)
    if rest is not None:
        rest = _within(rest, path)
        whole = rest if whole is None else _union(whole, rest, len(block))
    if len(steps) > 1:
        return whole, None
    present: Mask | None = None
    for key in block.keys:
        if len(key) == 2 and key[0] == section:
            fields = block.column(key)
            assert fields is not None
            present = fields.present if present is None else present | fields.present
    return whole, present


def _within(column: Column, path: tree.Path) -> Column:
    """Return the values at a path within the values of a column; null where there is none."""
    if not path.steps:
        return column
    if isinstance(column, Choices):
        inner: Column = Choices(
            column.count, column.codes, [value_at(path, value) for value in column.distinct]
        )
    elif isinstance(column, Items):
        inner = Items(column.count, [value_at(path, item) for item in column.items])
    else:  # texts and numbers have nothing within
        inner = Choices(column.count, np.zeros(column.count, np.intp), [None])
    inner.where = column.where
    return inner


def _union(one: Column, other: Column, count: int) -> Column:
    """Return the values of two columns, which no record has in both."""
    values: list[Any] = [None] * count
    for column in (other, one):
        positions = np.flatnonzero(column.present).tolist()
        for position, value in zip(positions, column.values(), strict=True):
            values[position] = value if value is not None else values[position]
    return Items(count, values)


def of_column(column: Column, count: int) -> Operand:
    """Divide the values of a column by type."""
    operand = Operand(count)
    where = column.where
    if where is not None:
        operand.null = ~where
    if isinstance(column, Numbers):
        operand.numbers.append(_part(column, np.ones(column.count, np.bool_), column.array))
    elif isinstance(column, Texts):
        values = np.array(column.values(), object)
        operand.texts.append(_part(column, np.ones(column.count, np.bool_), values))
    elif isinstance(column, Choices):
        _divide(operand, column, column.distinct, column.codes)
    else:
        _divide(operand, column, column.values(), None)
    return operand


TYPES: tuple[tuple[type, str, Any], ...] = (
    (int, 'numbers', np.int64), (float, 'numbers', np.float64),
    (str, 'texts', object), (bool, 'booleans', np.bool_),
)  # fmt: skip


def _divide(operand: Operand, column: Column, values: Any, codes: NDArray[np.intp] | None) -> None:
    """Add the parts of *values*, or of those that *codes* choose."""
    types = list(map(type, values))
    present = set(types)
    for type_, name, kind in TYPES:
        if type_ not in present:
            continue
        has_type = np.fromiter((type is type_ for type in types), np.bool_, len(types))
        array = np.zeros(len(values), kind)
        some = [value for value in values if type(value) is type_]
        try:
            array[has_type] = some
        except OverflowError:  # an integer beyond 64 bits
            array = array.astype(np.float64)
            array[has_type] = some
        if codes is not None:
            has_type, array = has_type[codes], array[codes]
        getattr(operand, name).append(_part(column, has_type, array))
    if type(None) in present:
        is_null = np.fromiter((value is None for value in values), np.bool_, len(types))
        null = column.spread(is_null if codes is None else is_null[codes])
        operand.null = null if operand.null is None else operand.null | null


def _part(column: Column, hits: Mask, values: NDArray[Any]) -> Part:
    if column.where is None:
        return Part(hits, values)
    spread = np.zeros(len(column.where), values.dtype)
    spread[column.where] = values
    return Part(column.spread(hits), spread)


def _floats(operand: Operand) -> tuple[Mask, NDArray[np.float64]]:
    """Return the numbers as floats, and the records that have them."""
    where, values = np.zeros(operand.count, np.bool_), np.zeros(operand.count)
    for part in operand.numbers:
        values[part.where] = part.values[part.where]
        where |= part.where
    return where, values


def _calculate(block: Block, operand: tree.Arithmetic) -> Operand:
    left_where, left = _floats(operand_of(block, operand.left))
    right_where, right = _floats(operand_of(block, operand.right))
    where = left_where & right_where
    functions: dict[str, Callable[[Any, Any], Any]] = {
        '+': np.add, '-': np.subtract, '*': np.multiply, '/': np.divide
    }  # fmt: skip
    if operand.operator == '/':
        where &= right != 0
    with np.errstate(all='ignore'):
        values = functions[operand.operator](left, right)
    where &= ~np.isnan(values)
    return Operand(len(block), [Part(where, values)], null=~where)


def _call(block: Block, call: tree.Call) -> Operand:
    """Apply a function to each distinct text."""
    count = len(block)
    where = np.zeros(count, np.bool_)
    is_length = call.name == 'length'
    values = np.zeros(count, np.int64 if is_length else object)
    for part in operand_of(block, call.text).texts:
        texts = part.values[part.where].tolist()
        if is_length:
            values[part.where] = list(map(len, texts))
        else:
            start, length = call.numbers
            piece = slice(start - 1, start - 1 + length)
            values[part.where] = [text[piece] for text in texts]
        where |= part.where
    result = Operand(count, null=~where)
    (result.numbers if is_length else result.texts).append(Part(where, values))
    return result
