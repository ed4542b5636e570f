"""
Reads an expression of `chronologer.query`, by recursive descent.

sqlglot was tried: it drops comments, joins adjacent strings and takes ``[0]`` for a name before one
can look, cannot read keys that are keywords, and knows no place of a literal. The grammar is a
dozen rules, and what it lacks nobody has to forbid.
"""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from chronologer.errors import InputError, shown
from chronologer.parse import parse_instant
from chronologer.query import (
    COLUMNS,
    COMPARISONS,
    FLIPPED,
    FUNCTIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_NODES,
    MAX_PATTERN,
    MAX_TERMS,
    MAX_WILDCARDS,
    SECTIONS,
    UNEQUAL,
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
    like_pattern,
    parse_path,
)
from chronologer.query_token import Token, tokenize

CONDITION_TYPES = (Comparison, Like, IsNull, Not, And, Or)
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1

Node = Condition | Operand
T = TypeVar('T')


def parse_query(text: str) -> Condition:
    """
    Return the tree of an expression.

    Raises:
        InputError: It is none; has the column, and names it, the token there and what is wrong.
    """
    if len(text) > MAX_LENGTH:
        limit = f'at most {MAX_LENGTH:,}'
        raise InputError(f'query: {len(text):,} characters, {limit}', MAX_LENGTH + 1)
    return _Parser(text).parse()


def parse_field(text: str) -> Column | Path:
    """
    Return the column or the place in ``logrec`` that *text* names, as in an expression.

    Raises:
        InputError: It names none.
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f'field: {len(text):,} characters, at most {MAX_LENGTH:,}')
    return _Parser(text, 'field').parse_field()


def parse_fields(text: str) -> list[Path]:
    """
    Return the places in ``logrec`` that *text* names, separated by commas.

    Raises:
        InputError: One is none.
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f'fields: {len(text):,} characters, at most {MAX_LENGTH:,}')
    return _Parser(text, 'fields').parse_fields()


class _Parser:
    def __init__(self, text: str, parameter: str = 'query'):
        self._parameter = parameter
        self._tokens = tokenize(text)
        self._position = 0
        self._depth = 0
        self._nodes = 0

    def parse(self) -> Condition:
        condition = self._condition(self._or)
        if self._token.kind != 'end':
            self._fail('expected AND, OR or the end')
        return condition

    def parse_field(self) -> Column | Path:
        token = self._token
        operand = self._primary()
        if self._token.kind != 'end' or not isinstance(operand, (Column, Path)):
            self._fail('expected a column or a field, such as level or data.user', token)
        return operand

    def parse_fields(self) -> list[Path]:
        fields: list[Path] = []
        while True:
            token = self._token
            operand = self._primary()
            if not isinstance(operand, Path):
                self._fail('expected a field, such as data.user', token)
            fields.append(operand)
            if not self._take(','):
                break
        if self._token.kind != 'end':
            self._fail('expected a comma or the end')
        return fields

    # Conditions, loosest first

    def _or(self) -> Node:
        return self._chain('or', self._and, Or)

    def _and(self) -> Node:
        return self._chain('and', self._not, And)

    def _chain(
        self, keyword: str, part: Callable[[], Node], kind: Callable[..., Condition]
    ) -> Node:
        start = self._token
        first = part()
        if self._token.keyword != keyword:
            return first
        conditions = [self._as_condition(first, start)]
        while self._take_keyword(keyword):
            conditions.append(self._condition(part))
        return kind(tuple(conditions))

    def _not(self) -> Node:
        if not self._take_keyword('not'):
            return self._predicate()
        return Not(self._nested(lambda: self._condition(self._not)))

    def _predicate(self) -> Node:
        start = self._token
        left = self._sum()
        token = self._token
        if isinstance(left, CONDITION_TYPES):
            return left
        if token.text in COMPARISONS or token.text in UNEQUAL:
            self._next()
            operator = COMPARISONS.get(token.text, '=')
            comparison = self._compare(token, operator, left, self._operand())
            return Not(comparison) if token.text in UNEQUAL else comparison
        if self._take_keyword('is'):
            is_not = self._take_keyword('not')
            self._expect_keyword('null')
            return Not(IsNull(left)) if is_not else IsNull(left)
        is_not = self._take_keyword('not')
        for keyword, rest in (('like', self._like), ('in', self._in), ('between', self._between)):
            if self._take_keyword(keyword):
                condition = rest(start, left)
                return Not(condition) if is_not else condition
        if is_not:
            self._fail('expected LIKE, IN or BETWEEN')
        return left

    def _like(self, start: Token, operand: Operand) -> Condition:
        if operand.type not in ('text', 'any'):
            self._fail('LIKE is for text', start)
        token = self._token
        pattern = self._string('a pattern in single quotes')
        escape = self._string('one character') if self._take_keyword('escape') else None
        if escape is not None and len(escape) != 1:
            self._fail('ESCAPE is one character', token)
        parts = like_pattern(pattern, escape)
        if parts is None:
            self._fail('the pattern ends with the escape character', token)
        wildcards = sum(kind == 'any' for kind, _ in parts)
        if len(parts) > MAX_PATTERN or wildcards > MAX_WILDCARDS:
            limit = f'{MAX_PATTERN} characters and {MAX_WILDCARDS} %'
            self._fail(f'a pattern has at most {limit}', token)
        return Like(operand, parts)

    def _in(self, start: Token, operand: Operand) -> Condition:
        self._expect('(')
        comparisons = []
        while True:
            token = self._token
            value = self._operand()
            if not isinstance(value, Literal):
                self._fail('IN takes numbers, texts and booleans', token)
            comparisons.append(self._compare(token, '=', operand, value))
            if not self._take(','):
                break
        self._expect(')')
        return Or(tuple(comparisons)) if len(comparisons) > 1 else comparisons[0]

    def _between(self, start: Token, operand: Operand) -> Condition:
        low_token, low = self._token, self._operand()
        self._expect_keyword('and')
        high_token, high = self._token, self._operand()
        low_condition = self._compare(low_token, '>=', operand, low)
        return And((low_condition, self._compare(high_token, '<=', operand, high)))

    def _compare(self, token: Token, operator: str, left: Operand, right: Operand) -> Comparison:
        """A comparison with its literal on the right, and of types that can be compared."""
        if isinstance(left, Literal):
            left, right, operator = right, left, FLIPPED[operator]
        if isinstance(left, Literal):
            self._fail('both sides are constants', token)
        if 'instant' in (left.type, right.type):
            left, right = self._as_instants(token, left, right)
        if left.type != right.type and 'any' not in (left.type, right.type):
            self._fail(f'types differ: {left.type} and {right.type}', token)
        if right.type == 'boolean' and operator != '=':
            self._fail('booleans are equal or not, and in no order', token)
        return Comparison(operator, left, right)

    def _as_instants(self, token: Token, left: Operand, right: Operand) -> tuple[Operand, Literal]:
        if not isinstance(right, Literal) or not isinstance(right.value, str):
            self._fail('ts is compared with an ISO 8601 instant in single quotes', token)
        try:
            return left, Literal(parse_instant('ts', right.value))
        except InputError as ex:
            self._fail(ex.message, token)

    # Operands

    def _sum(self) -> Node:
        return self._arithmetic('+-', lambda: self._arithmetic('*/', self._primary))

    def _arithmetic(self, operators: str, part: Callable[[], Node]) -> Node:
        start = self._token
        left = part()
        terms = 1
        while self._token.kind == 'operator' and self._token.text in operators:
            operator = self._next()
            terms += 1
            if terms > MAX_TERMS:
                self._fail(f'more than {MAX_TERMS} terms', operator)
            left_number = self._number(self._as_operand(left, start), start)
            right_token = self._token
            right_number = self._number(self._as_operand(part(), right_token), right_token)
            left = self._counted(Arithmetic(operator.text, left_number, right_number))
        return left

    def _number(self, operand: Operand, token: Token) -> Operand:
        if operand.type not in ('number', 'any'):
            self._fail(f'numbers are calculated with, not {operand.type}', token)
        return operand

    def _primary(self) -> Node:
        token = self._next()
        if token.kind == 'number' or (token.text == '-' and self._token.kind == 'number'):
            sign, digits = ('-', self._next()) if token.text == '-' else ('', token)
            return self._counted(Literal(self._value(sign, digits)))
        if token.kind == 'string':
            return self._counted(Literal(self._unquoted(token)))
        if token.keyword in ('true', 'false'):
            return self._counted(Literal(token.keyword == 'true'))
        if token.text == '(' and token.kind == 'operator':
            inner = self._nested(self._or)
            self._expect(')')
            return inner
        if token.kind == 'word' and not token.keyword:
            return self._counted(self._named(token))
        if token.keyword == 'null':
            self._fail('nothing equals NULL: say IS NULL', token)
        self._fail('expected a column, a field, a number or a text in single quotes', token)

    def _named(self, token: Token) -> Operand:
        name = token.text.lower()
        if self._is('('):
            return self._call(token)
        if name == 'logrec':
            return self._arrow()
        if token.text in SECTIONS:
            return self._steps(token)
        if name in COLUMNS:
            return Column(name)
        before = self._tokens[self._position - 2] if self._position > 1 else token
        if before.text == '-':
            self._fail('a key with a dash is quoted: data."a-b"', token)
        known = ', '.join([*COLUMNS, *(f'{section}.…' for section in SECTIONS)])
        self._fail(f'there is no such column; there are {known}', token)

    def _steps(self, section: Token) -> Path:
        steps: list[str | int] = [section.text]
        while self._is('.') or self._is('['):
            if self._next().text == '[':
                token = self._next()
                if not token.text.isdecimal() or len(token.text) > 9:
                    self._fail('expected the index of an array', token)
                steps.append(int(token.text))
                self._expect(']')
            else:
                steps.append(self._key(self._next()))
        if len(steps) == 1:
            self._fail(f'expected a key after {section.text}, such as {section.text}.user')
        return Path(tuple(steps))

    def _key(self, token: Token) -> str:
        if token.kind == 'word' or (token.kind == 'number' and token.text.isdecimal()):
            return token.text
        if token.kind == 'quoted':
            return self._unquoted(token)
        self._fail('expected a key; one that is no word is quoted: data."a-b"', token)

    def _arrow(self) -> Path:
        if not (self._take('->') or self._take('->>')):
            self._fail("expected -> and a path: logrec->'$.data.user'")
        return self._path()

    def _path(self) -> Path:
        token = self._token
        path = parse_path(self._string('a path in single quotes'))
        if path is None:
            self._fail(
                'expected a path such as \'$.data.items[0]."a b"\', without wildcards', token
            )
        return path

    def _call(self, token: Token) -> Operand:
        self._next()
        name = token.text.lower()
        if name == 'json_extract':
            if self._next().text.lower() != 'logrec':
                self._fail('json_extract is for logrec', self._tokens[self._position - 1])
            self._expect(',')
            path = self._path()
            self._expect(')')
            return path
        if name not in FUNCTIONS:
            known = ', '.join([*FUNCTIONS, 'json_extract'])
            self._fail(f'there is no such function; there are {known}', token)
        start = self._token
        text = self._nested(self._operand)
        if text.type not in ('text', 'any') or isinstance(text, Literal):
            self._fail(f'{name} is for text of a record', start)
        numbers = [self._positive() for _ in range(2 if name == 'substr' else 0)]
        self._expect(')')
        return Call(name, text, tuple(numbers))

    def _positive(self) -> int:
        self._expect(',')
        token = self._next()
        is_number = token.kind == 'number' and token.text.isdecimal() and len(token.text) <= 9
        if not is_number or int(token.text) < 1:
            self._fail('expected a number from 1', token)
        return int(token.text)

    # Tokens and kinds of nodes

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._token
        if token.kind == 'unknown':
            self._fail('not understood')
        if token.kind != 'end':
            self._position += 1
        return token

    def _is(self, operator: str) -> bool:
        return self._token.kind == 'operator' and self._token.text == operator

    def _take(self, operator: str) -> bool:
        is_there = self._is(operator)
        self._position += is_there
        return is_there

    def _take_keyword(self, keyword: str) -> bool:
        is_there = self._token.keyword == keyword
        self._position += is_there
        return is_there

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            self._fail(f'expected {operator}')

    def _expect_keyword(self, keyword: str) -> None:
        if not self._take_keyword(keyword):
            self._fail(f'expected {keyword.upper()}')

    def _string(self, wanted: str) -> str:
        token = self._next()
        if token.kind != 'string':
            self._fail(f'expected {wanted}', token)
        return self._unquoted(token)

    def _unquoted(self, token: Token) -> str:
        quote = token.text[0]
        text = token.text[1:-1].replace(quote * 2, quote)
        if '\0' in text:
            self._fail('NUL characters are not taken', token)
        return text

    def _value(self, sign: str, digits: Token) -> int | float:
        value = float(sign + digits.text)
        if digits.text.isdecimal() and len(digits.text) <= 19:
            value = int(sign + digits.text)
        if isinstance(value, float) and value in (float('inf'), float('-inf')):
            self._fail('too large a number', digits)
        if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
            return float(value)
        return value

    def _operand(self) -> Operand:
        token = self._token
        return self._as_operand(self._sum(), token)

    def _as_operand(self, node: Node, token: Token) -> Operand:
        if isinstance(node, CONDITION_TYPES):
            self._fail('expected a value, this is a condition', token)
        return node

    def _condition(self, part: Callable[[], Node]) -> Condition:
        token = self._token
        return self._as_condition(part(), token)

    def _as_condition(self, node: Node, token: Token) -> Condition:
        if not isinstance(node, CONDITION_TYPES):
            self._fail('expected a condition, such as level >= 40 or data.flag = true', token)
        return node

    def _nested(self, part: Callable[[], T]) -> T:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f'nested deeper than {MAX_DEPTH} levels')
        result = part()
        self._depth -= 1
        return result

    def _counted(self, node: T) -> T:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._fail(f'more than {MAX_NODES} columns, fields and values')
        return node

    def _fail(self, why: str, token: Token | None = None) -> NoReturn:
        token = token or self._token
        where = f'column {token.start + 1}, {shown(token.text, 40)}' if token.text else 'the end'
        raise InputError(f'{self._parameter}: at {where}: {why}', token.start + 1)
