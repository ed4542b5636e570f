"""
What a daemonic process of `multiprocessing` does at SIGTERM, which is its usual end.

``with Pool()`` terminates its workers, and so does the end of the program.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from types import BuiltinFunctionType

INTERVAL = 0.05  # seconds between signals to a main thread that does not handle them
PATIENCE = 1.0  # seconds for which it gets them

_functions: list[Callable[[], object]] = []
_ending = threading.Lock()  # held from the beginning of the end
_ended = threading.Event()
_pipe: list[int] = []  # file descriptors
_masks: dict[int, set[int]] = {}  # of threads that are forking


def call_at_sigterm(function: Callable[[], object]) -> None:
    """Call *function* before SIGTERM ends this process, unless the program handles SIGTERM."""
    _functions.append(function)
    is_main_thread = threading.current_thread() is threading.main_thread()
    if is_main_thread and os.name == 'posix' and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)
        _watch()


def before_fork() -> None:
    """Note no SIGTERM of the child in the parent's pipe, which the child has until `after_fork`."""
    if _pipe:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        _masks[threading.get_ident()] = set(mask)


def after_fork_in_parent() -> None:
    """Let SIGTERM come again."""
    mask = _masks.pop(threading.get_ident(), None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def after_fork() -> None:
    """Forget the functions of the parent process, in the child."""
    global _ending, _ended
    _functions.clear()
    _ending, _ended = threading.Lock(), threading.Event()
    if _pipe:
        with suppress(ValueError):
            signal.set_wakeup_fd(-1)
        for descriptor in _pipe:
            os.close(descriptor)
        _pipe.clear()
    after_fork_in_parent()
    _masks.clear()


def _on_sigterm(number: int, _: object) -> None:
    """Let another thread end the process: this one may be inside of any code, with its locks."""
    if _ended.is_set():
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    elif not _ending.locked():
        start_new_thread(_end, ())


def _end() -> None:
    if not _ending.acquire(blocking=False):
        return
    for function in _functions.copy():
        with suppress(Exception):
            function()
    _ended.set()
    # Only the main thread can restore the default action, by which the process then ends. It cannot
    # while it is in C code that takes long.
    deadline = time.monotonic() + PATIENCE
    while signal.getsignal(signal.SIGTERM) is _on_sigterm:
        if time.monotonic() > deadline:
            os.kill(os.getpid(), signal.SIGKILL)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(INTERVAL)


def _watch() -> None:
    """
    Notice SIGTERM also if the main thread does not.

    Python calls handlers in the main thread only. A signal that comes just before this thread waits
    for a lock in C, such as that of a pool's queue, does not interrupt the wait.
    """
    if not isinstance(start_new_thread, BuiltinFunctionType):  # gevent's; it must not be blocked
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    former = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if former != -1:  # asyncio's
        signal.set_wakeup_fd(former)
        os.close(reader)
        os.close(writer)
        return
    _pipe[:] = reader, writer
    start_new_thread(_wait, (reader,))


def _wait(reader: int) -> None:
    while True:
        numbers = os.read(reader, 1)
        if signal.SIGTERM in numbers and signal.getsignal(signal.SIGTERM) is _on_sigterm:
            _end()
