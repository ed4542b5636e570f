"""Evaluation of queries in plain Python, to compare the engines with."""

from typing import Any

from chronologer.model import Record
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


def matches(condition: Condition, record: Record) -> bool:
    """Return whether the condition is true, not false and not null."""
    return evaluate(condition, record) is True


def evaluate(condition: Condition, record: Record) -> bool | None:
    """Evaluate with three-valued logic, as in SQL."""
    match condition:
        case And(conditions):
            values = [evaluate(part, record) for part in conditions]
            return False if False in values else None if None in values else True
        case Or(conditions):
            values = [evaluate(part, record) for part in conditions]
            return True if True in values else None if None in values else False
        case Not(inner):
            value = evaluate(inner, record)
            return None if value is None else not value
        case IsNull(operand):
            return value_of(operand, record) is None
        case Like(operand, pattern):
            text = value_of(operand, record)
            if text is None:
                return None
            return isinstance(text, str) and like(text, pattern)
        case Comparison(operator, left, right):
            return compare(operator, value_of(left, record), value_of(right, record))
    raise AssertionError(condition)


def compare(operator: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if kind(left) != kind(right) or kind(left) == 'other':
        return False
    if operator == '=':
        return left == right
    if kind(left) == 'boolean':
        return False
    return {
        '<': left < right, '<=': left <= right, '>': left > right, '>=': left >= right
    }[operator]  # fmt: skip


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return 'boolean'
    if isinstance(value, (int, float)):
        return 'number'
    if isinstance(value, str):
        return 'text'
    return 'other' if isinstance(value, (list, dict)) else 'instant'


def like(text: str, pattern: tuple[tuple[str, str], ...]) -> bool:
    if not pattern:
        return not text
    (part, character), rest = pattern[0], pattern[1:]
    if part == 'any':
        return any(like(text[start:], rest) for start in range(len(text) + 1))
    if not text or (part == 'text' and text[0] != character):
        return False
    return like(text[1:], rest)


def value_of(operand: Operand, record: Record) -> Any:
    match operand:
        case Literal(value):
            return value
        case Column(name):
            return getattr(record, name)
        case Path(steps):
            return at(record.logrec, steps)
        case Arithmetic(operator, left, right):
            return calculate(operator, number(left, record), number(right, record))
        case Call(name, text, numbers):
            value = value_of(text, record)
            if not isinstance(value, str):
                return None
            if name == 'length':
                return len(value)
            return value[numbers[0] - 1 : numbers[0] - 1 + numbers[1]]
    raise AssertionError(operand)


def at(value: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        elif isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def number(operand: Operand, record: Record) -> float | None:
    value = value_of(operand, record)
    return float(value) if kind(value) == 'number' and value is not None else None


def calculate(operator: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or (operator == '/' and right == 0):
        return None
    if operator == '+':
        return left + right
    if operator == '-':
        return left - right
    return left * right if operator == '*' else left / right
