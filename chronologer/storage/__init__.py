"""
The interface of storages, which every engine fulfils, and `create_storage`.

``test/engine/contract`` tests the same contract on each engine.
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
from chronologer.query.tree import Column, Path
from chronologer.storage.shown import shown_dsn

__all__ = [
    'Batch',
    'BatchKey',
    'Cursor',
    'Facet',
    'FieldTypes',
    'Outcome',
    'Prepared',
    'Recalled',
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
class BatchKey:
    """Identifies a batch, so that it is stored once however often it is sent."""

    owner: bytes  # 16 bytes, of user and Idempotency-Key
    part: str  # which batch of the request, up to 64 characters
    digest: bytes  # 16 bytes, of the body that was sent for it


class Prepared(Sequence[Record]):
    """Records of lines that an engine has decoded; a `Record` is made only when it is used."""

    def __init__(self, lines: Sequence[bytes], decode: Callable[[bytes], Record], rows: Any):
        self.lines, self._decode = lines, decode
        self.rows = rows  # the decoded records, for the engine

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._decode(line) for line in self.lines[index]]
        return self._decode(self.lines[index])


MAX_FIELDS = 5000  # names with a type that a storage keeps

# DSN scheme -> module and class, imported on demand because each needs its own driver.
ENGINES = {
    'sqlite': ('chronologer.storage.sqlite', 'SQLiteStorage'),
    'mysql': ('chronologer.storage.mysql', 'MySQLStorage'),
    'mysql+pymysql': ('chronologer.storage.mysql', 'MySQLStorage'),
    'chdb': ('chronologer.storage.clickhouse', 'ClickHouseStorage'),
    'clickhouse': ('chronologer.storage.clickhouse', 'ClickHouseStorage'),
}


class Recalled(list[int]):
    """The ids of a batch that was stored before."""


def ignore(_: int) -> None:
    """Do nothing about the progress."""


class Storage(ABC):
    """
    Keeps records and answers queries about them; safe to call from any thread.

    Any method raises `StorageBusyError` when the engine cannot be reached or does not answer within
    its time limit, and `StorageError` when it fails.
    """

    query_timeout: float  # seconds that a query may take
    is_exclusive = False  # whether only one process may open it
    group_records = 2000  # the best number of records in a transaction
    slice_records = 1000  # records in a slice of a long body
    reads_lines = False  # whether `prepare` decodes lines

    @abstractmethod
    def insert(
        self, batches: Sequence[Batch], keys: Sequence[BatchKey | None] = ()
    ) -> list[Outcome]:
        """
        Store several requests' batches in one transaction and return after its commit.

        *keys* belong to batches that may be sent again; other batches have None. A batch whose key
        was stored within a day is not stored again; its outcome is that of the first request.

        Returns:
            For each batch the ids of its records in order, or the error for which this batch alone
            was not stored: `ConflictError` if its key belongs to another batch, or an error of the
            engine. Ids are below 2**53, increase in the order of commits, and are never used again.
        """

    def prepare(self, lines: Sequence[bytes], decode: Callable[[bytes], Record]) -> Prepared | None:
        """
        Decode LogRecords in JSON, if the engine does so faster than *decode*, with the same result.

        `is_plain` holds for all lines. None is returned if the engine does not decode them, for
        instance because one of them is malformed.
        """
        return None

    @abstractmethod
    def resume_restore(self) -> int:
        """Undo an interrupted `restore`, and return the id after which to continue."""

    @abstractmethod
    def restore(self, records: Sequence[Record]) -> None:
        """
        Store whole records with the ids that they have, all of them or none.

        Ids ascend, with gaps or without, and are above all stored ones; `insert` later gives ids
        above them. In all else it is as if the records had been inserted.

        Raises:
            StorageError: Ids do not ascend so (see `check_ascending`), or the engine fails.
        """

    @abstractmethod
    def get(self, id: int) -> Record | None:
        """Return the whole record, or None if it does not exist."""

    @abstractmethod
    def range(self, filter: Filter, left: int, right: int) -> Iterator[Record]:
        """
        Yield matching records, newest first (`ts`, then `id`, descending), without ``logrec``.

        *left* and *right* are offsets from 0, both inclusive. The call finds the ids of the
        records. Their contents are fetched as the caller iterates, in slices of about a megabyte,
        so that a page of huge messages does not fill the memory.
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

        If *ascending*, records after it, oldest first; if *whole*, with ``logrec``. Without a
        cursor it is the first page. Fewer than *limit* are yielded only if there are no more.
        """

    @abstractmethod
    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        """Yield the matching records after *id*, oldest first by id, fetched as in `range`."""

    @abstractmethod
    def last_id(self) -> int:
        """Return the highest id of a stored record, or 0; all records up to it are visible."""

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

        ``name`` and ``level`` are counted in all of them; values at a path in ``logrec`` in the
        newest *sample*, except texts of more than 1,000 characters. Most frequent first.
        """

    @abstractmethod
    def fields(self) -> FieldTypes:
        """
        Return the fields of ``logrec`` that records have had, and their types.

        Types are ``number``, ``text``, ``boolean`` and ``array``; a null has none. At most
        `MAX_FIELDS` pairs of name and type are kept, and none with a name over 200 characters.
        """

    @abstractmethod
    def purge(
        self, before: datetime, filter: Filter, progress: Callable[[int], None] = ignore
    ) -> int:
        """
        Delete matching records older than *before*, in slices, and return their number.

        *progress* is called after each slice, with the number of records deleted so far. If it
        raises an error, the purge ends with that error.
        """

    @abstractmethod
    def migrate(self) -> None:
        """Create the schema, or upgrade it to that of this version."""

    @abstractmethod
    def check(self) -> None:
        """
        Make sure that the storage answers and has this version's schema.

        Raises:
            SchemaError: There is no schema, or it is older or newer; the message has the remedy.
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

    A query that takes longer than *query_timeout* seconds ends with `QueryTimeoutError`.

    Raises:
        ConfigurationError: The DSN is malformed, its scheme is unknown, or its driver is not
            installed.
    """
    scheme = dsn.partition(':')[0]
    if scheme not in ENGINES:
        wanted = ', '.join(f'{known}://…' for known in ENGINES)
        raise ConfigurationError(f'storage DSN {shown_dsn(dsn)!r}: expected {wanted}')
    module, name = ENGINES[scheme]
    storage: Storage = getattr(import_module(module), name)(dsn, query_timeout)
    return storage
