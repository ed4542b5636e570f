"""
Which of the nodes of the ids a process is: a number that it has to itself for a while.

A process writes down that it has a number until some time, and then looks whether another one has
it, too: of two that do so at once, the second sees the first, and whoever sees another gives way.
The engine in this process has no others, and is number 0.
"""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from chronologer.errors import StorageBusyError
from chronologer.storage.clickhouse.connection import Connection
from chronologer.storage.clickhouse.ids import NODES

TERM, MARGIN = 120, 30  # seconds that a claim is for; by which clocks may differ
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A number, and until when it is ours, in microseconds since the epoch."""

    number: int
    owner: str
    until: int

    def is_current(self, now: float) -> bool:
        """Whether there is time enough to write something yet."""
        return now + MARGIN < self.until / 1e6


EVER = Claim(0, '', 2**62)  # of the engine in this process


def claim(db: Connection, last: Claim | None, now: Callable[[], float] = time.time) -> Claim:
    """
    Claim a number, the last one again if there was one.

    Raises:
        StorageBusyError: All of them are taken.
    """
    owner = last.owner if last else secrets.token_hex(16)
    for _ in range(ATTEMPTS):
        start = int((now() - MARGIN) * 1e6)
        others = 'SELECT node FROM node WHERE until > ? AND owner != ?'
        taken = {node for (node,) in db.execute(others, (start, owner))}
        free = [number for number in range(NODES) if number not in taken]
        if not free:
            break
        number = last.number if last and last.number in free else random.choice(free)
        new = Claim(number, owner, int((now() + TERM) * 1e6))
        db.command('INSERT INTO node VALUES (?, ?, ?)', (number, owner, new.until))
        if db.execute(f'{others} AND node = ?', (start, owner, number)).fetchone() is None:
            return new
        owner, last = secrets.token_hex(16), None
    raise StorageBusyError(
        f'ClickHouse: {NODES} processes write to the database, which is the limit'
    )
