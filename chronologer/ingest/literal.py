"""
Restores Python values from text, because ``HTTPHandler`` sends ``str()`` of every field.

Text becomes a value only if it is exactly what Python prints for that value: ``3.5`` is a number,
while ``3.50``, ``1e5`` and ``0x10`` stay text.

Python's parser gets only brackets, plain numbers, names of constants and strings, and short texts:
calls, operators and repeated signs have crashed it in Python 3.10, and each character may need
hundreds of bytes.
"""

import ast
import re
import warnings
from typing import Any

MAX_SYNTAX = 64 * 2**10  # characters outside of strings, of all fields of a record: 40 MB, 0.1 s
MAX_STRINGS = 10_000  # in one text, and escaped quotes in them
MAX_PARTS = 1000  # arguments of a message

FIRST = frozenset('([{-0123456789')
WORDS = {'None': None, 'True': True, 'False': False}
MASK = '"'  # stands for each character of a string
SYNTAX = re.compile(r'"+|[\s,:()\[\]{}]+|None|True|False|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?')
CALL = re.compile(r'[^\s,:(\[{]\s*[(\[{]')
QUOTE = re.compile('[\'"]')
TOKEN = re.compile(r'->|(?P<open>[(\[{<])|(?P<close>[)\]}>])|[,:]')

# The parser warns about invalid escapes and other oddities in logged text.
warnings.filterwarnings('ignore', category=SyntaxWarning, module='<unknown>')
warnings.filterwarnings('ignore', category=DeprecationWarning, module='<unknown>')


class Shown:
    """Represents an object of which only the printed text has arrived."""

    def __init__(self, text: str):
        self._text = text

    def __repr__(self) -> str:
        return self._text


class Restorer:
    """Restores the fields of one record within a common budget; after that, text stays text."""

    def __init__(self) -> None:
        self._budget = MAX_SYNTAX

    def restore(self, text: str) -> Any:
        """Return the None, boolean, number, tuple, list or dict that *text* shows, or *text*."""
        if text in WORDS:
            return WORDS[text]
        if not text or text[0] not in FIRST:
            return text
        value = self._evaluate(text)
        is_restored = isinstance(value, (int, float, tuple, list, dict)) and repr(value) == text
        return value if is_restored else text

    def restore_args(self, text: str) -> tuple[Any, ...] | dict[Any, Any] | None:
        """
        Restore ``LogRecord.args``; a `Shown` object represents each part that is no literal.

        Returns:
            None when *text* is not the repr of a tuple or a dict, or has too many parts.
        """
        args = self.restore(text)
        if isinstance(args, (tuple, dict)):
            return args
        brackets, inner = text[:1] + text[-1:], text[1:-1].removesuffix(',')
        parts = _split(inner, ',') if brackets in ('()', '{}') else None
        if parts is None:
            return None
        if brackets == '()':
            return tuple(self._restore_part(part) for part in parts if part)
        pairs = [_split(part, ':', 1) for part in parts if part]
        if not all(pair and len(pair) == 2 for pair in pairs):
            return None
        return {
            str(self._restore_part(pair[0])): self._restore_part(pair[1]) for pair in pairs if pair
        }

    def _restore_part(self, text: str) -> Any:
        value = self._evaluate(text)
        return Shown(text) if value is text else value

    def _evaluate(self, text: str) -> Any:
        """Evaluate a literal within the budget, or return *text* itself."""
        masked = _mask(text)
        if masked is None:
            return text
        cost = len(masked) - masked.count(MASK)
        if cost > self._budget or CALL.search(masked) or SYNTAX.sub('', masked):
            return text
        self._budget -= cost
        try:
            return ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return text


def _mask(text: str) -> str | None:
    """Replace each string by as many `MASK` characters; None if there are too many."""
    if text.count("\\'") + text.count('\\"') > MAX_STRINGS:
        return None
    parts: list[str] = []
    position = 0
    while match := QUOTE.search(text, position):
        if len(parts) > 2 * MAX_STRINGS:
            return None
        end = _end_of_string(text, match.start())
        parts += text[position : match.start()], MASK * (end - match.start())
        position = end
    return ''.join([*parts, text[position:]])


def _end_of_string(text: str, start: int) -> int:
    """Return the end of the string that begins at *start*, maybe the end of the text."""
    previous = start
    while (position := text.find(text[start], previous + 1)) != -1:
        between = text[previous + 1 : position]
        if (len(between) - len(between.rstrip('\\'))) % 2 == 0:
            return position + 1
        previous = position
    return len(text)


def _split(text: str, separator: str, maximum: int = MAX_PARTS) -> list[str] | None:
    """Split where *separator* stands outside of strings and brackets; None if too often."""
    masked = _mask(text)
    if masked is None or len(masked) - masked.count(MASK) > MAX_SYNTAX:
        return None
    parts: list[str] = []
    start = depth = 0
    for token in TOKEN.finditer(masked):
        if token['open']:
            depth += 1
        elif token['close']:
            depth = max(depth - 1, 0)
        elif token[0] == separator and depth == 0 and len(parts) < maximum:
            parts.append(text[start : token.start()].strip())
            start = token.end()
    return None if len(parts) == MAX_PARTS else [*parts, text[start:].strip()]
