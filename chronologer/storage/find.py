"""
Answers from the search index: records that contain what a filter looks for.

Blocks that cannot have any, by their signature, times and levels, are left out; the others are
looked through, newest first. A query is then asked of what is left, since the index knows only
what a record must contain for the query to be true.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronologer.errors import QueryTimeoutError
from chronologer.model import Filter
from chronologer.parse import LEVEL_MIN
from chronologer.query import Literal
from chronologer.search import fold
from chronologer.storage.block import Block
from chronologer.storage.bucket import time_range
from chronologer.storage.builder import token
from chronologer.storage.counters import Dialect, condition, name_condition
from chronologer.storage.index import Tail, fetch_blocks, read_large
from chronologer.storage.render import required_equalities, required_texts
from chronologer.storage.signature import WORD, locate, text_hashes, token_hashes

MIN_HINT = 3  # characters that a query must require for the index to be worth asking
EXACT = 2**53  # integers below it are the same as floats
FEW = 100  # records of a block that are asked for one by one and not all of the block
READ_AHEAD = 16  # blocks that are fetched at once, at most


@dataclass(frozen=True, slots=True)
class Needle:
    """What a record must contain, and what it must not."""

    texts: tuple[bytes, ...]  # the longest, which is likely the rarest, first
    tokens: tuple[int, ...]
    unwanted: tuple[bytes, ...]

    @classmethod
    def of(cls, filter: Filter) -> 'Needle | None':
        """What *filter* looks for, or None if the index is of no help."""
        texts: set[str] = set()
        tokens: set[int] = set()
        if filter.search is not None:
            texts.update(filter.search.wanted)
        if filter.query is not None:
            required = map(fold, required_texts(filter.query))
            texts.update(text for text in required if len(text) >= MIN_HINT and '\0' not in text)
            for path, literal in required_equalities(filter.query):
                if path.steps[0] == 'data' and (value := _indexed(literal)) is not None:
                    tokens.add(token(path, value))
        if filter.search is None and not texts and not tokens:
            return None
        return cls(
            tuple(text.encode() for text in sorted(texts, key=len, reverse=True)),
            tuple(sorted(tokens)),
            tuple(text.encode() for text in filter.search.unwanted) if filter.search else (),
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block that may have matching records, or the tail."""

    last_id: int
    low_ts: int  # microseconds since the epoch
    high_ts: int
    tail: Block | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The matching records of a block."""

    ids: NDArray[np.int64]
    ts: NDArray[np.int64]  # microseconds since the epoch
    levels: NDArray[np.int64]
    loggers: NDArray[np.int64]


NOTHING = Found(*[np.empty(0, np.int64)] * 4)


class Find:
    """One search, on a connection that sees one moment of the database."""

    def __init__(
        self,
        db: Any,
        dialect: Dialect,
        tail: Tail,
        filter: Filter,
        needle: Needle,
        seconds: float,
    ):
        self._db = db
        self._dialect = dialect
        self._tail = tail
        self._filter = filter
        self._needle = needle
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._span = time_range(filter)
        self._loggers = self._matching_loggers()
        self._is_narrow = filter.level is not None or self._loggers is not None
        self._query = condition(dialect, Filter(query=filter.query))

    def by_time(self, ascending: bool = False) -> Iterator[tuple[int, int]]:
        """Yield ts (µs) and id of matching records in that order, descending unless told."""
        sign = 1 if ascending else -1  # times by it ascend in either case
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
        where, parameters = name_condition(self._dialect, self._filter)
        ids = self._db.execute(f'SELECT id FROM logger WHERE {where}', parameters).fetchall()
        return np.array([id for (id,) in ids], np.int64)

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
        tail, _ = self._tail.read(self._db)
        if len(tail):
            low_ts, high_ts = int(tail.ts.min()), int(tail.ts.max())
            candidates.append(Candidate(int(tail.ids[-1]), low_ts, high_ts, tail))
        return candidates

    def _signed(self) -> dict[int, int] | None:
        """For each signature, a bit for each block that may have all that is looked for."""
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
        """Look through blocks in their order; first few at once, then more."""
        has_text = bool(self._needle.texts or self._needle.unwanted)
        has_tokens = bool(self._needle.tokens)
        position, count = 0, 1
        while position < len(candidates):
            if time.monotonic() > self._deadline:
                raise QueryTimeoutError(self._seconds)
            some = candidates[position : position + count]
            ids = [one.last_id for one in some if one.tail is None]
            blocks = fetch_blocks(self._db, ids, has_text, has_tokens)
            found = [self._look_through(self._block(one, blocks)) for one in some]
            yield from found if self._filter.query is None else self._verified(found)
            position, count = position + count, min(count * 2, READ_AHEAD)

    def _block(self, candidate: Candidate, blocks: dict[int, Block | None]) -> Block:
        if candidate.tail is not None:
            return candidate.tail
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
        """Keep those records for which the query is true."""
        few = [id for one in found if len(one.ids) <= FEW for id in one.ids.tolist()]
        true = self._matching(few, f'id IN ({", ".join("?" * len(few))})') if few else set()
        for one in found:
            ids = one.ids.tolist()
            if len(ids) > FEW:
                true = true | self._matching([ids[0], ids[-1]], 'id BETWEEN ? AND ?')
            mask = np.fromiter((id in true for id in ids), np.bool_, len(ids))
            yield Found(one.ids[mask], one.ts[mask], one.levels[mask], one.loggers[mask])

    def _matching(self, ids: list[int], which: str) -> set[int]:
        where, parameters = self._query
        rows = self._db.execute(
            f'SELECT id FROM {self._dialect.records_by_id} WHERE {which} {where}',
            [*ids, *parameters],
        )
        return {id for (id,) in rows.fetchall()}


def _indexed(literal: Literal) -> str | float | bool | None:
    value = literal.value
    if isinstance(value, (str, bool)):
        return value
    return value if isinstance(value, (int, float)) and abs(value) < EXACT else None
