"""
Finds the records of a filter in blocks, and counts them.

Blocks whose time, level or signature exclude any match are skipped. Blocks overlap in time, because
records may be late. So a page is complete when its last record is newer than all records of the
next block.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chronologer.errors import QueryTimeoutError
from chronologer.model import Filter
from chronologer.query import tree
from chronologer.search import fold
from chronologer.storage.block.block import Block
from chronologer.storage.block.cache import OfFile
from chronologer.storage.block.column import Choices, Mask, Positions
from chronologer.storage.block.evaluate import evaluate
from chronologer.storage.block.search import matching
from chronologer.storage.block.signed import Places, Signed
from chronologer.storage.block.store import BLOCK, BlockRow
from chronologer.storage.block.tail import Chunk
from chronologer.storage.bucket import ALL_TIME, time_range
from chronologer.storage.database import Connection
from chronologer.storage.listing import Position
from chronologer.storage.render import is_searchable, required_equalities, required_texts


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block that may have matching records."""

    first_id: int
    last_id: int
    count: int
    low_ts: int  # microseconds since the epoch
    high_ts: int
    source: BlockRow | Chunk  # that is stored, or in memory
    places: Places  # of the terms


class Find:
    """One query, on a connection with a snapshot of the database."""

    def __init__(
        self,
        db: Connection,
        caches: OfFile,
        filter: Filter,
        seconds: float,
        blocks: bool = True,
        batches: bool = True,
    ):
        self._db, self._cache, self._tail = db, caches.blocks, caches.tail
        self._has_blocks, self._has_batches = blocks, batches  # that are looked through
        self._filter = filter
        self._span = time_range(filter)
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._signed = Signed(db, _required(filter), _required_of_message(filter))
        bounds = Filter(after=filter.after, before=filter.before)
        self._has_bounds_only = filter == bounds

    def positions(
        self, left: int, count: int, ascending: bool = False, beyond: int | None = None
    ) -> list[Position]:
        """Return ts and id of records by their offset; only ids *beyond* one, if it is given."""
        if count <= 0:
            return []
        want, sign = left + count, 1 if ascending else -1
        ts, ids = np.empty(0, np.int64), np.empty(0, np.int64)
        for candidate in self.candidates('low_ts' if ascending else 'high_ts DESC'):
            bound = candidate.low_ts if ascending else -candidate.high_ts
            if len(ts) >= want and sign * ts[want - 1] < bound:
                break
            block, where = self.look_through(candidate)
            if not len(where):
                continue
            new_ts, new_ids = block.ts[where], block.ids[where]
            if beyond is not None:
                kept = new_ids > beyond if ascending else new_ids < beyond
                new_ts, new_ids = new_ts[kept], new_ids[kept]
            ts, ids = np.concatenate([ts, new_ts]), np.concatenate([ids, new_ids])
            order = np.lexsort((sign * ids, sign * ts))[:want]
            ts, ids = ts[order], ids[order]
        return list(zip(ts[left:want].tolist(), ids[left:want].tolist(), strict=True))

    def since(self, id: int, limit: int) -> list[Position]:
        """Return ts and id of records after one, by ascending id."""
        if limit <= 0:
            return []
        ts, ids = np.empty(0, np.int64), np.empty(0, np.int64)
        for candidate in self.candidates('first_id', after_id=id):
            if len(ids) >= limit and ids[limit - 1] < candidate.first_id:
                break
            block, where = self.look_through(candidate)
            where = where[block.ids[where] > id]
            ts, ids = np.concatenate([ts, block.ts[where]]), np.concatenate([ids, block.ids[where]])
            order = np.argsort(ids, kind='stable')[:limit]
            ts, ids = ts[order], ids[order]
        return list(zip(ts.tolist(), ids.tolist(), strict=True))

    def count(self) -> int:
        """Count matching records."""
        return sum(
            candidate.count if self._is_all(candidate) else len(self.look_through(candidate)[1])
            for candidate in self.candidates()
        )

    def count_steps(self, length: int) -> Counter[tuple[int, int]]:
        """Count matching records per step of *length* microseconds and level."""
        counts: Counter[tuple[int, int]] = Counter()
        for candidate in self.candidates():
            block, where = self.look_through(candidate)
            if len(where):
                counts.update(_steps(block.ts[where], block.levels[where], length))
        return counts

    def count_names(self) -> Counter[str]:
        """Count matching records by the names of their loggers."""
        counts: Counter[str] = Counter()
        for candidate in self.candidates():
            block, where = self.look_through(candidate)
            names = block.names
            if isinstance(names, Choices):
                numbers = np.bincount(names.codes[where], minlength=len(names.distinct)).tolist()
                for name, n in zip(names.distinct, numbers, strict=True):
                    if n:
                        counts[name] += n
            else:
                counts.update(name for _, name in names.some(where))
        return counts

    def candidates(self, order: str = 'id', after_id: int = 0) -> Iterator[Candidate]:
        """Yield the blocks that may have matching records, in an order of ``block`` 's columns."""
        chunks = self.in_memory()
        column, _, direction = order.partition(' ')
        sign = -1 if direction else 1
        if column != 'id':
            chunks.sort(key=lambda candidate: sign * getattr(candidate, column))
        pending = iter(chunks)
        chunk = next(pending, None)
        for candidate in self._stored(order, after_id):
            while (
                chunk is not None
                and column != 'id'
                and sign * getattr(chunk, column) < sign * getattr(candidate, column)
            ):
                if self._may_match(chunk, after_id):
                    yield chunk
                chunk = next(pending, None)
            yield candidate
        while chunk is not None:
            if self._may_match(chunk, after_id):
                yield chunk
            chunk = next(pending, None)

    def in_memory(self) -> list[Candidate]:
        """Return those that are made of batches, in the order of batches."""
        if not self._has_batches:
            return []
        return [_of_chunk(chunk) for chunk in self._tail.read(self._db)]

    def _may_match(self, chunk: Candidate, after_id: int) -> bool:
        is_during = chunk.high_ts >= self._span.low and chunk.low_ts <= self._span.high
        return chunk.last_id > after_id and is_during

    def _stored(self, order: str, after_id: int) -> Iterator[Candidate]:
        if not self._has_blocks:
            return
        where, parameters = ['1'], []
        if after_id:
            where.append('last_id > ?')
            parameters.append(after_id)
        if self._span.low > ALL_TIME.low:
            where.append('high_ts >= ?')
            parameters.append(self._span.low)
        if self._span.high < ALL_TIME.high:
            where.append('low_ts <= ?')
            parameters.append(self._span.high)
        if self._filter.level is not None:
            where.append('max_level >= ?')
            parameters.append(self._filter.level)
        rows = self._db.execute(
            f'SELECT {BLOCK} FROM block WHERE {" AND ".join(where)} ORDER BY {order}', parameters
        )
        for values in rows:
            row = BlockRow(*values)
            places = self._signed.places(row)
            if places is not None:
                bounds = row.first_id, row.last_id, row.count, row.low_ts, row.high_ts
                yield Candidate(*bounds, row, places)

    def _open(self, candidate: Candidate) -> Block:
        """Return the block of a candidate."""
        if isinstance(candidate.source, Chunk):
            return candidate.source.block.view()
        return self._cache.block(self._db, candidate.source)

    def _is_all(self, candidate: Candidate) -> bool:
        """Whether all records of a block match."""
        return self._has_bounds_only and self._is_during(candidate)

    def _is_during(self, candidate: Candidate) -> bool:
        return self._span.low <= candidate.low_ts and candidate.high_ts <= self._span.high

    def look_through(self, candidate: Candidate) -> tuple[Block, Positions]:
        """Return a block, and the positions of its matching records."""
        self._check_time()
        block = self._open(candidate)
        block.check = self._check_time
        if self._is_all(candidate):
            return block, np.arange(len(block))
        return block, np.flatnonzero(self._mask(candidate, block))

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise QueryTimeoutError(self._seconds)

    def _mask(self, candidate: Candidate, block: Block) -> Mask:
        filter = self._filter
        mask = np.ones(len(block), np.bool_)
        if not self._is_during(candidate):
            mask &= (block.ts >= self._span.low) & (block.ts <= self._span.high)
        if filter.level is not None:
            mask &= block.levels >= filter.level
        if filter.names:
            mask &= _named(block, filter.names)
        if filter.search is not None and mask.any():
            mask = matching(block, filter.search, mask, candidate.places)
        if filter.query is not None and mask.any():
            mask &= evaluate(block, filter.query).true
        return mask


def _named(block: Block, prefixes: tuple[str, ...]) -> Mask:
    names = block.names
    if isinstance(names, Choices):
        return names.having(lambda name: name.startswith(prefixes))
    hits: NDArray[np.bool_] = np.array(
        [name.startswith(prefixes) for name in names.values()], np.bool_
    )
    return hits


def _steps(
    ts: NDArray[np.int64], levels: NDArray[np.int64], length: int
) -> dict[tuple[int, int], int]:
    """Count records per step and level: by one number for both."""
    steps = ts // length
    first = int(steps.min())
    distinct, numbers = np.unique(levels, return_inverse=True)
    keys, counts = np.unique((steps - first) * len(distinct) + numbers, return_counts=True)
    starts = ((keys // len(distinct) + first) * length).tolist()
    of_level = distinct[keys % len(distinct)].tolist()
    return dict(zip(zip(starts, of_level, strict=True), counts.tolist(), strict=True))


def _of_chunk(chunk: Chunk) -> Candidate:
    ids = chunk.block.ids
    bounds = int(ids[0]), int(ids[-1]), len(ids), chunk.low_ts, chunk.high_ts
    return Candidate(*bounds, chunk, {})


def _required(filter: Filter) -> list[str]:
    """Return texts, case-folded, that a matching record contains."""
    terms = set(filter.search.wanted) if filter.search is not None else set()
    if filter.query is not None:
        terms.update(map(fold, _required_by(filter.query)))
    # İ is folded to i without its dot, so a part of a text may be folded otherwise.
    return [term for term in terms if '\0' not in term and '\u0307' not in term]


def _required_of_message(filter: Filter) -> set[str]:
    """Return those that its message contains."""
    texts = [] if filter.query is None else required_texts(filter.query, tree.Column('message'))
    return set(map(fold, texts))


def _required_by(query: tree.Condition) -> list[str]:
    equal = [
        literal.value
        for path, literal in required_equalities(query)
        if isinstance(literal.value, str) and is_searchable(path)
    ]
    return [*required_texts(query), *equal]
