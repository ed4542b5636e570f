"""The tokens of an expression one after the other, with the limits and errors of a parser."""

from collections.abc import Callable, Container
from typing import NoReturn, TypeVar

from chronologer.errors import InputError, shown
from chronologer.query.tokens import Token, tokenize
from chronologer.query.tree import MAX_DEPTH, MAX_LENGTH, MAX_NODES

T = TypeVar('T')


class Cursor:
    """
    A position in the tokens of *text*; *parameter* names it in errors.

    Raises:
        InputError: The text is too long. Methods raise it for a token that does not fit.
    """

    def __init__(self, text: str, parameter: str):
        if len(text) > MAX_LENGTH:
            limit = f'at most {MAX_LENGTH:,}'
            raise InputError(f'{parameter}: {len(text):,} characters, {limit}', MAX_LENGTH + 1)
        self._parameter = parameter
        self._tokens = tokenize(text)
        self._position = 0
        self._depth = 0
        self._nodes = 0

    @property
    def token(self) -> Token:
        """The next token, which stays the next one."""
        return self._tokens[self._position]

    def next(self) -> Token:
        """Return the next token and go past it; the end stays the next one."""
        token = self.token
        if token.kind == 'unknown':
            self.fail('not understood')
        if token.kind != 'end':
            self._position += 1
        return token

    def is_at(self, operator: str) -> bool:
        """Whether *operator* is next."""
        return self.token.kind == 'operator' and self.token.text == operator

    def take(self, operator: str) -> bool:
        """Go past *operator* if it is next; return whether it was."""
        is_there = self.is_at(operator)
        self._position += is_there
        return is_there

    def take_keyword(self, keyword: str) -> bool:
        """Go past *keyword* if it is next; return whether it was."""
        is_there = self.token.keyword == keyword
        self._position += is_there
        return is_there

    def take_word(self, words: Container[str]) -> str | None:
        """Go past the next token if it is one of *words*, in any case, and no path; return it."""
        token, following = self.token, self._tokens[min(self._position + 1, len(self._tokens) - 1)]
        word = token.text.upper()
        if token.kind != 'word' or word not in words or following.text in ('.', '['):
            return None
        self._position += 1
        return word

    def expect(self, operator: str) -> None:
        """Go past *operator*, which has to be next."""
        if not self.take(operator):
            self.fail(f'expected {operator}')

    def expect_keyword(self, keyword: str) -> None:
        """Go past *keyword*, which has to be next."""
        if not self.take_keyword(keyword):
            self.fail(f'expected {keyword.upper()}')

    def string(self, wanted: str) -> str:
        """Return the contents of a string, which has to be next; *wanted* says what it means."""
        token = self.next()
        if token.kind != 'string':
            self.fail(f'expected {wanted}', token)
        return self.unquoted(token)

    def unquoted(self, token: Token) -> str:
        """Return the contents of a token in quotation marks."""
        quote = token.text[0]
        text = token.text[1:-1].replace(quote * 2, quote)
        if '\0' in text:
            self.fail('NUL characters are not accepted', token)
        return text

    def nested(self, part: Callable[[], T]) -> T:
        """Return what *part* reads, one level deeper."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail(f'nested deeper than {MAX_DEPTH} levels')
        result = part()
        self._depth -= 1
        return result

    def counted(self, node: T) -> T:
        """Return *node*, one more of those that an expression may have."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self.fail(f'more than {MAX_NODES} columns, fields and values')
        return node

    def fail(self, why: str, token: Token | None = None) -> NoReturn:
        """Raise an error that points at *token*, by default the next one."""
        token = token or self.token
        where = f'column {token.start + 1}, {shown(token.text, 40)}' if token.text else 'the end'
        raise InputError(f'{self._parameter}: at {where}: {why}', token.start + 1)

    @property
    def last(self) -> Token:
        """The token before the next one."""
        return self._tokens[self._position - 1]

    def before(self, token: Token) -> Token | None:
        """The token in front of *token*, if there is one."""
        index = self._tokens.index(token)
        return self._tokens[index - 1] if index else None
