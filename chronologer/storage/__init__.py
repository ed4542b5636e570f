"""
Where records are kept: the interface that every engine fulfils, and `create_storage`.

The contract is written as a test suite that runs on each engine, ``test/storage/contract``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from itertools import pairwise
from typing import Any

from chronologer.errors import ChronologerError, ConfigurationError, StorageError
from chronologer.model import Filter, Record
from chronologer.query import Column, Path
from chronologer.storage.shown import shown_dsn

__all__ = [
    'Batch',
    'Cursor',
    'Facet',
    'FieldTypes',
    'Outcome',
    'Prepared',
    'Recalled',
    'RetryKey',
    'Storage',
    'check_ascending',
    'create_storage',
    'shown_dsn',
]

Batch = Sequence[Record]
Facet = list[tuple[int | float | str | bool, int]]  # values with their counts
Outcome = list[int] | ChronologerError
Cursor = tuple[datetime, int]  # ts and id of a record
FieldTypes = dict[str, set[str]]  # of each field, named as in a query: number, text, …

QUERY_TIMEOUT = 10  # seconds
MAX_ID = 2**53 - 1  # JavaScript has no larger integers


@dataclass(frozen=True, slots=True)
class RetryKey:
    """Names a batch, so that it is stored once however often it is sent."""

    owner: bytes  # 16 bytes, of user and Idempotency-Key
    part: str  # which batch of the request, up to 64 characters
    digest: bytes  # 16 bytes, of what was sent for it


class Prepared(Sequence[Record]):
    """Records of lines that an engine has read in its own way; made only if they are asked for."""

    def __init__(self, lines: Sequence[bytes], decode: Callable[[bytes], Record], rows: bytes):
        self._lines, self._decode = lines, decode
        self.rows = rows  # for the engine

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._decode(line) for line in self._lines[index]]
        return self._decode(self._lines[index])


MAX_FIELDS = 5000  # names with a type that a storage remembers
MAX_SAVED = 1000  # searches

# DSN scheme -> module and class, imported on demand because each needs its own driver.
ENGINES = {
    'sqlite': ('chronologer.storage.sqlite', 'SQLiteStorage'),
    'mysql': ('chronologer.storage.mysql', 'MySQLStorage'),
    'mysql+pymysql': ('chronologer.storage.mysql', 'MySQLStorage'),
    'chdb': ('chronologer.storage.clickhouse', 'ClickHouseStorage'),
    'clickhouse': ('chronologer.storage.clickhouse', 'ClickHouseStorage'),
}


class Recalled(list[int]):
    """The ids that a batch got when it was stored before."""


class Storage(ABC):
    """
    Keeps records and answers questions about them; safe to call from any thread.

    Any method raises `StorageBusyError` when the engine cannot be reached or does not answer within
    its time limit, and `StorageError` when it fails.
    """

    is_exclusive = False  # whether one process alone may open it
    group_records = 2000  # that one transaction had best have, if as many wait
    slice_records = 1000  # into which a long body is divided

    @abstractmethod
    def insert(
        self, batches: Sequence[Batch], keys: Sequence[RetryKey | None] = ()
    ) -> list[Outcome]:
        """
        Store several requests' batches in one transaction and return after its commit.

        *keys* are of the batches that may be sent again, None for others. A batch whose key was
        stored with it within a day is not stored again; its outcome is that of the first time.

        Returns:
            For each batch the ids of its records in order, or the error for which this batch, and
            no other, was left out: `ConflictError`, if its key is of another batch, or what the
            engine says. Ids are below 2**53, increase in the order of commits, and are
            never used again.
        """

    def prepare(self, lines: Sequence[bytes], decode: Callable[[bytes], Record]) -> Prepared | None:
        """
        Read LogRecords as JSON, if the engine does so faster than *decode*, and to the same effect.

        In the lines there is nothing that `is_plain` denies. None if the engine does not read them,
        for instance because one of them is malformed.
        """
        return None

    @abstractmethod
    def resume_restore(self) -> int:
        """Return the id after which to restore; undoes what an interrupted `restore` has left."""

    @abstractmethod
    def restore(self, records: Sequence[Record]) -> None:
        """
        Store whole records with the ids that they have, all of them or none.

        Ids ascend, with gaps or without, from above those that are there; what `insert` gives
        later is above them. All else is as if they had been inserted.

        Raises:
            StorageError: Ids do not ascend so (see `check_ascending`), or the engine fails.
        """

    @abstractmethod
    def get(self, id: int) -> Record | None:
        """Return the whole record, or None when there is none."""

    @abstractmethod
    def range(self, filter: Filter, left: int, right: int) -> Iterator[Record]:
        """
        Yield matching records, newest first (`ts`, then `id`, descending), without ``logrec``.

        *left* and *right* are offsets from 0, both included. Which records they are is settled by
        the call; they are fetched as the caller goes on, in slices of about a megabyte, so
        that a page of huge messages does not fill the memory.
        """

    @abstractmethod
    def page(
        self,
        filter: Filter,
        cursor: Cursor | None,
        limit: int,
        ascending: bool = False,
        whole: bool = False,
    ) -> Iterator[Record]:
        """
        Yield the matching records before *cursor*, newest first, fetched as in `range`.

        If *ascending*, those after it, oldest first; if *whole*, with ``logrec``. Without a cursor
        it is the first page. There are fewer than *limit* only if there are no more.
        """

    @abstractmethod
    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        """Yield the matching records after *id*, oldest first by id, fetched as in `range`."""

    @abstractmethod
    def last_id(self) -> int:
        """Return the highest id of a record that is there, or 0: all up to it can be seen."""

    @abstractmethod
    def count(self, filter: Filter) -> int:
        """Count matching records."""

    @abstractmethod
    def timeline(self, filter: Filter, step: timedelta) -> list[tuple[datetime, int, int]]:
        """
        Count matching records per interval of length *step* since the epoch, and per level.

        Steps of 15 minutes and their multiples are answered from counters, shorter ones (whole
        seconds) from the records.

        Returns:
            ``(start, level, count)``, ascending; start is aware UTC, empty intervals absent.
        """

    @abstractmethod
    def facet(self, filter: Filter, field: Column | Path, sample: int) -> Facet:
        """
        Count the values of a field among matching records.

        ``name`` and ``level`` are counted among all of them; what is at a path in ``logrec``,
        among the newest *sample*, texts of up to 1,000 characters. Most frequent first.
        """

    @abstractmethod
    def fields(self) -> FieldTypes:
        """
        Return the fields of ``logrec`` that records have had, and their types.

        Types are ``number``, ``text``, ``boolean`` and ``array``; a null is none. At most
        `MAX_FIELDS` pairs are remembered, and not those with names over 200 characters.
        """

    @abstractmethod
    def purge(self, before: datetime, filter: Filter) -> int:
        """Delete matching records older than *before*, in slices, and return their number."""

    @abstractmethod
    def secret(self) -> bytes:
        """Return 32 bytes that nobody else knows, the same for ever; made when first asked for."""

    @abstractmethod
    def saved(self) -> dict[str, str]:
        """Return the searches that have been saved: their states, by name."""

    @abstractmethod
    def save(self, name: str, state: str) -> bool:
        """
        Keep a search, instead of the one of that very name if there is one.

        Returns:
            Whether the name is new.
        Raises:
            LimitError: There are `MAX_SAVED` others.
        """

    @abstractmethod
    def forget(self, name: str) -> bool:
        """Drop a saved search; return whether it was there."""

    @abstractmethod
    def migrate(self) -> None:
        """Create the schema, or bring it up to this version's."""

    @abstractmethod
    def check(self) -> None:
        """
        Make sure that the storage answers and has this version's schema.

        Raises:
            SchemaError: There is no schema, or it is older or newer; says what to do.
        """

    @abstractmethod
    def close(self) -> None:
        """Release connections and files."""

    def __enter__(self) -> 'Storage':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def check_ascending(records: Sequence[Record], last_id: int) -> None:
    """
    Make sure that records can be restored where *last_id* is the last one.

    Raises:
        StorageError: An id is missing, above `MAX_ID`, or not above the one before.
    """
    for previous, id in pairwise([last_id, *(record.id for record in records)]):
        if id is None or previous is None or not previous < id <= MAX_ID:
            wanted = f'ids ascend, up to {MAX_ID}'
            raise StorageError(f'record {id} cannot be restored after {previous}: {wanted}')


def create_storage(dsn: str, query_timeout: float = QUERY_TIMEOUT) -> Storage:
    """
    Return the storage that *dsn* names, not yet opened or checked.

    A question that takes longer than *query_timeout* seconds ends with `QueryTimeoutError`.

    Raises:
        ConfigurationError: The DSN is malformed, or its scheme or driver is not there.
    """
    scheme = dsn.partition(':')[0]
    if scheme not in ENGINES:
        wanted = ', '.join(f'{known}://…' for known in ENGINES)
        raise ConfigurationError(f'storage DSN {shown_dsn(dsn)!r}: expected {wanted}')
    module, name = ENGINES[scheme]
    storage: Storage = getattr(import_module(module), name)(dsn, query_timeout)
    return storage
