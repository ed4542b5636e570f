"""
Writes records without transactions.

One statement inserts the records of a group. Each day of them becomes one part, which is written
completely or not at all. If the statement fails, the parts that were written are deleted. A
follower is shown no id before all records with lower ids are there.

A batch with a key is noted before its records are inserted. It was stored if all of them are there.
Otherwise it was interrupted, and is stored again.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from threading import Lock
from typing import NamedTuple

import orjson

from chronologer.errors import ChronologerError, RefusedError, StorageBusyError, StorageError
from chronologer.model import Record
from chronologer.storage import (
    MAX_FIELDS,
    Batch,
    BatchKey,
    Outcome,
    Prepared,
    Recalled,
    check_ascending,
    idempotency,
)
from chronologer.storage.clickhouse import decoding, schema
from chronologer.storage.clickhouse.connection import Connection
from chronologer.storage.clickhouse.dsn import Target
from chronologer.storage.clickhouse.ids import Ids, first_id, slot_of
from chronologer.storage.clickhouse.lines import COLUMNS, FieldNames, make_row
from chronologer.storage.clickhouse.process_number import EVER, Claim, claim
from chronologer.storage.fields import Fields

# Seconds after which other processes have finished what they had begun. A follower of a server's
# log sees records no sooner. An insert has a shorter time limit.
LAG = 5

NOT_WAITING = 'distributed_ddl_task_timeout = 0, mutations_sync = 0'

KeyName = tuple[str, str]  # owner and part of a `BatchKey`, as they are stored


class Note(NamedTuple):
    """A batch that was about to be stored."""

    digest: str
    first_id: int
    n: int
    created: int  # seconds since the epoch


class Piece(NamedTuple):
    """The rows of a batch: lines of JSON, or rows that the engine has decoded."""

    batch: Batch
    first_id: int
    has_key: bool
    lines: Sequence[bytes] = ()
    rows: bytes = b''
    until: int = 0  # the last id, if ids are not consecutive

    @property
    def last_id(self) -> int:
        """The highest id of the batch."""
        return self.until or self.first_id + len(self.batch) - 1


NOTED = ('owner', 'part', 'digest', 'first_id', 'n', 'created')
BATCH_ERRORS = (AttributeError, OverflowError, TypeError, ValueError)


class Insertion:
    """Writes to one database; storages of a process on the same database share it."""

    def __init__(self, target: Target):
        self.lock = Lock()  # of the process that writes
        self._target = target
        self._ids: Ids | None = None
        self._claim: Claim | None = EVER if target.is_embedded else None
        self._done = 0  # all ids of this process up to it are stored, or never will be
        self._fields = FieldNames()
        self._shapes: set[str] = set()  # of prepared records

    def horizon(self, db: Connection) -> int:
        """Return the id up to which no other record will appear."""
        if self._target.is_embedded:
            if self._ids is None:
                with self.lock:
                    self._ready(db)
            return self._done
        return first_id(slot_of(time.time() - LAG)) - 1

    def _ready(self, db: Connection) -> Ids:
        """Return the generator of ids, which starts above all stored ones."""
        if self._claim is None or not self._claim.is_current(time.time()):
            self._claim = claim(db, self._claim)
            self._ids = None
        if self._ids is None:
            ((last_id,),) = db.execute('SELECT max(id) FROM record')
            self._ids = Ids(self._claim.number, last_id)
            self._done = max(self._done, last_id)
        return self._ids

    def insert(
        self, db: Connection, batches: Sequence[Batch], keys: Sequence[BatchKey | None]
    ) -> list[Outcome]:
        """Write batches with their keys; see `Storage.insert`. The caller has the lock."""
        ids = self._ready(db)
        known = self._recall(db, [key for key in keys if key])
        outcomes: list[Outcome] = []
        pieces: list[Piece | None] = []  # of each batch
        new: dict[KeyName, Note] = {}
        for batch, key in zip(batches, keys, strict=True):
            outcome = known.get(_name(key)) if key else None
            piece = None
            if outcome is None:
                outcome, piece = _make_piece(batch, ids, has_key=key is not None)
                if key and isinstance(outcome, list):
                    digest, first = key.digest.hex(), outcome[0] if outcome else 0
                    note = Note(digest, first, len(outcome), idempotency.now())
                    new[_name(key)], known[_name(key)] = note, Recalled(outcome)
            elif key and _name(key) in new and new[_name(key)].digest != key.digest.hex():
                outcome = idempotency.conflict()
            outcomes.append(outcome)
            pieces.append(piece)
        for name in self._note(db, new):
            for index, key in enumerate(keys):
                if key and _name(key) == name:
                    outcomes[index], pieces[index] = _under_way(), None
        self._write(db, [piece for piece in pieces if piece is not None])
        self._done = max([self._done, *(o[-1] for o in outcomes if isinstance(o, list) and o)])
        return outcomes

    def _write(self, db: Connection, pieces: Sequence[Piece]) -> None:
        """Insert all of them or none; their fields are inserted first, which is harmless."""
        if not pieces:
            return
        made = [piece for piece in pieces if piece.lines]
        prepared = [piece for piece in pieces if piece.rows]
        fields = self._fields.unknown_of(chain.from_iterable(piece.batch for piece in made))
        fields |= decoding.fields_of(db, [piece.rows for piece in prepared], self._shapes)
        self._add_fields(db, fields)
        try:
            if made:
                db.insert('record', COLUMNS, b'\n'.join(chain.from_iterable(p.lines for p in made)))
            for run in _runs(prepared):
                decoding.insert(db, [piece.rows for piece in run], run[0].first_id)
        except BaseException:
            with suppress(Exception):
                self._take_back(db, pieces)
            raise

    def _take_back(self, db: Connection, pieces: Sequence[Piece]) -> None:
        """Delete batches that may be stored in part, unless they may have been acknowledged."""
        # A batch with a key may have been sent again to another process, which found it stored.
        is_alone = self._target.is_embedded
        ours = [(p.first_id, p.last_id) for p in pieces if is_alone or not p.has_key]
        if ours:
            self._remove(db, ours)

    def _remove(
        self, db: Connection, batches: Sequence[tuple[int, int]], waits: bool = False
    ) -> None:
        """Delete batches by first and last ids; ids of other processes may lie between them."""
        where = 'id BETWEEN ? AND ? AND arrayExists(ids -> id BETWEEN ids.1 AND ids.2, ?)'
        parameters = (batches[0][0], batches[-1][1], list(batches))
        # A node of a cluster that is away deletes them later; nobody waits for it.
        later = bool(self._target.cluster) and not waits
        # With a full disk usually nothing was written, and a deletion waits for half a minute.
        is_there = f'SELECT 1 FROM record WHERE {where} LIMIT 1'
        if later or db.execute(is_there, parameters).fetchone():
            alter = schema.fill(self._target, 'ALTER TABLE $local $on')
            settings = f'SETTINGS {NOT_WAITING}' if later else ''
            db.command(f'{alter} DELETE WHERE {where} {settings}', parameters)

    # Restoring

    def resume_restore(self, db: Connection) -> int:
        """See `Storage.resume_restore`: a batch that was begun and not ended is deleted."""
        interrupted = db.execute(
            """
            SELECT after_id, last_id FROM restored
            GROUP BY after_id, last_id HAVING argMax(n, version) > 0
            """
        )
        for after_id, last_id in interrupted:
            self._remove(db, [(after_id + 1, last_id)], waits=True)
            self._note_restore(db, after_id, last_id, 0)
        ((last_id,),) = db.execute('SELECT max(id) FROM record')
        return int(last_id)

    def restore(self, db: Connection, records: Sequence[Record]) -> None:
        """See `Storage.restore`."""
        after_id = self.resume_restore(db)
        check_ascending(records, after_id)
        try:
            lines = [make_row(record.id or 0, record) for record in records]
        except BATCH_ERRORS as ex:
            raise StorageError(f'the storage cannot store the records: {ex}') from ex
        if not records:
            return
        last_id = records[-1].id or 0
        self._note_restore(db, after_id, last_id, len(records))
        self._write(db, [Piece(records, after_id + 1, False, lines, until=last_id)])
        self._note_restore(db, after_id, last_id, 0)
        self._ids = None

    def _note_restore(self, db: Connection, after_id: int, last_id: int, count: int) -> None:
        row = orjson.dumps((after_id, last_id, count, time.time_ns()))
        db.insert('restored', ('after_id', 'last_id', 'n', 'version'), row)

    # Keys

    def _recall(self, db: Connection, keys: Sequence[BatchKey]) -> dict[KeyName, Outcome]:
        """Return the outcomes of batches whose keys were used before."""
        if not keys:
            return {}
        digests = {_name(key): key.digest.hex() for key in keys}
        notes: dict[KeyName, list[Note]] = defaultdict(list)
        for owner, part, *rest in db.execute(
            """
            SELECT owner, part, digest, first_id, n, created FROM retry
            WHERE (owner, part) IN ? AND created > ?
            ORDER BY first_id
            """,
            (sorted(digests), idempotency.now() - idempotency.LIFETIME),
        ):
            notes[owner, part].append(Note(*rest))
        outcomes = {name: self._recall_one(db, digests[name], notes[name]) for name in notes}
        return {name: outcome for name, outcome in outcomes.items() if outcome is not None}

    def _recall_one(self, db: Connection, digest: str, notes: Sequence[Note]) -> Outcome | None:
        for note in notes:
            last_id = note.first_id + note.n - 1
            within = 'SELECT count() FROM record WHERE id BETWEEN ? AND ?'
            ((found,),) = db.execute(within, (note.first_id, last_id)) if note.n else ((0,),)
            if found == note.n:
                ids = Recalled(range(note.first_id, last_id + 1))
                return ids if note.digest == digest else idempotency.conflict()
            if not self._target.is_embedded and note.created > idempotency.now() - 2 * LAG:
                return _under_way()
            if found:
                self._remove(db, [(note.first_id, last_id)])
        return None

    def _note(self, db: Connection, new: dict[KeyName, Note]) -> set[KeyName]:
        """
        Note batches that are about to be stored; return those that another process notes too.

        The other process may have seen this note or not, so this one yields, as in
        `process_number`.
        """
        if not new:
            return set()
        lines = (orjson.dumps((*name, *note)) for name, note in new.items())
        db.insert('retry', NOTED, b'\n'.join(lines))
        if self._target.is_embedded:
            return set()
        rows = db.execute(
            'SELECT owner, part, first_id FROM retry WHERE (owner, part) IN ? AND created > ?',
            (sorted(new), idempotency.now() - 2 * LAG),
        )
        return {(owner, part) for owner, part, id in rows if id != new[owner, part].first_id}

    # Fields

    def _add_fields(self, db: Connection, fields: Fields) -> None:
        if fields <= self._fields.known:
            return
        known = {(name, type) for name, type in db.execute('SELECT DISTINCT name, type FROM field')}
        new = sorted(fields - known)[: max(0, MAX_FIELDS - len(known))]
        if new:
            db.insert('field', ('name', 'type'), b'\n'.join(map(orjson.dumps, new)))
        self._fields.known |= fields


def _make_piece(batch: Batch, ids: Ids, has_key: bool) -> tuple[Outcome, Piece | None]:
    """Return the ids and the rows of a batch, or the error for which it cannot be stored."""
    try:
        first = ids.take(len(batch))
        numbers = range(first, first + len(batch))
        if isinstance(batch, Prepared):
            return list(numbers), Piece(batch, first, has_key, rows=batch.rows)
        lines = [make_row(id, record) for id, record in zip(numbers, batch, strict=True)]
    except ChronologerError as ex:
        return ex, None
    except BATCH_ERRORS as ex:
        return RefusedError(f'the storage cannot store the batch: {ex}'), None
    return list(numbers), Piece(batch, first, has_key, lines) if lines else None


def _runs(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Yield pieces with consecutive ids together."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and runs[-1][-1].last_id + 1 == piece.first_id:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _name(key: BatchKey) -> KeyName:
    return key.owner.hex(), key.part


def _under_way() -> StorageBusyError:
    return StorageBusyError('the same request is being stored by another process')
