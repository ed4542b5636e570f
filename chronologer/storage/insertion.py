"""
What a transaction of the SQL storages writes: rows, counters, the search index, keys of retries.

Batches are written together, which is fast; or one by one, if the engine refuses any of them.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from chronologer.errors import ChronologerError, RefusedError
from chronologer.model import Record, microseconds
from chronologer.storage import Batch, Outcome, RetryKey, check_ascending, counters, retry
from chronologer.storage.bucket import QUARTER
from chronologer.storage.builder import Row
from chronologer.storage.counters import Dialect
from chronologer.storage.index import Index

MAX_CACHED_LOGGERS, MAX_CACHED_NAME = 10_000, 200  # entries, characters


class Engine(Protocol):
    """What each engine does in its own way, within a transaction."""

    @property
    def dialect(self) -> Dialect:
        """Of its SQL."""

    batch_errors: tuple[type[Exception], ...]  # others fail the whole transaction

    def take_ids(self, db: Any, count: int) -> int:
        """Reserve ids in the order of commits, without gaps; return the first."""

    def find_logger(self, db: Any, name: str) -> int | None:
        """The id of a logger, if it has one."""

    def add_logger(self, db: Any, name: str) -> int:
        """Give a logger an id."""

    def insert_records(self, db: Any, rows: Sequence[Row]) -> None:
        """Insert into ``record``; the last column, the fields, is none of the table's."""


class Insertion:
    """Writes the batches of one storage; remembers loggers, and what is in no block yet."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._dialect = engine.dialect
        self._loggers: dict[str, int] = {}  # ids by name
        self._index = Index(self._dialect)

    def forget(self) -> None:
        """A transaction was undone: what was remembered of it may not be there."""
        self._loggers.clear()
        self._index.forget()

    def insert(
        self, batches: Sequence[Batch], keys: Sequence[RetryKey | None], db: Any
    ) -> list[Outcome]:
        """Write batches with their keys; see `Storage.insert`."""
        # First of all: who has the ids has the turn, and reads nothing older than that.
        count = sum(map(len, batches))
        first_id = self._engine.take_ids(db, count)
        if any(keys):
            retry.expire(db)
        try:
            outcomes, rows = self._insert_together(db, batches, keys, first_id)
        except self._engine.batch_errors:
            outcomes, rows = self._insert_each(db, batches, keys, first_id)
        self._register(db, rows, range(first_id, first_id + count))
        return outcomes

    def restore(self, records: Sequence[Record], db: Any) -> None:
        """Write records with the ids that they have; see `Storage.restore`."""
        # One id at least is used up, so that other processes see that somebody has written.
        first_id = self._engine.take_ids(db, 1)
        check_ascending(records, last_place(db))
        ids = [record.id for record in records if record.id is not None]
        taken = range(first_id, max(first_id, ids[-1]) + 1)
        self._engine.take_ids(db, len(taken) - 1)
        try:
            rows = self._make_rows(db, records, ids)
            self._engine.insert_records(db, rows)
        except self._engine.batch_errors as ex:
            error = f'the storage cannot take the records {ids[0]} to {ids[-1]}: {ex}'
            raise RefusedError(error) from ex
        self._register(db, rows, taken)
        if ids[0] < first_id:  # purged records may have had them, which tails still know
            self._index.close_tail(db)

    def _register(self, db: Any, rows: Sequence[Row], ids: range) -> None:
        """Count and index what was written with some of *ids*."""
        counts = Counter((logger, ts // QUARTER, level) for _, ts, level, logger, *_ in rows)
        counters.add(db, self._dialect, counts)
        self._index.add(db, rows, ids)

    def _insert_each(
        self, db: Any, batches: Sequence[Batch], keys: Sequence[RetryKey | None], first_id: int
    ) -> tuple[list[Outcome], list[Row]]:
        outcomes: list[Outcome] = []
        rows: list[Row] = []
        for batch, key in zip(batches, keys, strict=True):
            try:
                (outcome,), its_rows = self._insert_together(db, [batch], [key], first_id)
            except ChronologerError as ex:
                outcomes.append(ex)
            except self._engine.batch_errors as ex:
                outcomes.append(RefusedError(f'the storage cannot take the batch: {ex}'))
            else:
                outcomes.append(outcome)
                rows += its_rows
                first_id += len(its_rows)
        return outcomes, rows

    def _insert_together(
        self, db: Any, batches: Sequence[Batch], keys: Sequence[RetryKey | None], first_id: int
    ) -> tuple[list[Outcome], list[Row]]:
        """Write batches that are not known; if the engine refuses one, undo all and raise."""
        outcomes: list[Outcome] = []
        records: list[Record] = []
        db.execute('SAVEPOINT batch')
        try:
            for batch, key in zip(batches, keys, strict=True):
                outcome = retry.recall(db, key) if key else None
                if outcome is None:
                    start = first_id + len(records)
                    outcome = list(range(start, start + len(batch)))
                    records += batch
                    if key:
                        retry.remember(db, key, outcome)
                outcomes.append(outcome)
            rows = self._make_rows(db, records, range(first_id, first_id + len(records)))
            self._engine.insert_records(db, rows)
        except self._engine.batch_errors:  # others may have undone the savepoint already
            db.execute('ROLLBACK TO SAVEPOINT batch')
            self.forget()
            raise
        return outcomes, rows

    def _make_rows(self, db: Any, records: Sequence[Record], ids: Sequence[int]) -> list[Row]:
        loggers = self._loggers
        rows: list[Row] = []
        for id, (ts, name, level, message, logrec, _) in zip(ids, records, strict=True):
            logger, fields = loggers.get(name) or self._logger_id(db, name), logrec or {}
            text = orjson.dumps(fields).decode()
            rows.append((id, microseconds(ts), level, logger, message, text, fields))
        return rows

    def _logger_id(self, db: Any, name: str) -> int:
        id = self._engine.find_logger(db, name)
        if id is None:
            id = self._engine.add_logger(db, name)
        if len(name) <= MAX_CACHED_NAME:
            if len(self._loggers) >= MAX_CACHED_LOGGERS:
                self._loggers.clear()
            self._loggers[name] = id
        return id


def last_place(db: Any) -> int:
    """The last id of a record, or of a block, which keeps it when the record is purged; or 0."""
    ids = db.execute(
        'SELECT (SELECT MAX(id) FROM record), (SELECT MAX(last_id) FROM block)'
    ).fetchone()
    return max(id or 0 for id in ids)
