"""What tells whether two storages have the same records: their number and checksum for each day."""

from hashlib import blake2b

import orjson

from chronologer.model import EPOCH, Record, microseconds

SIZE = 16  # bytes of a checksum
MODULUS = 2 ** (8 * SIZE)


def canonical(record: Record) -> bytes:
    """
    A whole record as bytes, the same on each engine; two that differ in anything have others.

    Keys are sorted, since engines keep them in an order of their own; 387 and 387.0 are different.
    """
    ts, name, level, message, logrec, id = record
    fields = [id, microseconds(ts), name, level, message, logrec]
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def day_of(record: Record) -> int:
    """Its day in UTC, counted from the epoch."""
    return (record.ts - EPOCH).days


class Days:
    """Numbers and checksums of records by day; the same for the same records in any order."""

    def __init__(self) -> None:
        self._days: dict[int, tuple[int, int]] = {}

    def add(self, record: Record) -> int:
        """Note a record; return the size of its canonical form, in bytes."""
        data = canonical(record)
        checksum = int.from_bytes(blake2b(data, digest_size=SIZE).digest(), 'big')
        day = day_of(record)
        count, total = self._days.get(day, (0, 0))
        self._days[day] = count + 1, (total + checksum) % MODULUS
        return len(data)

    @property
    def count(self) -> int:
        """Of all records."""
        return sum(count for count, _ in self._days.values())

    def __len__(self) -> int:
        return len(self._days)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Days) and self._days == other._days
