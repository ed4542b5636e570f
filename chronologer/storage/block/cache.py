"""
What queries have decoded of a file, shared by threads.

An LRU cache of blocks, bounded in bytes, and the records that are in no block yet. Another file
that was put in the place of the first one, such as a backup, has the same ids of blocks.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from chronologer.storage.block.block import Block, Memo, read_header
from chronologer.storage.block.compression import decompress
from chronologer.storage.block.encoding import DIGITS, Kind, name_of
from chronologer.storage.block.store import HEADER, BlockRow, read_part
from chronologer.storage.block.tail import Tail
from chronologer.storage.database import Connection

FileId = tuple[int, int]  # device and inode
LIMIT = 64 * 2**20  # bytes
HEADER_FACTOR = 5  # bytes in memory for each byte of a header, about
JSON_FACTOR = 5  # the same for JSON
VALUE_SIZE = 8  # bytes of an array for each value


class Cache:
    """Memos of blocks, by the ids of blocks, which are never used again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._memos: OrderedDict[int, tuple[Memo, int]] = OrderedDict()  # and bytes
        self._size = 0

    def block(self, db: Connection, row: BlockRow) -> Block:
        """Return a block, to be used with *db*."""
        with self._lock:
            entry = self._memos.get(row.id)
            if entry is not None:
                self._memos.move_to_end(row.id)
        if entry is None:
            header = decompress(read_part(db, row.id, HEADER))
            memo = read_header(header)
            self._charge(row.id, memo, HEADER_FACTOR * len(header))
        else:
            memo = entry[0]
        kinds = [kind for _, kind in memo.columns.values()]  # by number

        def load(number: int) -> bytes:
            data = decompress(read_part(db, row.id, number + 1))
            self._charge(row.id, memo, _memory(kinds[number], data, row.count))
            return data

        return Block(row.count, row.first_id, memo, load)

    def _charge(self, id: int, memo: Memo, size: int) -> None:
        """Note that a memo has become larger; drop others that were not used for long."""
        with self._lock:
            known = self._memos.get(id)
            self._memos[id] = memo, size + (known[1] if known and known[0] is memo else 0)
            if known and known[0] is not memo:
                self._size -= known[1]
            self._size += size
            while self._size > LIMIT and len(self._memos) > 1:
                _, (_, dropped) = self._memos.popitem(last=False)
                self._size -= dropped


def _memory(kind: Kind, data: bytes, count: int) -> int:
    """Return how many bytes a column of *count* records takes when it is decoded, about."""
    name = name_of(kind)
    if name in ('text', 'sorted'):
        return len(data) if data.isascii() else 2 * len(data)  # and case-folded
    if name in DIGITS:
        return 3 * len(data) + 5 * count  # and as text
    if name == 'json':
        return JSON_FACTOR * len(data)
    return len(data) + VALUE_SIZE * count


@dataclass(frozen=True, slots=True)
class OfFile:
    """The caches of one file."""

    file: FileId | None
    blocks: Cache
    tail: Tail


class Caches:
    """The caches of the file that is at a path now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._current = OfFile(None, Cache(), Tail())

    def of(self, db: Connection) -> OfFile:
        """Return the caches of the file that *db* is connected to."""
        file: FileId | None = getattr(db, 'file', None)
        with self._lock:
            if self._current.file != file:
                self._current = OfFile(file, Cache(), Tail())
            return self._current
