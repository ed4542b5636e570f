"""
Evaluates a condition for all records of a block, with three-valued logic.

``doc/query.rst`` says what an expression means. Comparisons of a field with a literal, which most
are, look at distinct values or at arrays of numbers; other operands are made arrays first.
"""

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chronologer.query import tree
from chronologer.storage.block.block import Block
from chronologer.storage.block.column import Choices, Mask, Texts
from chronologer.storage.block.operand import Operand, Part, column_at, operand_of

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    '=': operator.eq, '<': operator.lt, '<=': operator.le, '>': operator.gt, '>=': operator.ge
}  # fmt: skip
LARGE = 2**21  # bytes of texts among which the time limit is looked at
EXACT = 2**53  # integers up to it are floats, too


class Truth(NamedTuple):
    """For which records a condition is true, and for which it is null, if any."""

    true: Mask
    null: Mask | None = None

    @property
    def false(self) -> Mask:
        """The other records."""
        return ~self.true if self.null is None else ~(self.true | self.null)


def evaluate(block: Block, condition: tree.Condition) -> Truth:
    """Evaluate a condition for each record."""
    if isinstance(condition, (tree.And, tree.Or)):
        parts = [evaluate(block, part) for part in condition.conditions]
        return _all(parts) if isinstance(condition, tree.And) else _any(parts)
    if isinstance(condition, tree.Not):
        inner = evaluate(block, condition.condition)
        return Truth(inner.false, inner.null)
    if isinstance(condition, tree.IsNull):
        return Truth(_nulls(block, condition.operand))
    if isinstance(condition, tree.Like):
        return _like(block, condition)
    return _compare(block, condition)


def _all(parts: list[Truth]) -> Truth:
    true = np.logical_and.reduce([part.true for part in parts])
    if all(part.null is None for part in parts):
        return Truth(true)
    false = np.logical_or.reduce([part.false for part in parts])
    return Truth(true, ~(true | false))


def _any(parts: list[Truth]) -> Truth:
    true = np.logical_or.reduce([part.true for part in parts])
    nulls = [part.null for part in parts if part.null is not None]
    return Truth(true, np.logical_or.reduce(nulls) & ~true if nulls else None)


def _nulls(block: Block, operand: tree.Operand) -> Mask:
    """Return for which records an operand is null, without its values if possible."""
    if isinstance(operand, tree.Path):
        column, present = column_at(block, operand)
        if column is not None and present is None:
            nulls = column.nulls()
            null = ~column.present
            return null if nulls is None else null | column.spread(nulls)
    return operand_of(block, operand).nulls()


# Comparisons


def _compare(block: Block, comparison: tree.Comparison) -> Truth:
    left, right = comparison.left, comparison.right
    if isinstance(right, tree.Literal) and isinstance(right.value, str):
        test = OPERATORS[comparison.operator]
        text = right.value
        required = text if comparison.operator == '=' else ''
        passes = _Test(lambda value: bool(test(value, text)), required, is_exact=False)
        if truth := _test_texts(block, left, passes):
            return truth
    one, other = operand_of(block, left), operand_of(block, right)
    true = np.zeros(len(block), np.bool_)
    compare = OPERATORS[comparison.operator]
    for first in one.numbers:
        for second in other.numbers:
            true |= first.where & second.where & _compare_numbers(compare, first, second)
    for first in one.texts:
        for second in other.texts:
            both = first.where & second.where
            true[both] |= compare(first.values[both], second.values[both]).astype(np.bool_)
    if comparison.operator == '=':
        for first in one.booleans:
            for second in other.booleans:
                true |= first.where & second.where & (first.values == second.values)
    return Truth(true, _either_null(one, other))


def _either_null(one: Operand, other: Operand) -> Mask | None:
    if one.null is None or other.null is None:
        return one.null if other.null is None else other.null
    return one.null | other.null


def _compare_numbers(compare: Callable[[Any, Any], Any], one: Part, other: Part) -> NDArray[Any]:
    """Compare exactly: an integer of 64 bits may be between two floats."""
    is_mixed = one.values.dtype != other.values.dtype
    result: NDArray[Any] = compare(one.values, other.values)
    if is_mixed:
        integers = one.values if one.values.dtype == np.int64 else other.values
        beyond = ((integers > EXACT) | (integers < -EXACT)) & one.where & other.where
        for position in np.flatnonzero(beyond).tolist():
            result[position] = compare(one.values[position].item(), other.values[position].item())
    return result


# Texts


class _Test(NamedTuple):
    """A test of texts; one that passes contains a text, which *is_exact* enough to pass."""

    passes: Callable[[str], bool]
    required: str
    is_exact: bool


def _test_texts(block: Block, operand: tree.Operand, test: _Test) -> Truth | None:
    """Return which texts of a column pass a test, if the operand is a column."""
    if isinstance(operand, tree.Path):
        column, present = column_at(block, operand)
        if present is not None:
            return None
    elif isinstance(operand, tree.Column) and operand.type == 'text':
        column = block.column(operand.name)
    else:
        return None
    if isinstance(column, Choices):
        hits = column.having(lambda value: isinstance(value, str) and test.passes(value))
    elif isinstance(column, Texts):
        hits = _passing(block, column, test)
    else:
        return None
    nulls = column.nulls()
    null = None if column.where is None else ~column.where
    if nulls is not None:
        null = column.spread(nulls) if null is None else null | column.spread(nulls)
    return Truth(column.spread(hits), null)


def _passing(block: Block, column: Texts, test: _Test) -> Mask:
    if '\0' in test.required:  # which no text has
        return np.zeros(column.count, np.bool_)
    if test.required:
        hits = column.containing(test.required.encode())
        if test.is_exact:
            return hits
    else:
        hits = np.ones(column.count, np.bool_)
    numbers = np.flatnonzero(hits)
    texts = column.at(numbers)
    if len(column.data) < LARGE:
        hits[numbers] = [test.passes(text) for text in texts]
        return hits
    for number, text in zip(numbers.tolist(), texts, strict=True):
        block.check()
        hits[number] = test.passes(text)
    return hits


def _like(block: Block, like: tree.Like) -> Truth:
    pattern = Pattern(like.pattern)
    test = _Test(pattern.matches, pattern.required, pattern.is_plain)
    if truth := _test_texts(block, like.operand, test):
        return truth
    operand = operand_of(block, like.operand)
    true = np.zeros(len(block), np.bool_)
    for part in operand.texts:
        texts = part.values[part.where].tolist()
        true[part.where] = np.fromiter(map(pattern.matches, texts), np.bool_, len(texts))
    return Truth(true, operand.null)


class Pattern:
    """
    A pattern of LIKE, which is matched in a time that is proportional to the text.

    Between two ``%`` is a segment, of characters and ``_``. The first place after the segment
    before is the right one for each segment, except for the first and the last one.
    """

    def __init__(self, pattern: tuple[tuple[str, str], ...]):
        segments: list[list[str]] = [[]]
        for kind, character in pattern:
            if kind == 'any':
                segments.append([])
            else:
                segments[-1].append(re.escape(character) if kind == 'text' else '.')
        self._is_whole = len(segments) == 1
        self._head, *middle = [re.compile(''.join(part), re.DOTALL) for part in segments]
        self._head_length = len(segments[0])
        self._tail = middle.pop() if middle else None
        self._tail_length = len(segments[-1])
        self._middle = [part for part in middle if part.pattern]
        runs = _runs(pattern)
        self.required = max(runs, key=len, default='')  # the longest text that it contains
        # Whether each text that contains it matches.
        self.is_plain = [kind for kind, _ in pattern] == [
            'any', *['text'] * len(self.required), 'any'
        ]  # fmt: skip

    def matches(self, text: str) -> bool:
        """Whether a text matches."""
        if self.is_plain:
            return self.required in text
        if self._is_whole:
            return self._head.fullmatch(text) is not None
        end = len(text) - self._tail_length
        if end < self._head_length or not self._head.match(text):
            return False
        assert self._tail is not None
        if not self._tail.match(text, end):
            return False
        at = self._head_length
        for part in self._middle:
            found = part.search(text, at, end)
            if found is None:
                return False
            at = found.end()
        return True


def _runs(pattern: tuple[tuple[str, str], ...]) -> list[str]:
    """Return the texts of a pattern without wildcards in them."""
    runs = ['']
    for kind, character in pattern:
        if kind == 'text':
            runs[-1] += character
        else:
            runs.append('')
    return runs
