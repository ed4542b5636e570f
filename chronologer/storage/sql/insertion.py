"""
Writes records in a transaction: rows, counters, the search index, keys of batches.

Batches are written together, which is fast, or one by one if the engine refuses any of them.
"""

from collections import Counter
from collections.abc import Sequence

import orjson

from chronologer.errors import ChronologerError, RefusedError
from chronologer.model import Record, microseconds
from chronologer.storage import Batch, BatchKey, Outcome, check_ascending, idempotency
from chronologer.storage.bucket import QUARTER
from chronologer.storage.database import Connection
from chronologer.storage.sql import counters
from chronologer.storage.sql.dialect import Row, RowDialect
from chronologer.storage.sql.index import Index
from chronologer.storage.sql.loggers import Loggers


class Insertion:
    """
    Writes the batches of one storage; caches the ids of loggers and unindexed records.

    The caches are dropped with the connection, which ends when a transaction fails: cached values
    of that transaction may not be stored.
    """

    def __init__(self, dialect: RowDialect):
        self._dialect = dialect
        self._db: Connection | None = None  # the last one
        self._loggers = Loggers(dialect)
        self._index = Index(dialect)

    def insert(
        self, db: Connection, batches: Sequence[Batch], keys: Sequence[BatchKey | None]
    ) -> list[Outcome]:
        """Write batches with their keys; see `Storage.insert`."""
        self._begin(db)
        count = sum(map(len, batches))
        first_id = self._dialect.take_ids(db, count)
        if any(keys):
            idempotency.expire(db)
        try:
            outcomes, rows = self._insert_together(db, batches, keys, first_id)
        except self._dialect.batch_errors:
            outcomes, rows = self._insert_each(db, batches, keys, first_id)
        self._register(db, rows, range(first_id, first_id + count))
        return outcomes

    def restore(self, db: Connection, records: Sequence[Record]) -> None:
        """Write records with their own ids; see `Storage.restore`."""
        self._begin(db)
        # At least one id is used up, so that other processes see that records were written.
        first_id = self._dialect.take_ids(db, 1)
        check_ascending(records, last_used_id(db))
        ids = [record.id for record in records if record.id is not None]
        taken = range(first_id, max(first_id, ids[-1]) + 1)
        self._dialect.take_ids(db, len(taken) - 1)
        try:
            rows = self._make_rows(db, records, ids)
            self._dialect.insert_records(db, rows)
        except self._dialect.batch_errors as ex:
            error = f'the storage cannot store the records {ids[0]} to {ids[-1]}: {ex}'
            raise RefusedError(error) from ex
        self._register(db, rows, taken)
        if ids[0] < first_id:  # purged records may have had these ids, and readers may cache them
            self._index.index_all(db)

    def _begin(self, db: Connection) -> None:
        if db is not self._db:
            self._drop_caches()
            self._db = db

    def _drop_caches(self) -> None:
        self._loggers.clear()
        self._index.drop_caches()

    def _register(self, db: Connection, rows: Sequence[Row], ids: range) -> None:
        """Count and index the records written with some of *ids*."""
        counts = Counter((logger, ts // QUARTER, level) for _, ts, level, logger, *_ in rows)
        counters.add(db, self._dialect, counts)
        self._index.add(db, rows, ids)

    def _insert_each(
        self,
        db: Connection,
        batches: Sequence[Batch],
        keys: Sequence[BatchKey | None],
        first_id: int,
    ) -> tuple[list[Outcome], list[Row]]:
        outcomes: list[Outcome] = []
        rows: list[Row] = []
        for batch, key in zip(batches, keys, strict=True):
            try:
                (outcome,), its_rows = self._insert_together(db, [batch], [key], first_id)
            except ChronologerError as ex:
                outcomes.append(ex)
            except self._dialect.batch_errors as ex:
                outcomes.append(RefusedError(f'the storage cannot store the batch: {ex}'))
            else:
                outcomes.append(outcome)
                rows += its_rows
                first_id += len(its_rows)
        return outcomes, rows

    def _insert_together(
        self,
        db: Connection,
        batches: Sequence[Batch],
        keys: Sequence[BatchKey | None],
        first_id: int,
    ) -> tuple[list[Outcome], list[Row]]:
        """Write batches that are not stored yet; if the engine refuses one, undo all and raise."""
        outcomes: list[Outcome] = []
        records: list[Record] = []
        db.execute('SAVEPOINT batch')
        try:
            for batch, key in zip(batches, keys, strict=True):
                outcome = idempotency.recall(db, key) if key else None
                if outcome is None:
                    start = first_id + len(records)
                    outcome = list(range(start, start + len(batch)))
                    records += batch
                    if key:
                        idempotency.remember(db, key, outcome)
                outcomes.append(outcome)
            rows = self._make_rows(db, records, range(first_id, first_id + len(records)))
            self._dialect.insert_records(db, rows)
        except self._dialect.batch_errors:  # others may have undone the savepoint already
            db.execute('ROLLBACK TO SAVEPOINT batch')
            self._drop_caches()
            raise
        return outcomes, rows

    def _make_rows(
        self, db: Connection, records: Sequence[Record], ids: Sequence[int]
    ) -> list[Row]:
        loggers = self._loggers.cached
        rows: list[Row] = []
        for id, (ts, name, level, message, logrec, _) in zip(ids, records, strict=True):
            logger, fields = loggers.get(name) or self._loggers.id_of(db, name), logrec or {}
            text = orjson.dumps(fields).decode()
            rows.append((id, microseconds(ts), level, logger, message, text, fields))
        return rows


def last_used_id(db: Connection) -> int:
    """Return the last id of a record, or of a block, which outlives purged records; or 0."""
    ids = db.execute(
        'SELECT (SELECT MAX(id) FROM record), (SELECT MAX(last_id) FROM block)'
    ).fetchone()
    return max(id or 0 for id in ids)
