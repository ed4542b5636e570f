"""
Batches on disk, while the server is away.

A directory, which several processes may share. Each batch is a file of its own, the body of its
request, named by its time and its key; it is complete and on disk before it has that name. So it
can be sent by whoever comes first, also after a crash, and is stored once: the server knows the key
for a day. One process at a time sends, the holder of a lock (``flock``).
"""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chronologer.client.buffer import GZIP, Batch

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None  # type: ignore[assignment]

HAS_FLOCK = fcntl is not None
SUFFIX, UNFINISHED, UNREADABLE = '.ndjson.gz', '.part', '.unreadable'
# Of a file of ours; others are left alone.
NAME = re.compile(r'([0-9]{20})-[0-9]+-([0-9a-f]{32})\.ndjson(\.gz|\.part|\.unreadable)')
ABANDONED = 600  # seconds after which nobody goes on writing a file
SURVEY = 1.0  # seconds between two looks at the sizes of all files; there may be thousands
BLOCK = 4096  # bytes that a file takes at least


class SpoolFullError(Exception):
    """There is no room for another batch."""


class Spool:
    """A directory with batches; for one thread at a time."""

    def __init__(self, directory: str, max_bytes: int):
        self._directory, self._max_bytes = Path(directory), max_bytes
        self._lock: int | None = None
        self._listed: list[str] = []  # names, some of which may be gone
        self._stuck: set[str] = set()  # names of what can be neither read nor removed
        self._used = 0  # bytes, as last seen
        self._next_survey = 0.0  # of the monotonic clock
        self._last = 0  # time in the name of the last file, in nanoseconds

    def make(self) -> None:
        """
        Make the directory if need be, for nobody but its owner to read.

        Raises:
            OSError: It cannot be written to.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(self._open_lock())

    def is_empty(self) -> bool:
        """Whether nothing waits here, of any process."""
        return not self._names()

    def add(self, batch: Batch) -> None:
        """
        Write a batch; when this returns it is on disk.

        Raises:
            SpoolFullError: It would be more bytes than the limit.
            OSError: The disk is full, or gone.
        """
        body = batch.body
        self.make()  # somebody may have removed it
        if time.monotonic() >= self._next_survey:
            self._used, self._last = self._survey()
            self._next_survey = time.monotonic() + SURVEY
        self._used += _blocks(len(body))
        if self._used > self._max_bytes:
            self._next_survey = 0.0
            raise SpoolFullError(f'{self._directory} has reached {self._max_bytes:,} bytes')
        self._last = max(time.time_ns(), self._last + 1)  # clocks may be put back
        path = self._directory / f'{self._last:020}-{os.getpid()}-{batch.key}{SUFFIX}'
        part = path.with_suffix(UNFINISHED)
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        self._sync()

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Try to be the one that sends; gives whether it is so."""
        self._lock = self._open_lock()
        try:
            is_sender = _take(self._lock)
            try:
                yield is_sender
            finally:
                if is_sender:
                    # A process that was forked just now may have a copy of the descriptor.
                    fcntl.flock(self._lock, fcntl.LOCK_UN)
        finally:
            self.abandon()

    def first(self) -> Batch | None:
        """The oldest batch; what cannot be read is put aside."""
        while True:
            self._listed = self._listed or self._names()
            if not self._listed:
                return None
            batch = self._read(self._directory / self._listed[0])
            if batch is not None:
                return batch
            del self._listed[0]

    def remove_first(self) -> None:
        """The first batch is sent."""
        name = self._listed.pop(0)
        try:
            (self._directory / name).unlink(missing_ok=True)
        except OSError:
            self._stuck.add(name)
            raise
        self._sync()

    def abandon(self) -> None:
        """In a forked process: close its copy of the lock, which stays the parent's."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.close(descriptor)

    def _open_lock(self) -> int:
        return os.open(self._directory / 'lock', os.O_RDWR | os.O_CREAT, 0o600)

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return []
        waiting = (name for name in names if name.endswith(SUFFIX) and NAME.fullmatch(name))
        return sorted(name for name in waiting if name not in self._stuck)

    def _survey(self) -> tuple[int, int]:
        """Bytes of all files, and the latest time that a name has; old unfinished ones go."""
        used = last = 0
        for entry in os.scandir(self._directory):
            match = NAME.fullmatch(entry.name)
            if match is None:
                continue
            last = max(last, int(match[1]))
            try:
                stat = entry.stat()
                if entry.name.endswith(UNFINISHED) and stat.st_mtime < time.time() - ABANDONED:
                    os.unlink(entry.path)
                else:
                    used += _blocks(stat.st_size)
            except FileNotFoundError:
                pass  # sent meanwhile, by another process
        return used, max(last, self._last)

    def _read(self, path: Path) -> Batch | None:
        try:
            body = path.read_bytes()
            lines = zlib.decompress(body, GZIP).split(b'\n')
        except FileNotFoundError:
            return None
        except (zlib.error, PermissionError, IsADirectoryError):
            try:
                path.rename(path.with_suffix(UNREADABLE))
            except OSError:
                self._stuck.add(path.name)
            return None
        batch = Batch(lines, path.name[: -len(SUFFIX)].rpartition('-')[2])
        batch.keep(body)
        return batch

    def _sync(self) -> None:
        """Let names be on disk too."""
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
