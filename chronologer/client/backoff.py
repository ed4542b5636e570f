"""When to retry."""

from __future__ import annotations

import random
import time

from chronologer.client.delivery import AwayError, FailedError

DELAY, MAX_DELAY = 0.5, 30.0  # seconds: after the first failure, doubled each time up to the last
MAX_DOUBLINGS = 10  # a server may be away for thousands of attempts
MAX_FAULTS = 6  # attempts at one batch


class Backoff:
    """Counts failures in a row; after a success a new one is used."""

    def __init__(self) -> None:
        self.next_try = 0.0  # of the monotonic clock
        self.failures = 0
        self.reason = ''  # of the last failure
        self.is_denied = False  # because of a wrong password or address
        self._faults = 0  # of the server itself
        self._is_told_when = False  # by the server

    @property
    def is_over(self) -> bool:
        """Whether the next attempt is due."""
        return time.monotonic() >= self.next_try

    @property
    def is_hopeless(self) -> bool:
        """Whether the server itself keeps failing at this batch."""
        return self._faults > MAX_FAULTS

    def fail(self, error: AwayError) -> None:
        """Wait, longer after each failure, or as long as the server requests."""
        self.reason = str(error)
        self._faults += isinstance(error, FailedError)
        doubled = DELAY * 2.0 ** min(self.failures, MAX_DOUBLINGS)
        delay = min(doubled, MAX_DELAY) * random.uniform(0.5, 1.0)
        self._is_told_when = error.delay is not None
        if error.delay is not None:
            delay = error.delay + delay / 10  # so that clients do not retry at the same instant
        self.failures += 1
        self.next_try = time.monotonic() + delay

    def wait(self, seconds: float) -> None:
        """Wait for another reason than a failure."""
        self.next_try = time.monotonic() + seconds

    def hurry(self) -> None:
        """Retry now, unless the server has requested a delay."""
        if not self._is_told_when:
            self.next_try = 0.0
