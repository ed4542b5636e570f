"""Describes an exception as Python prints it, and as a structure that can be queried."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Dict, Optional, Tuple, Type

ExcInfo = Tuple[Type[BaseException], BaseException, Optional[TracebackType]]
Summary = Dict[str, Any]

MAX_FRAMES = 100  # frames of one exception: the outermost and the innermost half
MAX_CHAIN = 20  # exceptions behind an exception
MAX_GROUP = 20  # exceptions in a group
MAX_NESTING = 3  # groups within groups


def describe(exc_info: ExcInfo) -> tuple[str, Summary]:
    """
    Return the text of the traceback, and the same as a structure.

    That is ``type``, ``message``, ``frames`` (outermost first: ``file``, ``line``, ``function``,
    ``source``), ``notes`` of `BaseException.add_note`, ``exceptions`` of a group, and ``chain``:
    the exceptions behind it, nearest first, each with its ``relation``, ``cause`` or ``context``.
    Parts that Python does not print, such as the context after ``raise … from None``, are left out.
    """
    found = traceback.TracebackException(*exc_info)
    text = ''.join(found.format())
    return text[:-1] if text.endswith('\n') else text, _with_chain(exc_info[1], found, 0)


def _with_chain(error: BaseException, found: traceback.TracebackException, nesting: int) -> Summary:
    summary = _summary(error, found, nesting)
    chain = [
        {'relation': relation, **_summary(*behind, nesting)}
        for relation, behind in islice(_behind(error, found), MAX_CHAIN)
    ]
    if chain:
        summary['chain'] = chain
    return summary


def _behind(
    error: BaseException, found: traceback.TracebackException
) -> Iterator[tuple[str, tuple[BaseException, traceback.TracebackException]]]:
    """Yield the causes and contexts of an exception; like `traceback`, end at a cycle."""
    while True:
        if error.__cause__ is not None and found.__cause__ is not None:
            relation, error, found = 'cause', error.__cause__, found.__cause__
        elif (
            error.__context__ is not None
            and found.__context__ is not None
            and not error.__suppress_context__
        ):
            relation, error, found = 'context', error.__context__, found.__context__
        else:
            return
        yield relation, (error, found)


def _summary(error: BaseException, found: traceback.TracebackException, nesting: int) -> Summary:
    summary: Summary = {
        'type': _type_name(type(error)),
        'message': str(found),
        'frames': _frames(found.stack),
    }
    notes = getattr(error, '__notes__', None)
    if isinstance(notes, (list, tuple)):
        summary['notes'] = [note if isinstance(note, str) else repr(note) for note in notes]
    inner = getattr(found, 'exceptions', None)  # of Python 3.11
    if inner and nesting < MAX_NESTING:
        members = zip(error.exceptions, inner)  # type: ignore[attr-defined]
        shown = [_with_chain(*member, nesting + 1) for member in islice(members, MAX_GROUP)]
        summary['exceptions'] = _marked(shown, len(inner) - len(shown), len(shown))
    return summary


def _type_name(kind: type[BaseException]) -> str:
    """Return the name of a type as a traceback has it."""
    if kind.__module__ in ('builtins', '__main__'):
        return kind.__qualname__
    return f'{kind.__module__}.{kind.__qualname__}'


def _frames(stack: traceback.StackSummary) -> list[Summary | str]:
    left_out = len(stack) - MAX_FRAMES
    half = MAX_FRAMES // 2
    shown = [*stack[:half], *stack[-half:]] if left_out > 0 else list(stack)
    frames = [
        {
            'file': frame.filename,
            'line': frame.lineno,
            'function': frame.name,
            'source': frame.line,
        }
        for frame in shown
    ]
    return _marked(frames, left_out, half)


def _marked(items: list[Summary], left_out: int, place: int) -> list[Summary | str]:
    """Return items, with a mark for the number of those that are left out."""
    mark = [f'… [{left_out:,} left out]'] if left_out > 0 else []
    return [*items[:place], *mark, *items[place:]]
