"""
Batches on disk, while the server is away.

Several processes can share the directory. Each batch is a file with the body of its request, named
by its time and its key. It is complete and on disk before it has that name. So any process can send
it, also after a crash, and it is stored once, because the server stores the key for a day. One
process at a time sends, which holds a lock (``flock``).
"""

from __future__ import annotations

import errno
import os
import re
import stat
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
# name of a batch; other files are left alone
NAME = re.compile(r'([0-9]{20})-[0-9]+-([0-9a-f]{32})\.ndjson(\.gz|\.part|\.unreadable)')
ABANDONED = 600  # seconds after which an unfinished file is abandoned
SURVEY = 1.0  # seconds between two surveys of all files, of which there may be thousands
BLOCK = 4096  # bytes of disk for the smallest file
MAX_UNPACKED = 2**25  # bytes of the lines of a batch; a single record has up to 16 MiB
MAX_LINES = 1000  # of a batch


class SpoolFullError(Exception):
    """There is no room for another batch."""


class Spool:
    """A directory with batches; for one thread at a time."""

    def __init__(self, directory: str, max_bytes: int):
        self._directory, self._max_bytes = Path(directory), max_bytes
        self._lock: int | None = None
        self._listed: list[str] = []  # names, maybe of deleted files
        self._stuck: set[str] = set()  # names of files that can be neither read nor deleted
        self._used = 0  # bytes, as last seen
        self._next_survey = 0.0  # of the monotonic clock
        self._last = 0  # time in the name of the last file, in nanoseconds

    def make(self) -> None:
        """
        Create the directory if necessary, readable only by its owner.

        Raises:
            OSError: It cannot be written to, or it is not safe: see `_check_owner`.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(self._open_lock())

    def is_empty(self) -> bool:
        """Whether no batch of any process waits here."""
        return not self._names()

    def add(self, batch: Batch) -> None:
        """
        Write a batch; when this returns it is on disk.

        Raises:
            SpoolFullError: It would be more bytes than the limit.
            OSError: The disk is full, or gone.
        """
        body = batch.body
        self.make()  # another process may have deleted it
        if time.monotonic() >= self._next_survey:
            self._used, self._last = self._survey()
            self._next_survey = time.monotonic() + SURVEY
        self._used += _blocks(len(body))
        if self._used > self._max_bytes:
            self._next_survey = 0.0
            raise SpoolFullError(f'{self._directory} has reached {self._max_bytes:,} bytes')
        self._last = max(time.time_ns(), self._last + 1)  # clocks may be set back
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
        """Try to become the process that sends; yield whether it is."""
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
        """Return the oldest batch; an unreadable file is set aside."""
        while True:
            self._listed = self._listed or self._names()
            if not self._listed:
                return None
            batch = self._read(self._directory / self._listed[0])
            if batch is not None:
                return batch
            del self._listed[0]

    def remove_first(self) -> None:
        """Delete the first batch, which was sent."""
        name = self._listed.pop(0)
        try:
            (self._directory / name).unlink(missing_ok=True)
        except OSError:
            self._stuck.add(name)
            raise
        self._sync()

    def abandon(self) -> None:
        """Close the copy of the lock in a forked process; the parent keeps the lock."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.close(descriptor)

    def _open_lock(self) -> int:
        _check_owner(self._directory)
        return os.open(self._directory / 'lock', os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return []
        waiting = (name for name in names if name.endswith(SUFFIX) and NAME.fullmatch(name))
        return sorted(name for name in waiting if name not in self._stuck)

    def _survey(self) -> tuple[int, int]:
        """Measure all files, find the latest time in a name, and delete old unfinished files."""
        used = last = 0
        for entry in os.scandir(self._directory):
            match = NAME.fullmatch(entry.name)
            if match is None:
                continue
            last = max(last, int(match[1]))
            try:
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(UNFINISHED) and status.st_mtime < time.time() - ABANDONED:
                    os.unlink(entry.path)
                else:
                    used += _blocks(status.st_size)
            except FileNotFoundError:
                pass  # sent meanwhile, by another process
        return used, max(last, self._last)

    def _read(self, path: Path) -> Batch | None:
        try:
            body = _contents(path)
            lines = _unpacked(body)
        except FileNotFoundError:
            return None
        except (zlib.error, PermissionError):
            try:
                path.rename(path.with_suffix(UNREADABLE))
            except OSError:
                self._stuck.add(path.name)
            return None
        batch = Batch(lines, path.name[: -len(SUFFIX)].rpartition('-')[2])
        batch.keep(body)
        return batch

    def _sync(self) -> None:
        """Make file names durable."""
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check_owner(directory: Path) -> None:
    """
    Check that only this user can put files and links into the directory.

    Raises:
        PermissionError: Others could have this process send what it may read, or fill other files.
    """
    link, status = os.lstat(directory), os.stat(directory)
    user = os.geteuid()
    if status.st_uid != user or link.st_uid not in (user, 0):
        owner = status.st_uid if status.st_uid != user else link.st_uid
        problem = f'the spool belongs to user {owner}, this process runs as user {user}'
        raise PermissionError(errno.EPERM, problem, str(directory))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problem = 'other users can write to the spool; chmod go-w would prevent that'
        raise PermissionError(errno.EPERM, problem, str(directory))


def _contents(path: Path) -> bytes:
    """
    Return the contents of a file, if it is a usual one.

    Raises:
        PermissionError: It is a link, something else, or too large.
    """
    try:
        # Without O_NONBLOCK a pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as ex:
        if ex.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise PermissionError(errno.EPERM, 'not a file', str(path)) from ex
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_UNPACKED:
            raise PermissionError(errno.EPERM, 'not a file, or too large', str(path))
        with open(descriptor, 'rb', closefd=False) as file:
            return file.read(MAX_UNPACKED)
    finally:
        os.close(descriptor)


def _unpacked(body: bytes) -> list[bytes]:
    """
    Return the lines of a batch.

    Raises:
        zlib.error: It is damaged, or much larger than a batch of this package.
    """
    unpacker = zlib.decompressobj(GZIP)
    text = unpacker.decompress(body, MAX_UNPACKED)
    if not unpacker.eof or unpacker.unused_data or text.count(b'\n') >= MAX_LINES:
        raise zlib.error('incomplete, or too large')
    return text.split(b'\n')


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
