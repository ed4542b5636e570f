"""
Decides whether a line that a user has typed or pasted is a `query` or a text to `search`.

Text that parses as a query is a query. Text that compares a column or a field outside of quotation
marks is a query with a mistake. All other text is searched: a URL, a line of a traceback,
``key=value`` of a log. ``doc/query.rst`` has the rule.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass

from chronologer.errors import InputError
from chronologer.query.parser import parse_query
from chronologer.query.tokens import KEYWORDS, Token, tokenize
from chronologer.query.tree import (
    COLUMNS,
    COMPARISONS,
    FUNCTIONS,
    SECTIONS,
    UNEQUAL,
    Column,
    Path,
    format_path,
)
from chronologer.search import typed_terms

MAX_WORD = 20  # characters before a word that are examined: a keyword and brackets
SIGNS = frozenset([*COMPARISONS, *UNEQUAL])
HINT = 'in quotation marks it is a text to search for'
MAX_NAMED = 3  # columns and fields
MAX_STEPS = 100  # tokens of a subject


@dataclass(frozen=True, slots=True)
class Nothing:
    """Blank input."""


@dataclass(frozen=True, slots=True)
class Query:
    """An expression that `parse_query` accepts."""

    why: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text that `parse_search` accepts; terms as they were typed."""

    why: str
    terms: list[str]
    without: list[str]


@dataclass(frozen=True, slots=True)
class Mistake:
    """Neither; *column* is counted from 1 in characters, if there is a position."""

    message: str
    column: int | None


def interpret(text: str) -> Nothing | Query | Text | Mistake:
    """Return the interpretation of *text*, whatever it is."""
    if not text.strip():
        return Nothing()
    try:
        condition = parse_query(text)
    except InputError as ex:
        mistake = Mistake(f'{ex.message}; {HINT}', ex.column)
    else:
        return Query(f'compares {_listed(list(dict.fromkeys(_named(condition))))}')
    tokens = tokenize(text)
    subjects = list(_subjects(text, tokens))
    if any(subject.is_known for subject in subjects) and not _is_pasted(tokens, subjects):
        return mistake
    try:
        wanted, unwanted = typed_terms(text)
    except InputError as ex:
        return Mistake(ex.message, ex.column)
    return Text(_why_text(subjects), list(wanted.values()), list(unwanted.values()))


def _named(node: object) -> Iterator[str]:
    """Yield the columns and fields of an expression."""
    if isinstance(node, Column):
        yield node.name
    elif isinstance(node, Path):
        yield format_path(node)
    elif isinstance(node, tuple):
        for part in node:
            yield from _named(part)
    elif is_dataclass(node):
        for field in fields(node):
            yield from _named(getattr(node, field.name))


def _listed(names: list[str]) -> str:
    if len(names) > MAX_NAMED:
        names = [*names[: MAX_NAMED - 1], f'{len(names) - MAX_NAMED + 1} others']
    return ' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a comparison compares."""

    name: str
    is_known: bool  # reads like a column or a field
    is_free: bool  # stands where an expression could begin
    is_pair: bool  # name=value without a space


def _why_text(subjects: Sequence[Subject]) -> str:
    if any(subject.is_known for subject in subjects):
        return 'pairs of names and values, of which not all are columns or fields'
    names = [subject.name for subject in subjects if subject.is_free]
    if names and names[0].isidentifier():
        name = names[0]
        return f'{name} is no column; a field of a record is data.{name}'
    return 'compares no column or field'


def _is_pasted(tokens: Sequence[Token], subjects: Sequence[Subject]) -> bool:
    """Whether the text is a logged line of ``key=value`` pairs with keys of its own."""
    is_linked = any(token.keyword in ('and', 'or', 'not') for token in tokens)
    has_others = not all(subject.is_known for subject in subjects)
    return has_others and not is_linked and all(subject.is_pair for subject in subjects)


def _subjects(text: str, tokens: Sequence[Token]) -> Iterator[Subject]:
    """Yield what is compared outside of quotation marks, from left to right."""
    for index, token in enumerate(tokens):
        if token.kind == 'operator' and token.text in SIGNS:
            yield _left(text, tokens, index)
            if _is_value(tokens, index - 1) and _names_right(text, tokens, index + 1):
                yield Subject(tokens[index + 1].text, is_known=True, is_free=True, is_pair=False)
        elif _is_worded(tokens, index):
            is_negated = tokens[index - 1].text in ('not', 'NOT')
            subject = _left(text, tokens, index - is_negated)
            if subject.is_known:
                yield subject


def _is_worded(tokens: Sequence[Token], index: int) -> bool:
    """Whether a comparison in words, such as LIKE, begins here; it may also be a sentence."""
    word = tokens[index].text
    if not index or tokens[index].kind != 'word' or word not in (word.lower(), word.upper()):
        return False
    following = [token.text.lower() for token in tokens[index + 1 : index + 3]]
    match word.lower():
        case 'like' | 'between':
            return True
        case 'in':
            return following[:1] == ['(']
        case 'is':
            return following[:1] == ['null'] or following == ['not', 'null']
    return False


def _left(text: str, tokens: Sequence[Token], index: int) -> Subject:
    """Return the subject that ends before a token: steps without a space between them."""
    start = index
    depth = 0
    while max(0, index - MAX_STEPS) < start and tokens[start - 1].kind != 'unknown':
        previous = tokens[start - 1]
        is_joined = start == index or _end(previous) == tokens[start].start
        if not (is_joined or depth) or previous.text in SIGNS:
            break
        if not depth and (previous.keyword or previous.text in (',', '(', '+', '*', '/', '-')):
            break
        depth += (previous.text in (')', ']')) - (previous.text in ('(', '['))
        start -= 1
    subject = tokens[start:index]
    if not subject:
        return Subject('', is_known=False, is_free=False, is_pair=False)
    name = text[subject[0].start : _end(subject[-1])]
    sign, following = tokens[index], tokens[index + 1 : index + 2]
    is_pair = sign.text == '=' and _end(subject[-1]) == sign.start
    is_pair = is_pair and any(token.start == _end(sign) for token in following)
    is_free = _is_free(text, subject[0])
    return Subject(name, is_free and _is_known(subject), is_free, is_pair)


def _is_known(subject: Sequence[Token]) -> bool:
    """Whether a subject looks like a column, a field, or a function of one."""
    first, following = subject[0].text, [token.text for token in subject[1:2]]
    if subject[0].kind != 'word':
        return False
    if not following:
        return first.lower() in COLUMNS
    if first.lower() in (*FUNCTIONS, 'json_extract'):
        return following == ['(']
    if first.lower() == 'logrec':
        return following[0] in ('->', '->>')
    return first in SECTIONS and following[0] in ('.', '[')


def _names_right(text: str, tokens: Sequence[Token], index: int) -> bool:
    """Whether a column or a field follows, and not the name of a tag, ``<name>``."""
    end = index + 1
    while end < len(tokens) and tokens[end].start == _end(tokens[end - 1]):
        if tokens[end].text in SIGNS:
            return False
        end += 1
    subject = [token for token in tokens[index:end] if token.kind != 'end']
    return bool(subject) and _is_known(subject)


def _is_value(tokens: Sequence[Token], index: int) -> bool:
    return index >= 0 and tokens[index].kind in ('number', 'string')


def _is_free(text: str, token: Token) -> bool:
    """Whether an expression could begin here; in ``/path?level=1`` and ``f(level=1)`` not."""
    before = text[max(0, token.start - MAX_WORD) : token.start]
    if before.endswith('('):
        word = re.search(r'\w*$', before.rstrip('('))
        return word is None or not word[0] or word[0].lower() in KEYWORDS
    return not before or before[-1].isspace()


def _end(token: Token) -> int:
    return token.start + len(token.text)
