"""An LRU cache of what queries have decoded of blocks, bounded in bytes, shared by threads."""

from collections import OrderedDict
from threading import Lock

from chronologer.storage.block.block import Block, Memo, read_header
from chronologer.storage.block.compression import decompress
from chronologer.storage.block.store import HEADER, BlockRow, read_part
from chronologer.storage.database import Connection

LIMIT = 64 * 2**20  # bytes
HEADER_SIZE = 8192  # bytes of a header in memory, about
VALUE_SIZE = 16  # bytes of arrays that are made of each value, about


class Cache:
    """Memos of blocks, by the ids of blocks, which are never used again."""

    def __init__(self, limit: int = LIMIT):
        self._limit = limit
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
            memo = read_header(decompress(read_part(db, row.id, HEADER)))
            self._charge(row.id, memo, HEADER_SIZE)
        else:
            memo = entry[0]

        def load(number: int) -> bytes:
            data = decompress(read_part(db, row.id, number + 1))
            self._charge(row.id, memo, len(data) + VALUE_SIZE * row.count)
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
            while self._size > self._limit and len(self._memos) > 1:
                _, (_, dropped) = self._memos.popitem(last=False)
                self._size -= dropped
