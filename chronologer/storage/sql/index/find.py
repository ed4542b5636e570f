"""
Finds the records of a filter in the search index.

Blocks whose signature, times or levels exclude any match are skipped; the others are searched in
order. If there is a query, the engine then checks it on the records found, since the index has only
texts and fields that the query requires.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from chronologer.errors import QueryTimeoutError
from chronologer.model import Filter
from chronologer.parse import LEVEL_MIN
from chronologer.storage.bucket import time_range
from chronologer.storage.database import Connection
from chronologer.storage.render import SQL, join
from chronologer.storage.sql.dialect import RowDialect
from chronologer.storage.sql.index import Unindexed
from chronologer.storage.sql.index.block import Block
from chronologer.storage.sql.index.needle import Needle
from chronologer.storage.sql.index.signature import WORD, locate, text_hashes, token_hashes
from chronologer.storage.sql.index.table import fetch_blocks, read_large
from chronologer.storage.sql.where import conditions, has_id, name_condition

FEW = 100  # records of a block up to which a query is checked on them, and not on the whole block
READ_AHEAD = 16  # blocks that are fetched by one statement, at most


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block that may have matching records."""

    last_id: int
    low_ts: int  # microseconds since the epoch
    high_ts: int
    unindexed: Block | None = None  # if it is not in the table of blocks


@dataclass(frozen=True, slots=True)
class Found:
    """The matching records of a block."""

    ids: NDArray[np.int64]
    ts: NDArray[np.int64]  # microseconds since the epoch
    levels: NDArray[np.int64]
    loggers: NDArray[np.int64]


NOTHING = Found(*[np.empty(0, np.int64)] * 4)


class Find:
    """One search, on a connection with a snapshot of the database."""

    def __init__(
        self,
        db: Connection,
        dialect: RowDialect,
        unindexed: Unindexed,
        filter: Filter,
        needle: Needle,
        seconds: float,
    ):
        self._db = db
        self._dialect = dialect
        self._unindexed = unindexed
        self._filter = filter
        self._needle = needle
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._span = time_range(filter)
        self._loggers = self._matching_loggers()
        self._is_narrow = filter.level is not None or self._loggers is not None
        self._query = conditions(dialect, Filter(query=filter.query))

    def by_time(self, ascending: bool = False) -> Iterator[tuple[int, int]]:
        """Yield ts (µs) and id of matching records in that order, by default descending."""
        sign = 1 if ascending else -1  # negative if descending, so that times by it always ascend
        candidates = self._candidates()
        starts = [
            sign * (candidate.low_ts if ascending else candidate.high_ts)
            for candidate in candidates
        ]
        order = sorted(range(len(candidates)), key=starts.__getitem__)
        pending: list[tuple[int, int]] = []
        for start, found in zip(
            [starts[index] for index in order],
            self._found([candidates[index] for index in order]),
            strict=True,
        ):
            while pending and pending[0][0] < start:
                ts, id = heappop(pending)
                yield sign * ts, sign * id
            for ts, id in zip((sign * found.ts).tolist(), (sign * found.ids).tolist(), strict=True):
                heappush(pending, (ts, id))
        while pending:
            ts, id = heappop(pending)
            yield sign * ts, sign * id

    def by_id(self, after_id: int) -> Iterator[tuple[int, int]]:
        """Yield ts (µs) and id of matching records after an id, by ascending id."""
        candidates = sorted(self._candidates(after_id), key=attrgetter('last_id'))
        for found in self._found(candidates):
            mask = found.ids > after_id
            yield from zip(found.ts[mask].tolist(), found.ids[mask].tolist(), strict=True)

    def found(self) -> Iterator[Found]:
        """Yield all matching records, in no particular order."""
        return self._found(self._candidates())

    def count(self) -> int:
        """Count matching records."""
        return sum(len(found.ids) for found in self.found())

    def count_steps(self, length: int) -> Counter[tuple[int, int]]:
        """Count matching records per step of *length* microseconds and level."""
        counts: Counter[tuple[int, int]] = Counter()
        for found in self.found():
            starts = found.ts - found.ts % length
            counts.update(zip(starts.tolist(), found.levels.tolist(), strict=True))
        return counts

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield the loggers of matching records with their counts."""
        counts: Counter[int] = Counter()
        for found in self.found():
            counts.update(found.loggers.tolist())
        for id, count in counts.items():
            (name,) = self._db.execute('SELECT name FROM logger WHERE id = ?', (id,)).fetchone()
            yield name, count

    def _matching_loggers(self) -> NDArray[np.int64] | None:
        if not self._filter.names:
            return None
        where = name_condition(self._dialect, self._filter)
        ids = self._db.execute(f'SELECT id FROM logger WHERE {where.text}', where.parameters)
        return np.array([id for (id,) in ids.fetchall()], np.int64)

    def _candidates(self, after_id: int = 0) -> list[Candidate]:
        level = LEVEL_MIN if self._filter.level is None else self._filter.level
        blocks = self._db.execute(
            """
            SELECT last_id, low_ts, high_ts, signature, slot FROM block
            WHERE last_id > ? AND high_ts >= ? AND low_ts <= ? AND max_level >= ?
            """,
            (after_id, self._span.low, self._span.high, level),
        ).fetchall()
        signed = self._signed() if any(signature for *_, signature, _ in blocks) else None
        candidates = [
            Candidate(last_id, low_ts, high_ts)
            for last_id, low_ts, high_ts, signature, slot in blocks
            if signed is None or signature is None or signed.get(signature, 0) >> slot & 1
        ]
        block, _ = self._unindexed.read(self._db)
        if len(block):
            low_ts, high_ts = int(block.ts.min()), int(block.ts.max())
            candidates.append(Candidate(int(block.ids[-1]), low_ts, high_ts, block))
        return candidates

    def _signed(self) -> dict[int, int] | None:
        """For each signature, a bit for each block that may have all texts and tokens."""
        hashes = [hash for wanted in self._needle.tokens for hash in token_hashes(wanted)]
        hashes += [hash for text in self._needle.texts for hash in text_hashes(text)]
        signed: dict[int, int] | None = None
        for hash in hashes:
            page, offset = locate(hash)
            rows = self._db.execute(
                'SELECT id, substr(words, ?, ?) FROM signature WHERE page = ?',
                (offset + 1, WORD, page),
            )
            words = {id: int.from_bytes(word, 'little') for id, word in rows.fetchall()}
            if signed is None:
                signed = words
            else:
                signed = {
                    id: both for id, word in words.items() if (both := word & signed.get(id, 0))
                }
        return signed

    def _found(self, candidates: Sequence[Candidate]) -> Iterator[Found]:
        """Search blocks in order; few are fetched at a time at first, then more."""
        has_text = bool(self._needle.texts or self._needle.unwanted)
        has_tokens = bool(self._needle.tokens)
        position, count = 0, 1
        while position < len(candidates):
            if time.monotonic() > self._deadline:
                raise QueryTimeoutError(self._seconds)
            some = candidates[position : position + count]
            ids = [one.last_id for one in some if one.unindexed is None]
            blocks = fetch_blocks(self._db, ids, has_text, has_tokens)
            found = [self._look_through(self._block(one, blocks)) for one in some]
            yield from found if self._filter.query is None else self._verified(found)
            position, count = position + count, min(count * 2, READ_AHEAD)

    def _block(self, candidate: Candidate, blocks: dict[int, Block | None]) -> Block:
        if candidate.unindexed is not None:
            return candidate.unindexed
        block = blocks.pop(candidate.last_id)  # so that one at a time is unpacked
        return read_large(self._db, self._dialect, candidate.last_id) if block is None else block

    def _look_through(self, block: Block) -> Found:
        needle = self._needle
        if not self._is_narrow and not block.has(needle.texts, needle.tokens):
            return NOTHING
        mask = (block.ts >= self._span.low) & (block.ts <= self._span.high)
        if self._filter.level is not None:
            mask &= block.levels >= self._filter.level
        if self._loggers is not None:
            mask &= np.isin(block.loggers, self._loggers)
        if not mask.any():
            return NOTHING
        for wanted in needle.tokens:
            mask = block.having_token(mask, wanted)
        for text in needle.texts:
            mask = block.having_text(mask, text)
        for text in needle.unwanted:
            mask &= ~block.having_text(mask, text)
        columns = (block.ids, block.ts, block.levels, block.loggers)
        return Found(*(column[mask] for column in columns))

    def _verified(self, found: Sequence[Found]) -> Iterator[Found]:
        """Return the records for which the query is true."""
        few = [id for one in found if len(one.ids) <= FEW for id in one.ids.tolist()]
        true = self._matching(has_id(few)) if few else set()
        for one in found:
            ids = one.ids.tolist()
            if len(ids) > FEW:
                true = true | self._matching(SQL('id BETWEEN ? AND ?', ids[0], ids[-1]))
            mask = np.fromiter((id in true for id in ids), np.bool_, len(ids))
            yield Found(one.ids[mask], one.ts[mask], one.levels[mask], one.loggers[mask])

    def _matching(self, which: SQL) -> set[int]:
        where = join('{} AND {}', which, self._query)
        rows = self._db.execute(
            f'SELECT id FROM {self._dialect.records_by_id} WHERE {where.text}', where.parameters
        )
        return {id for (id,) in rows.fetchall()}
