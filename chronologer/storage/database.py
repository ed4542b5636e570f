"""
A SQL database: its connections, and transactions on them.

A storage on a SQL engine has a `Database`, which is independent of the storage's tables. An engine
adds how it connects, how it begins a transaction, and the meaning of its driver's errors.
"""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Lock
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from chronologer.errors import ChronologerError

ATTEMPTS = 5  # at a transaction that the engine has undone
MAX_IDLE, MAX_IDLE_TIME = 8, 60  # connections that read, and seconds; a server has room for few


class Result(Protocol):
    """The result of a statement: a cursor of PEP 249."""

    @property
    def rowcount(self) -> int:
        """The number of rows that were changed."""

    @property
    def lastrowid(self) -> int | None:
        """The id of the inserted row, on engines that have it."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> Sequence[Any]:
        """Return the remaining rows."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the remaining rows."""

    def close(self) -> None:
        """Drop the remaining rows."""


class Connection(Protocol):
    """A connection that is used by one thread at a time; ``?`` stands for a parameter."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Result:
        """Execute a statement."""

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> object:
        """Execute a statement with the parameters of each row."""

    def commit(self) -> None:
        """End the transaction; its changes are durable."""

    def close(self) -> None:
        """Undo uncommitted changes, and disconnect."""


C = TypeVar('C', bound=Connection)
T = TypeVar('T')


class Database(ABC, Generic[C]):
    """
    Connections that read, as many as are used at a time, and one that writes.

    Connections are opened when they are needed, and closed after any error or when they are not
    needed for a while. Errors of the driver are translated into `StorageError` and its subclasses.
    """

    begin: ClassVar[str]  # a transaction that writes
    begin_snapshot: ClassVar[str]  # a transaction that only reads, always the same state
    errors: tuple[type[Exception], ...]  # of the driver

    def __init__(self, query_timeout: float):
        self.query_timeout = query_timeout  # seconds, of a statement that reads
        self._readers: deque[tuple[C, float]] = deque()  # idle ones, since when
        self._writer: C | None = None
        self._write_lock = Lock()

    @contextmanager
    def read(self) -> Iterator[C]:
        """Lend a connection that cannot write; each statement sees the commits before it."""
        with self._translated():
            db = self._take_reader()
            try:
                yield db
            except BaseException:
                db.close()
                raise
            self._put_reader(db)

    @contextmanager
    def snapshot(self) -> Iterator[C]:
        """Lend a connection that cannot write; all statements see the same state of the tables."""
        with self.read() as db:
            db.execute(self.begin_snapshot)
            yield db
            db.commit()

    def write(self, work: Callable[[Connection], T]) -> T:
        """
        Call *work* in a transaction, and return its result after the commit.

        The transaction is repeated, with another connection, if the engine has undone it. Each
        failed transaction ends its connection, so what *work* caches about the tables is valid as
        long as it gets the same connection.
        """
        with self._write_lock, self._translated(), self._exclusive():
            attempt = 1
            while True:
                db = self._take_writer()
                is_committing = False
                try:
                    db.execute(self.begin)
                    result = work(db)
                    is_committing = True
                    db.commit()
                    return result
                except BaseException as ex:
                    self._drop_writer()
                    if attempt == ATTEMPTS or not self._is_undone(ex, is_committing):
                        raise
                attempt += 1

    @abstractmethod
    def migrate(self) -> None:
        """Create or upgrade the schema; see `Storage.migrate`."""

    @abstractmethod
    def check(self) -> None:
        """Compare the schema with that of this version; see `Storage.check`."""

    def close(self) -> None:
        """Close all connections."""
        with self._write_lock:
            while self._readers:
                self._readers.pop()[0].close()
            self._drop_writer()

    # What engines do in their own way

    @abstractmethod
    def _open_reader(self) -> C:
        """Open a connection that cannot write, whose statements end after the time limit."""

    @abstractmethod
    def _open_writer(self) -> C:
        """Open a connection whose commits are durable."""

    @abstractmethod
    def _translate(self, error: Exception) -> ChronologerError:
        """Return an error of the driver as one of `chronologer.errors`."""

    def _take_reader(self) -> C:
        """Return an idle connection, or a new one."""
        try:
            return self._readers.pop()[0]
        except IndexError:
            return self._open_reader()

    def _put_reader(self, db: C) -> None:
        """Keep a connection for the next query, and close those that are not needed."""
        now = time.monotonic()
        self._readers.append((db, now))
        with suppress(IndexError):  # another thread has taken the last one
            while len(self._readers) > MAX_IDLE or now - self._readers[0][1] > MAX_IDLE_TIME:
                self._readers.popleft()[0].close()

    def _exclusive(self) -> AbstractContextManager[None]:
        """Wait for other processes that write, if the engine itself is slow to do so."""
        return nullcontext()

    def _is_undone(self, error: BaseException, is_committing: bool) -> bool:
        """Whether nothing of a transaction can have happened, so that it may be repeated."""
        return False

    # Common steps

    def _take_writer(self) -> C:
        if self._writer is None:
            self._writer = self._open_writer()
        return self._writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.errors as ex:
            raise self._translate(ex) from ex
