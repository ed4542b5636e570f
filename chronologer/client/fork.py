"""
What handlers do after a fork.

Threads do not survive a fork, and the state of their locks is undefined. So the child process
inherits no lock, no connection and no waiting record.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from chronologer.client import sigterm

POOLS = ('multiprocessing', 'billiard')  # billiard is Celery's

_handlers: WeakSet[Any] = WeakSet()
_abandoned: list[Any] = []


def watch(handler: Any) -> None:
    """Call ``handler.after_fork()`` in each child process."""
    _handlers.add(handler)


def abandon(thing: Any) -> None:
    """Keep references to objects of the parent: their deletion might wait for its locks."""
    _abandoned.append(thing)


def call_at_exit_of_child(function: Callable[[], object]) -> None:
    """
    Call *function* at the end of this process, if it is a child of `multiprocessing`.

    These end without `atexit`: with `multiprocessing` up to Python 3.12, with Celery always.
    """
    for name in POOLS:
        process: Any = sys.modules.get(f'{name}.process')
        util: Any = sys.modules.get(f'{name}.util')
        if process is not None and util is not None:
            is_main = type(process.current_process()).__name__ == '_MainProcess'
            if not is_main:
                util.Finalize(None, function, exitpriority=0)
            if not is_main and process.current_process().daemon:
                sigterm.call_at_sigterm(function)


def _after_fork() -> None:
    sigterm.after_fork()
    for handler in list(_handlers):
        try:
            handler.after_fork()
        except Exception:  # of one; the others need it all the same
            traceback.print_exc()


if hasattr(os, 'register_at_fork'):  # POSIX
    os.register_at_fork(
        before=sigterm.before_fork,
        after_in_parent=sigterm.after_fork_in_parent,
        after_in_child=_after_fork,
    )
