"""
What handlers do after a fork.

Threads do not survive a fork, and the state of their locks is undefined. So the child process
inherits no lock, no connection and no waiting record.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

POOLS = ('multiprocessing', 'billiard')  # billiard is Celery's

_handlers: WeakSet[Any] = WeakSet()
_abandoned: list[Any] = []
_at_sigterm: list[Callable[[], object]] = []


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
                _call_at_sigterm(function)


def _call_at_sigterm(function: Callable[[], object]) -> None:
    """
    Call *function* when SIGTERM comes, unless the program handles that itself.

    It is the usual end of a daemonic process: ``with Pool()`` terminates its workers, and so does
    the end of the program.
    """
    _at_sigterm.append(function)
    is_main_thread = threading.current_thread() is threading.main_thread()
    if is_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, _: object) -> None:
    """Let another thread end the process: this one may be inside of any code, with its locks."""
    signal.signal(number, signal.SIG_DFL)
    start_new_thread(_end, ())


def _end() -> None:
    for function in _at_sigterm.copy():
        with suppress(Exception):
            function()
    os.kill(os.getpid(), signal.SIGTERM)


def _after_fork() -> None:
    _at_sigterm.clear()
    for handler in list(_handlers):
        try:
            handler.after_fork()
        except Exception:  # of one; the others need it all the same
            traceback.print_exc()


if hasattr(os, 'register_at_fork'):  # POSIX
    os.register_at_fork(after_in_child=_after_fork)
