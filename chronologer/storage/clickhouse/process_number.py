"""
The number of a process, which is part of its ids; a process claims one for some time.

A process first stores its claim: the number, and until when. Then it looks for claims of other
processes to the same number. If two processes claim a number at the same time, the second sees the
first, and a process that sees another claim drops its own. No other process uses the engine in this
process, whose number is 0.
"""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from chronologer.errors import StorageBusyError
from chronologer.storage.clickhouse.connection import Connection
from chronologer.storage.clickhouse.ids import PROCESSES

TERM, MARGIN = 120, 30  # seconds that a claim is for; by which clocks may differ
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A number, and the end of the claim, in microseconds since the epoch."""

    number: int
    owner: str
    until: int

    def is_current(self, now: float) -> bool:
        """Whether enough time is left to write with this number."""
        return now + MARGIN < self.until / 1e6


EVER = Claim(0, '', 2**62)  # of the engine in this process


def claim(db: Connection, last: Claim | None, now: Callable[[], float] = time.time) -> Claim:
    """
    Claim a number, the last one again if there was one.

    Raises:
        StorageBusyError: All numbers are claimed.
    """
    owner = last.owner if last else secrets.token_hex(16)
    for _ in range(ATTEMPTS):
        start = int((now() - MARGIN) * 1e6)
        others = 'SELECT node FROM node WHERE until > ? AND owner != ?'
        taken = {number for (number,) in db.execute(others, (start, owner))}
        free = [number for number in range(PROCESSES) if number not in taken]
        if not free:
            break
        number = last.number if last and last.number in free else random.choice(free)
        new = Claim(number, owner, int((now() + TERM) * 1e6))
        row = orjson.dumps((number, owner, new.until))
        db.insert('node', ('node', 'owner', 'until'), row)
        if db.execute(f'{others} AND node = ?', (start, owner, number)).fetchone() is None:
            return new
        owner, last = secrets.token_hex(16), None
    raise StorageBusyError(
        f'ClickHouse: {PROCESSES} processes write to the database, which is the limit'
    )
