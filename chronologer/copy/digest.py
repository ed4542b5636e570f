"""Number and checksum of the records of each day, by which two storages are compared."""

from hashlib import blake2b

import orjson

from chronologer.model import EPOCH, Record, microseconds

SIZE = 16  # bytes of a checksum
MODULUS = 2 ** (8 * SIZE)


def canonical(record: Record) -> bytes:
    """
    Return a whole record as bytes, the same on each engine and unique for its contents.

    Keys are sorted, because engines store them in different orders; 387 and 387.0 differ.
    """
    ts, name, level, message, logrec, id = record
    fields = [id, microseconds(ts), name, level, message, logrec]
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def day_of(record: Record) -> int:
    """Return the day of a record in UTC, counted from the epoch."""
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
        """The number of all records."""
        return sum(count for count, _ in self._days.values())

    def __len__(self) -> int:
        return len(self._days)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Days) and self._days == other._days
