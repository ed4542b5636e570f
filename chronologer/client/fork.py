"""
What handlers do after a fork.

Threads do not survive one, and what they held is in no known state. So the child process takes
nothing over: not a lock, not a connection, not a record that waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

POOLS = ('multiprocessing.util', 'billiard.util')  # billiard is Celery's

_handlers: WeakSet[Any] = WeakSet()
_abandoned: list[Any] = []
_is_forked = False


def watch(handler: Any) -> None:
    """Call ``handler.after_fork()`` in each child process."""
    _handlers.add(handler)


def abandon(thing: Any) -> None:
    """Keep what belongs to the parent process: to let go of it might wait for its locks."""
    _abandoned.append(thing)


def call_at_exit_of_pool_worker(function: Callable[[], object]) -> None:
    """
    Have *function* called when this process ends, if a pool of processes has forked it.

    `multiprocessing` ends such processes without `atexit` before Python 3.13, Celery always.
    """
    if _is_forked:
        for name in POOLS:
            util: Any = sys.modules.get(name)
            if util is not None:
                util.Finalize(None, function, exitpriority=0)


def _after_fork() -> None:
    global _is_forked
    _is_forked = True
    for handler in list(_handlers):
        handler.after_fork()


if hasattr(os, 'register_at_fork'):  # POSIX
    os.register_at_fork(after_in_child=_after_fork)
