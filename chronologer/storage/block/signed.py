"""Finds by signatures which blocks may have the terms of a query, and in which columns."""

import enum
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from chronologer.storage.block.signature import WORD, Hashes, has, hashes_of, locate
from chronologer.storage.block.store import SIGNATURE, BlockRow, read_part
from chronologer.storage.database import Connection


class Place(enum.Flag):
    """Columns of a block that may have a term."""

    TEXTS = enum.auto()
    DIGITS = enum.auto()  # columns of hexadecimal digits


Places = Mapping[str, Place]  # by term; a term that is missing may be anywhere
MAX_TERMS = 20  # of a query that are looked up, the longest
NONE, ANYWHERE = Place(0), Place.TEXTS | Place.DIGITS


class Signed:
    """
    The terms of one query, on a connection with a snapshot of the database.

    Those *of_message* are looked for in messages only, which are always texts.
    """

    def __init__(self, db: Connection, terms: Iterable[str], of_message: Set[str] = frozenset()):
        self._db = db
        self._terms = [
            replace(hashes, of_digits=None) if hashes.term in of_message else hashes
            for hashes in map(hashes_of, sorted(terms, key=len)[-MAX_TERMS:])
            if hashes.of_texts
        ]
        self._words: dict[int, dict[int, int]] = {}  # by hash and group

    def places(self, row: BlockRow) -> Places | None:
        """Return where a block may have each term, or None if it lacks one."""
        places: dict[str, Place] = {}
        own = read_part(self._db, row.id, SIGNATURE) if self._terms and not row.group_id else b''
        for term in self._terms:
            place = self._place(term, row, own)
            if not place:
                return None
            places[term.term] = place
        return places

    def _place(self, term: Hashes, row: BlockRow, own: bytes) -> Place:
        place = NONE
        if self._has(term.of_texts, row, own):
            place |= Place.TEXTS
        if term.of_digits is not None and self._has(term.of_digits, row, own):
            place |= Place.DIGITS
        return place

    def _has(self, hashes: Sequence[int], row: BlockRow, own: bytes) -> bool:
        """Whether the signature of a block, of its *own* or of its group, has all hashes."""
        if row.group_id is None:
            return has(own, hashes)
        group = row.group_id
        return all(self._words_of(hash).get(group, 0) >> row.slot & 1 for hash in hashes)

    def _words_of(self, hash: int) -> dict[int, int]:
        """For each group, a bit for each block that has a hash."""
        words = self._words.get(hash)
        if words is None:
            page, offset = locate(hash)
            rows = self._db.execute(
                'SELECT group_id, substr(words, ?, ?) FROM signature WHERE page = ?',
                (offset + 1, WORD, page),
            )
            words = {id: int.from_bytes(word, 'little') for id, word in rows.fetchall()}
            self._words[hash] = words
        return words
