"""
The expression language of the parameter ``query``; ``doc/query.rst`` defines what it means.

`parse_query` parses an expression into a tree of the classes below, which engines render. The
grammar has no sub-queries, statements, comments or other functions. Text of an expression reaches
an engine only as a bound value.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

MAX_LENGTH = 8192  # characters
MAX_DEPTH = 20  # of brackets, functions and NOTs; SQLite's own parser has a stack of 100
MAX_TERMS = 16  # of one sum or product
MAX_PATTERN, MAX_WILDCARDS = 200, 20  # of LIKE, in characters; engines cannot stop within one
MAX_NODES = 200
CACHED_KEY = 100  # characters

COLUMNS = {'id': 'number', 'ts': 'instant', 'name': 'text', 'level': 'number', 'message': 'text'}
SECTIONS = ('data', 'meta', 'error')
FUNCTIONS = {'length': 'number', 'substr': 'text'}
SECTION = re.compile(rf'(?:{"|".join(SECTIONS)})[.\[]')
WORD = re.compile(r'[^\W\d]\w*')
STEP = re.compile(r'\.(?:([^\W\d][\w-]*|[0-9]+)|("(?:[^"\\]|\\.)*"))|\[([0-9]{1,9})\]')

COMPARISONS = {'=': '=', '==': '=', '<': '<', '<=': '<=', '>': '>', '>=': '>='}
UNEQUAL = ('!=', '<>')
FLIPPED = {'=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<='}


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, boolean or, compared with `ts`, an instant."""

    value: int | float | str | bool | datetime

    @property
    def type(self) -> str:
        """One of: number, text, boolean, instant."""
        if isinstance(self.value, bool):
            return 'boolean'
        if isinstance(self.value, (int, float)):
            return 'number'
        return 'text' if isinstance(self.value, str) else 'instant'


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a record."""

    name: str

    @property
    def type(self) -> str:
        """One of: number, text, instant."""
        return COLUMNS[self.name]


@dataclass(frozen=True, slots=True)
class Path:
    """A path in ``logrec``: keys of objects, and indexes of arrays."""

    steps: tuple[str | int, ...]
    type = 'any'


def value_at(path: Path, logrec: Any) -> Any:
    """Return the value at *path* in a ``logrec``, or None."""
    for step in path.steps:
        is_there = (
            step in logrec
            if isinstance(step, str) and isinstance(logrec, dict)
            else isinstance(step, int) and isinstance(logrec, list) and step < len(logrec)
        )
        if not is_there:
            return None
        logrec = logrec[step]
    return logrec


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``+ - * /`` of 64-bit floats; null if an operand is no number, and by division by zero."""

    operator: str
    left: 'Operand'
    right: 'Operand'
    type = 'number'


@dataclass(frozen=True, slots=True)
class Call:
    """``length(text)``, or ``substr(text, start, length)`` counted from 1, in characters."""

    name: str
    text: 'Operand'
    numbers: tuple[int, ...]

    @property
    def type(self) -> str:
        """The type of what it returns."""
        return FUNCTIONS[self.name]


Operand = Literal | Column | Path | Arithmetic | Call


@dataclass(frozen=True, slots=True)
class Comparison:
    """``= < <= > >=``; null if a side is null, false if their types differ."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Like:
    """Whether text matches a pattern of texts, ``%`` for any and ``_`` for one character."""

    operand: Operand
    pattern: tuple[tuple[str, str], ...]  # ('text', …), ('any', ''), ('one', '')


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether a path has no value, or JSON's null."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """Negation; null for null."""

    condition: 'Condition'


@dataclass(frozen=True, slots=True)
class And:
    """Of two or more."""

    conditions: tuple['Condition', ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Of two or more."""

    conditions: tuple['Condition', ...]


Condition = Comparison | Like | IsNull | Not | And | Or


def parse_path(text: str) -> Path | None:
    """Read ``$.data.foo[0]."a b"``, or return None if it is none; there are no wildcards."""
    steps: list[str | int] = []
    position = 1
    while text.startswith('$') and (step := STEP.match(text, position)):
        word, quoted, index = step.groups()
        try:
            key = json.loads(quoted) if quoted else word or ''
            key.encode()
        except ValueError:  # no JSON string, or one with a lone surrogate
            return None
        if '\0' in key:
            return None
        steps.append(int(index) if index else key)
        position = step.end()
    return Path(tuple(steps)) if steps and position == len(text) else None


def format_step(step: str | int) -> str:
    """Return a step of a path as an expression has it: ``.foo``, ``."a b"`` or ``[0]``."""
    if isinstance(step, int):
        return f'[{step}]'
    return _format_key(step) if len(step) < CACHED_KEY else _format_key.__wrapped__(step)


@lru_cache(maxsize=1000)
def _format_key(key: str) -> str:
    if WORD.fullmatch(key):
        return f'.{key}'
    quoted = key.replace('"', '""')
    return f'."{quoted}"'


def format_path(path: Path) -> str:
    """Return a path as an expression has it, such as ``data.user`` or ``logrec.user``."""
    return in_logrec(''.join(map(format_step, path.steps)).removeprefix('.'))


def in_logrec(path: str) -> str:
    """Return a path in ``logrec`` as an expression has it: sections need not name ``logrec``."""
    return path if SECTION.match(path) else f'logrec.{path}'


def like_pattern(text: str, escape: str | None) -> tuple[tuple[str, str], ...] | None:
    """Split a pattern of LIKE, or return None if *escape* stands before nothing."""
    parts: list[tuple[str, str]] = []
    characters = iter(text)
    for character in characters:
        if character == escape:
            following = next(characters, None)
            if following is None:
                return None
            parts.append(('text', following))
        elif character in '%_':
            parts.append(('any' if character == '%' else 'one', ''))
        else:
            parts.append(('text', character))
    return tuple(parts)
