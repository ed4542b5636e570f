"""Values in an expression: literals, columns, fields, arithmetic and functions."""

from collections.abc import Callable

from chronologer.query.cursor import Cursor
from chronologer.query.tokens import Token
from chronologer.query.tree import (
    COLUMNS,
    FUNCTIONS,
    MAX_TERMS,
    SECTIONS,
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
    parse_path,
)

CONDITION_TYPES = (Comparison, Like, IsNull, Not, And, Or)
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1

Expression = Condition | Operand


class Operands:
    """
    Reads values; *expression* reads what is in brackets, which may be a condition.

    So each method that returns an `Expression` may return a condition in brackets.
    """

    def __init__(self, cursor: Cursor, expression: Callable[[], Expression]):
        self._cursor, self._expression = cursor, expression

    def operand(self) -> Operand:
        """Read a value."""
        token = self._cursor.token
        return self.as_operand(self.sum(), token)

    def as_operand(self, node: Expression, token: Token) -> Operand:
        """Return *node*, read at *token*, which has to be a value."""
        if isinstance(node, CONDITION_TYPES):
            self._cursor.fail('expected a value, this is a condition', token)
        return node

    def sum(self) -> Expression:
        """Read sums of products."""
        return self._arithmetic('+-', lambda: self._arithmetic('*/', self.primary))

    def _arithmetic(self, operators: str, part: Callable[[], Expression]) -> Expression:
        start = self._cursor.token
        left = part()
        terms = 1
        while self._cursor.token.kind == 'operator' and self._cursor.token.text in operators:
            operator = self._cursor.next()
            terms += 1
            if terms > MAX_TERMS:
                self._cursor.fail(f'more than {MAX_TERMS} terms', operator)
            left_number = self._number(self.as_operand(left, start), start)
            right_token = self._cursor.token
            right_number = self._number(self.as_operand(part(), right_token), right_token)
            left = self._cursor.counted(Arithmetic(operator.text, left_number, right_number))
        return left

    def _number(self, operand: Operand, token: Token) -> Operand:
        if operand.type not in ('number', 'any'):
            self._cursor.fail(f'numbers are calculated with, not {operand.type}', token)
        return operand

    def primary(self) -> Expression:
        """Read a value without an operator, or what is in brackets."""
        token = self._cursor.next()
        if token.kind == 'number' or (token.text == '-' and self._cursor.token.kind == 'number'):
            sign, digits = ('-', self._cursor.next()) if token.text == '-' else ('', token)
            return self._cursor.counted(Literal(self._value(sign, digits)))
        if token.kind == 'string':
            return self._cursor.counted(Literal(self._cursor.unquoted(token)))
        if token.keyword in ('true', 'false'):
            return self._cursor.counted(Literal(token.keyword == 'true'))
        if token.text == '(' and token.kind == 'operator':
            inner = self._cursor.nested(self._expression)
            self._cursor.expect(')')
            return inner
        if token.kind == 'word' and not token.keyword:
            return self._cursor.counted(self._named(token))
        if token.keyword == 'null':
            self._cursor.fail('nothing equals NULL; use IS NULL', token)
        self._cursor.fail('expected a column, a field, a number or a text in single quotes', token)

    def _named(self, token: Token) -> Operand:
        name = token.text.lower()
        if self._cursor.is_at('('):
            return self._call(token)
        if name == 'logrec':
            return self._arrow()
        if token.text in SECTIONS:
            path = self._steps(token.text)
            if len(path.steps) == 1:
                self._cursor.fail(f'expected a key after {token.text}, such as {token.text}.user')
            return path
        if name in COLUMNS:
            return Column(name)
        before = self._cursor.before(token)
        if before and before.text == '-':
            self._cursor.fail('a key with a dash is quoted: data."a-b"', token)
        known = ', '.join([*COLUMNS, *(f'{section}.…' for section in (*SECTIONS, 'logrec'))])
        self._cursor.fail(f'there is no such column; there are {known}', token)

    def _steps(self, *first: str) -> Path:
        """Read the steps of a path after the *first* ones."""
        steps: list[str | int] = [*first]
        while self._cursor.is_at('.') or self._cursor.is_at('['):
            if self._cursor.next().text == '[':
                token = self._cursor.next()
                if not token.text.isdecimal() or len(token.text) > 9:
                    self._cursor.fail('expected the index of an array', token)
                steps.append(int(token.text))
                self._cursor.expect(']')
            else:
                steps.append(self._key(self._cursor.next()))
        return Path(tuple(steps))

    def _key(self, token: Token) -> str:
        if token.kind == 'word' or (token.kind == 'number' and token.text.isdecimal()):
            return token.text
        if token.kind == 'quoted':
            return self._cursor.unquoted(token)
        self._cursor.fail('expected a key; one that is no word is quoted: data."a-b"', token)

    def _arrow(self) -> Path:
        if self._cursor.is_at('.'):
            return self._steps()
        if not (self._cursor.take('->') or self._cursor.take('->>')):
            self._cursor.fail("expected a key or a path: logrec.user or logrec->'$.user'")
        return self._path()

    def _path(self) -> Path:
        token = self._cursor.token
        path = parse_path(self._cursor.string('a path in single quotes'))
        if path is None:
            self._cursor.fail(
                'expected a path such as \'$.data.items[0]."a b"\', without wildcards', token
            )
        return path

    def _call(self, token: Token) -> Operand:
        self._cursor.next()
        name = token.text.lower()
        if name == 'json_extract':
            if self._cursor.next().text.lower() != 'logrec':
                self._cursor.fail('json_extract is for logrec', self._cursor.last)
            self._cursor.expect(',')
            path = self._path()
            self._cursor.expect(')')
            return path
        if name not in FUNCTIONS:
            known = ', '.join([*FUNCTIONS, 'json_extract'])
            self._cursor.fail(f'there is no such function; there are {known}', token)
        start = self._cursor.token
        text = self._cursor.nested(self.operand)
        if text.type not in ('text', 'any') or isinstance(text, Literal):
            self._cursor.fail(f'{name} is for text of a record', start)
        numbers = [self._positive() for _ in range(2 if name == 'substr' else 0)]
        self._cursor.expect(')')
        return Call(name, text, tuple(numbers))

    def _positive(self) -> int:
        self._cursor.expect(',')
        token = self._cursor.next()
        is_number = token.kind == 'number' and token.text.isdecimal() and len(token.text) <= 9
        if not is_number or int(token.text) < 1:
            self._cursor.fail('expected a number from 1', token)
        return int(token.text)

    def _value(self, sign: str, digits: Token) -> int | float:
        value = float(sign + digits.text)
        if digits.text.isdecimal() and len(digits.text) <= 19:
            value = int(sign + digits.text)
        if isinstance(value, float) and value in (float('inf'), float('-inf')):
            self._cursor.fail('too large a number', digits)
        if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
            return float(value)
        return value
