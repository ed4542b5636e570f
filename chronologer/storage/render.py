"""
Renders the tree of a query as a condition in SQL.

The meaning of an expression is defined here once: null where a side is null, false where types
differ. The `Renderer` of an engine has its JSON functions for the type and the value at a path.
Every literal, key and pattern is a bound parameter.
"""

from abc import ABC, abstractmethod
from datetime import datetime
from itertools import groupby
from typing import Any

from chronologer.model import microseconds
from chronologer.query.tree import (
    And,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Condition,
    IsNull,
    Like,
    Literal,
    Not,
    Operand,
    Or,
    Path,
)
from chronologer.search import STRUCTURE, UNSEARCHED

COLUMNS = {
    'id': 'record.id',
    'ts': 'record.ts',
    'name': '(SELECT name FROM logger WHERE logger.id = record.logger)',
    'level': 'record.level',
    'message': 'record.message',
}


class SQL:
    """A piece of a statement, and the parameters of its ``?`` in their order."""

    __slots__ = ('parameters', 'text')

    def __init__(self, text: str, *parameters: Any):
        self.text = text
        self.parameters = list(parameters)


def join(template: str, *pieces: SQL) -> SQL:
    """Put pieces into the ``{}`` of a template."""
    sql = SQL(template.format(*(piece.text for piece in pieces)))
    sql.parameters = [parameter for piece in pieces for parameter in piece.parameters]
    return sql


class Renderer(ABC):
    """Renders conditions for one engine."""

    number_types: tuple[str, ...]  # the types of numbers that `value` can return, exact ones first
    at: str  # an instant to compare ts with

    @abstractmethod
    def is_type(self, path: Path, type: str) -> SQL:
        """Whether the value at *path* has a type: text, boolean, null or one of `number_types`."""

    @abstractmethod
    def value(self, path: Path, type: str) -> SQL:
        """The value at *path*, which is of that type; a boolean as a condition."""

    @abstractmethod
    def compare_texts(self, left: SQL, operator: str, right: SQL) -> SQL:
        """By code point; trailing spaces count."""

    @abstractmethod
    def like(self, text: SQL, pattern: tuple[tuple[str, str], ...]) -> SQL:
        """In exact case."""

    @abstractmethod
    def to_float(self, number: SQL) -> SQL:
        """A 64-bit float."""

    @abstractmethod
    def call(self, name: str, text: SQL, numbers: tuple[int, ...]) -> SQL:
        """A function of text."""

    def hints(self, condition: Condition) -> list[SQL]:
        """Cheaper conditions that are true wherever this one is, to be tested first."""
        return []

    def render(self, condition: Condition) -> SQL:
        """Return the condition: true, false or null."""
        if isinstance(condition, (And, Or)):
            word = ' AND ' if isinstance(condition, And) else ' OR '
            parts = [self.render(part) for part in condition.conditions]
            return join(f'({word.join(["{}"] * len(parts))})', *parts)
        if isinstance(condition, Not):
            return join('(NOT {})', self.render(condition.condition))
        if isinstance(condition, IsNull):
            return join('({})', self._is_null(condition.operand))
        if isinstance(condition, Like):
            return self._typed([condition.operand], self._like_cases(condition))
        return self._compare(condition)

    def _compare(self, comparison: Comparison) -> SQL:
        left, right = comparison.left, comparison.right
        cases = [
            (
                [self._is(left, left_type), self._is(right, right_type)],
                self._compare_as(comparison, left_type, right_type),
            )
            for left_type in self._types(left)
            for right_type in self._types(right)
            if left_type == right_type or {left_type, right_type} <= {'number', *self.number_types}
        ]
        return self._typed([left, right], cases)

    def _compare_as(self, comparison: Comparison, left_type: str, right_type: str) -> SQL:
        left = self._value(comparison.left, left_type)
        right = self._value(comparison.right, right_type)
        if left_type == 'text':
            return self.compare_texts(left, comparison.operator, right)
        if left_type == 'boolean':
            is_equality = comparison.operator == '='
            return join('({} = {})', left, right) if is_equality else SQL('(1 = 0)')
        return join(f'({{}} {comparison.operator} {{}})', left, right)

    def _like_cases(self, like: Like) -> list[tuple[list[SQL | None], SQL]]:
        is_text = self._is(like.operand, 'text')
        return [([is_text], self.like(self._value(like.operand, 'text'), like.pattern))]

    def _typed(self, operands: list[Operand], cases: list[tuple[list[SQL | None], SQL]]) -> SQL:
        """Null if an operand is null; else the first case whose types match; else false."""
        nulls = [self._is_null(operand) for operand in operands if _can_be_null(operand)]
        if not nulls and len(cases) == 1 and not any(cases[0][0]):
            return cases[0][1]
        branches = [join('WHEN {} THEN NULL', null) for null in nulls]
        for conditions, result in cases:
            known = [condition for condition in conditions if condition is not None]
            when = ' AND '.join(['{}'] * len(known)) or '1 = 1'
            branches.append(join(f'WHEN {when} THEN {{}}', *known, result))
        if not branches:
            return SQL('(1 = 0)')
        return join(f'(CASE {" ".join(["{}"] * len(branches))} ELSE 1 = 0 END)', *branches)

    # Operands

    def _types(self, operand: Operand) -> tuple[str, ...]:
        is_path = isinstance(operand, Path)
        return (*self.number_types, 'text', 'boolean') if is_path else (operand.type,)

    def _is(self, operand: Operand, type: str) -> SQL | None:
        """Whether the operand has a type, or None where it always has."""
        return self.is_type(operand, type) if isinstance(operand, Path) else None

    def _is_null(self, operand: Operand) -> SQL:
        if isinstance(operand, Path):
            return self.is_type(operand, 'null')
        return join('{} IS NULL', self._value(operand, operand.type))

    def _value(self, operand: Operand, type: str) -> SQL:
        if isinstance(operand, Path):
            return self.value(operand, type)
        if isinstance(operand, Column):
            return SQL(COLUMNS[operand.name])
        if isinstance(operand, Call):
            return self.call(operand.name, self._text(operand.text), operand.numbers)
        if isinstance(operand, Arithmetic):
            left, right = self._number(operand.left), self._number(operand.right)
            return join(f'({{}} {operand.operator} {{}})', left, right)
        return self._literal(operand)

    def _literal(self, literal: Literal) -> SQL:
        if isinstance(literal.value, bool):
            return SQL('(1 = 1)' if literal.value else '(1 = 0)')
        if isinstance(literal.value, datetime):
            return SQL(self.at, microseconds(literal.value))
        return SQL('?', literal.value)

    def _number(self, operand: Operand) -> SQL:
        """The operand as a float; null for other types."""
        if isinstance(operand, Arithmetic):
            return self._value(operand, 'number')
        if not isinstance(operand, Path):
            return self.to_float(self._value(operand, 'number'))
        branches = [
            join(
                'WHEN {} THEN {}',
                self.is_type(operand, type),
                self.to_float(self.value(operand, type)),
            )
            for type in self.number_types
        ]
        return join(f'CASE {" ".join(["{}"] * len(branches))} END', *branches)

    def _text(self, operand: Operand) -> SQL:
        """The operand as text; null for other types."""
        if not isinstance(operand, Path):
            return self._value(operand, 'text')
        is_text, text = self.is_type(operand, 'text'), self.value(operand, 'text')
        return join('CASE WHEN {} THEN {} END', is_text, text)


def required_equalities(condition: Condition) -> list[tuple[Path, Literal]]:
    """Return the fields that have to equal a literal if the condition is true."""
    if isinstance(condition, And):
        return [pair for part in condition.conditions for pair in required_equalities(part)]
    if isinstance(condition, Comparison) and condition.operator == '=':
        left, right = condition.left, condition.right
        if isinstance(left, Path) and isinstance(right, Literal):
            return [(left, right)]
    return []


def required_texts(condition: Condition, of: Operand | None = None) -> list[str]:
    """
    Return texts that the searchable text of a record contains if the condition is true.

    If *of* is given, that operand contains them.
    """
    if isinstance(condition, And):
        return [text for part in condition.conditions for text in required_texts(part, of)]
    if isinstance(condition, Comparison | Like) and of not in (None, _tested(condition)):
        return []
    if isinstance(condition, Comparison) and condition.operator == '=':
        operand, literal = condition.left, condition.right
        is_indexed = operand in (Column('message'), Path(('error', 'exc_text')))
        if is_indexed and isinstance(literal, Literal) and isinstance(literal.value, str):
            return [literal.value]
    if isinstance(condition, Like) and is_searchable(condition.operand):
        runs = groupby(condition.pattern, lambda part: part[0])
        return [''.join(text for _, text in parts) for kind, parts in runs if kind == 'text']
    return []


def _tested(condition: Comparison | Like) -> Operand:
    return condition.left if isinstance(condition, Comparison) else condition.operand


def is_searchable(operand: Operand) -> bool:
    if isinstance(operand, Path):
        is_in_structure = operand.steps[:2] == STRUCTURE and len(operand.steps) > 2
        return operand.steps[0] != UNSEARCHED and not is_in_structure
    return operand == Column('message')


def _can_be_null(operand: Operand) -> bool:
    if isinstance(operand, (Literal, Column)):
        return False
    return not isinstance(operand, Call) or _can_be_null(operand.text)
