"""
Python literals that travelled as text, because ``HTTPHandler`` sends ``str()`` of every field.

Text becomes a value only when it is exactly what Python prints for that value: ``3.5`` is a number,
while ``3.50``, ``1e5`` and ``0x10`` stay the texts that they can only have been.
"""

import ast
import re
import warnings
from typing import Any

# Outside of strings, where every character may be a node of the syntax tree: 64 Ki take 40 MB at
# most, and no input of that size has crashed or slowed the parser.
MAX_SYNTAX = 64 * 2**10  # characters

FIRST = frozenset('([{-0123456789')
WORDS = {'None': None, 'True': True, 'False': False}
STRING = re.compile(r"""'(?:[^'\\]|\\.)*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|$)""", re.DOTALL)
TOKEN = re.compile(rf'(?P<string>{STRING.pattern})|->|(?P<open>[(\[{{<])|(?P<close>[)\]}}>])|[,:]')

# The parser warns about what looks odd in logged text, such as '1is'.
warnings.filterwarnings('ignore', category=SyntaxWarning, module='<unknown>')
warnings.filterwarnings('ignore', category=DeprecationWarning, module='<unknown>')


class Shown:
    """Stands for an object of which only the text that Python printed for it has arrived."""

    def __init__(self, text: str):
        self._text = text

    def __repr__(self) -> str:
        return self._text


def restore(text: str) -> Any:
    """Return the None, boolean, number, tuple, list or dict whose ``str`` is *text*, or *text*."""
    if text in WORDS:
        return WORDS[text]
    if not text or text[0] not in FIRST:
        return text
    value = _evaluate(text)
    is_restored = isinstance(value, (int, float, tuple, list, dict)) and repr(value) == text
    return value if is_restored else text


def restore_args(text: str) -> tuple[Any, ...] | dict[Any, Any] | None:
    """
    Restore ``LogRecord.args``; what is no literal in it, a `Shown` object stands for.

    Returns:
        None when *text* is not the repr of a tuple or a dict.
    """
    args = restore(text)
    if isinstance(args, (tuple, dict)):
        return args
    brackets, inner = text[:1] + text[-1:], text[1:-1]
    if brackets == '()':
        return tuple(_restore_part(part) for part in _split(inner, ',') if part)
    if brackets == '{}':
        pairs = [_split(part, ':', 1) for part in _split(inner, ',') if part]
        if all(len(pair) == 2 for pair in pairs):
            return {_restore_key(key): _restore_part(value) for key, value in pairs}
    return None


def _restore_part(text: str) -> Any:
    value = _evaluate(text)
    return Shown(text) if value is text else value


def _restore_key(text: str) -> str:
    return str(_restore_part(text))


def _evaluate(text: str) -> Any:
    """Evaluate a literal of bounded size, or return *text* itself."""
    if len(text) > MAX_SYNTAX and len(STRING.sub('', text)) > MAX_SYNTAX:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def _split(text: str, separator: str, maximum: int = -1) -> list[str]:
    """Split where *separator* stands outside of strings and brackets."""
    parts: list[str] = []
    start = depth = 0
    for token in TOKEN.finditer(text):
        if token['open']:
            depth += 1
        elif token['close']:
            depth = max(depth - 1, 0)
        elif token[0] == separator and depth == 0 and len(parts) != maximum:
            parts.append(text[start : token.start()].strip())
            start = token.end()
    parts.append(text[start:].strip())
    return parts
