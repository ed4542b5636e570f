"""
Parses an expression into the tree of `chronologer.query.tree`, by recursive descent.

sqlglot was tried. It drops comments, joins adjacent strings, reads ``[0]`` as a name, cannot read
keys that are keywords, and has no position of a literal. Our grammar has a dozen rules, and what it
lacks does not have to be forbidden.
"""

from collections.abc import Callable

from chronologer.errors import InputError
from chronologer.parse import LEVELS, parse_instant
from chronologer.query.cursor import Cursor
from chronologer.query.operands import CONDITION_TYPES, Expression, Operands
from chronologer.query.tokens import Token
from chronologer.query.tree import (
    COMPARISONS,
    FLIPPED,
    MAX_PATTERN,
    MAX_WILDCARDS,
    UNEQUAL,
    And,
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
    like_pattern,
)

LEVEL = Column('level')


def parse_query(text: str) -> Condition:
    """
    Return the tree of an expression.

    Raises:
        InputError: It is malformed; the error has the column, and names the token and the mistake.
    """
    return _Parser(text).parse()


def parse_field(text: str) -> Column | Path:
    """
    Return the column, or the path in ``logrec``, that *text* names as an expression does.

    Raises:
        InputError: It names neither.
    """
    return _Parser(text, 'field').parse_field()


def parse_fields(text: str) -> list[Path]:
    """
    Return the paths in ``logrec`` that *text* names, separated by commas.

    Raises:
        InputError: One of them is malformed.
    """
    return _Parser(text, 'fields').parse_fields()


class _Parser:
    def __init__(self, text: str, parameter: str = 'query'):
        self._cursor = Cursor(text, parameter)
        self._operands = Operands(self._cursor, self._or)

    def parse(self) -> Condition:
        condition = self._condition(self._or)
        if self._cursor.token.kind != 'end':
            self._cursor.fail('expected AND, OR or the end')
        return condition

    def parse_field(self) -> Column | Path:
        token = self._cursor.token
        operand = self._operands.primary()
        if self._cursor.token.kind != 'end' or not isinstance(operand, (Column, Path)):
            self._cursor.fail('expected a column or a field, such as level or data.user', token)
        return operand

    def parse_fields(self) -> list[Path]:
        fields: list[Path] = []
        while True:
            token = self._cursor.token
            operand = self._operands.primary()
            if not isinstance(operand, Path):
                self._cursor.fail('expected a field, such as data.user', token)
            fields.append(operand)
            if not self._cursor.take(','):
                break
        if self._cursor.token.kind != 'end':
            self._cursor.fail('expected a comma or the end')
        return fields

    # Conditions, loosest first

    def _or(self) -> Expression:
        return self._chain('or', self._and, Or)

    def _and(self) -> Expression:
        return self._chain('and', self._not, And)

    def _chain(
        self, keyword: str, part: Callable[[], Expression], kind: Callable[..., Condition]
    ) -> Expression:
        start = self._cursor.token
        first = part()
        if self._cursor.token.keyword != keyword:
            return first
        conditions = [self._as_condition(first, start)]
        while self._cursor.take_keyword(keyword):
            conditions.append(self._condition(part))
        return kind(tuple(conditions))

    def _not(self) -> Expression:
        if not self._cursor.take_keyword('not'):
            return self._predicate()
        return Not(self._cursor.nested(lambda: self._condition(self._not)))

    def _predicate(self) -> Expression:
        start = self._cursor.token
        left = self._operands.sum()
        token = self._cursor.token
        if isinstance(left, CONDITION_TYPES):
            return left
        if token.text in COMPARISONS or token.text in UNEQUAL:
            self._cursor.next()
            operator = COMPARISONS.get(token.text, '=')
            name = self._cursor.take_word(LEVELS) if left == LEVEL else None
            right = self._operands.operand() if name is None else Literal(LEVELS[name])
            comparison = self._compare(token, operator, left, right)
            return Not(comparison) if token.text in UNEQUAL else comparison
        if self._cursor.take_keyword('is'):
            is_not = self._cursor.take_keyword('not')
            self._cursor.expect_keyword('null')
            return Not(IsNull(left)) if is_not else IsNull(left)
        is_not = self._cursor.take_keyword('not')
        for keyword, rest in (('like', self._like), ('in', self._in), ('between', self._between)):
            if self._cursor.take_keyword(keyword):
                condition = rest(start, left)
                return Not(condition) if is_not else condition
        if is_not:
            self._cursor.fail('expected LIKE, IN or BETWEEN')
        return left

    def _like(self, start: Token, operand: Operand) -> Condition:
        if operand.type not in ('text', 'any'):
            self._cursor.fail('LIKE is for text', start)
        token = self._cursor.token
        pattern = self._cursor.string('a pattern in single quotes')
        escape = None
        if self._cursor.take_keyword('escape'):
            escape = self._cursor.string('one character')
        if escape is not None and len(escape) != 1:
            self._cursor.fail('ESCAPE is one character', token)
        parts = like_pattern(pattern, escape)
        if parts is None:
            self._cursor.fail('the pattern ends with the escape character', token)
        wildcards = sum(kind == 'any' for kind, _ in parts)
        if len(parts) > MAX_PATTERN or wildcards > MAX_WILDCARDS:
            limit = f'{MAX_PATTERN} characters and {MAX_WILDCARDS} %'
            self._cursor.fail(f'a pattern has at most {limit}', token)
        return Like(operand, parts)

    def _in(self, start: Token, operand: Operand) -> Condition:
        self._cursor.expect('(')
        comparisons = []
        while True:
            token = self._cursor.token
            value = self._operands.operand()
            if not isinstance(value, Literal):
                self._cursor.fail('IN accepts numbers, texts and booleans', token)
            comparisons.append(self._compare(token, '=', operand, value))
            if not self._cursor.take(','):
                break
        self._cursor.expect(')')
        return Or(tuple(comparisons)) if len(comparisons) > 1 else comparisons[0]

    def _between(self, start: Token, operand: Operand) -> Condition:
        low_token, low = self._cursor.token, self._operands.operand()
        self._cursor.expect_keyword('and')
        high_token, high = self._cursor.token, self._operands.operand()
        low_condition = self._compare(low_token, '>=', operand, low)
        return And((low_condition, self._compare(high_token, '<=', operand, high)))

    def _compare(self, token: Token, operator: str, left: Operand, right: Operand) -> Comparison:
        """Return a comparison with its literal on the right; both types have to fit."""
        if isinstance(left, Literal):
            left, right, operator = right, left, FLIPPED[operator]
        if isinstance(left, Literal):
            self._cursor.fail('both sides are constants', token)
        if 'instant' in (left.type, right.type):
            left, right = self._as_instants(token, left, right)
        if left == LEVEL and isinstance(right, Literal) and isinstance(right.value, str):
            right = self._as_level(token, right.value)
        if left.type != right.type and 'any' not in (left.type, right.type):
            self._cursor.fail(f'types differ: {left.type} and {right.type}', token)
        if right.type == 'boolean' and operator != '=':
            self._cursor.fail('booleans are equal or not, and in no order', token)
        return Comparison(operator, left, right)

    def _as_instants(self, token: Token, left: Operand, right: Operand) -> tuple[Operand, Literal]:
        if not isinstance(right, Literal) or not isinstance(right.value, str):
            self._cursor.fail('ts is compared with an ISO 8601 instant in single quotes', token)
        try:
            return left, Literal(parse_instant('ts', right.value))
        except InputError as ex:
            self._cursor.fail(ex.message, token)

    def _condition(self, part: Callable[[], Expression]) -> Condition:
        token = self._cursor.token
        return self._as_condition(part(), token)

    def _as_condition(self, node: Expression, token: Token) -> Condition:
        if not isinstance(node, CONDITION_TYPES):
            self._cursor.fail(
                'expected a condition, such as level >= 40 or data.flag = true', token
            )
        return node

    def _as_level(self, token: Token, name: str) -> Literal:
        """Return the number of a level that is named in quotes."""
        if name.upper() not in LEVELS:
            self._cursor.fail(f'expected one of {", ".join(LEVELS)}', token)
        return Literal(LEVELS[name.upper()])
