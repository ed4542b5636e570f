"""
A lock that one process has while it writes, on a file beside the database.

SQLite itself sleeps up to a tenth of a second between attempts to get its lock. The kernel releases
this one when its process ends, whatever state it was in. A worker that has it and makes no progress
would stop all others, so they end it; the server then starts another one.
"""

import fcntl
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chronologer.errors import StorageBusyError

TIMEOUT = 10  # seconds that a process waits for another one
STUCK_TIMEOUT = 60  # seconds after which a worker that still writes the same is ended
SHORTEST_PAUSE, LONGEST_PAUSE = 1e-4, 2e-3  # seconds between attempts to get the lock
ENTRY = 32  # bytes of the file: the process that has the lock, and how often it has had it
STOPPED = 'Tt'  # states of a process that a signal or a debugger has stopped, see proc(5)

log = logging.getLogger('chronologer')


class WriteLock:
    """The lock, for one thread at a time."""

    def __init__(self, path: Path):
        self._path = path
        self._file: int | None = None  # descriptor
        self._count = 0
        self._seen, self._since = b'', 0.0  # the entry at the last time-out, and its first time

    @contextmanager
    def held(self) -> Iterator[None]:
        """
        Have the lock during the block.

        Raises:
            StorageBusyError: Another process has it for too long.
        """
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        self._acquire(self._file)
        try:
            self._count += 1
            entry = b'%d %d' % (os.getpid(), self._count)
            with suppress(OSError):  # the disk may be full
                os.pwrite(self._file, entry.ljust(ENTRY), 0)
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _acquire(self, file: int) -> None:
        deadline = time.monotonic() + TIMEOUT
        pause = SHORTEST_PAUSE
        while not _try_lock(file):
            if time.monotonic() > deadline:
                if not self._end_stuck_worker(os.pread(file, ENTRY, 0)):
                    raise StorageBusyError(f'{str(self._path)!r}: another process writes')
                deadline += TIMEOUT
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._seen = b''

    def _end_stuck_worker(self, entry: bytes) -> bool:
        """End the process that has the lock if it is another worker and makes no progress."""
        now = time.monotonic()
        if entry != self._seen:
            self._seen, self._since = entry, now
        process = int(entry.split()[0]) if entry.strip() else 0
        state = _state_of_sibling(process)
        is_stuck = state in STOPPED or now - self._since > STUCK_TIMEOUT
        if not (state and is_stuck):
            return False
        why = 'is stopped' if state in STOPPED else 'makes no progress'
        log.error('Worker %d has the write lock and %s: it is killed', process, why)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        return True


def _state_of_sibling(process: int) -> str:
    """Return the state of another process of our parent, from proc(5); empty for others."""
    try:
        status = Path(f'/proc/{process}/stat').read_text()
    except OSError:
        return ''
    state, parent = status.rpartition(')')[2].split()[:2]
    return state if int(parent) == os.getppid() and process != os.getpid() else ''


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
