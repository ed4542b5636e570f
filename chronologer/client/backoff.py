"""When to try again, and when not to."""

from __future__ import annotations

import random
import time

from chronologer.client.delivery import AwayError, FailedError

DELAY, MAX_DELAY = 0.5, 30.0  # seconds: after the first failure, doubled each time up to the last
MAX_DOUBLINGS = 10  # a server may be away for thousands of tries
MAX_FAULTS = 6  # at one batch


class Backoff:
    """Counts failures; after a success another one begins."""

    def __init__(self) -> None:
        self.next_try = 0.0  # of the monotonic clock
        self.failures = 0
        self.reason = ''  # of the last one
        self.is_denied = False  # by a wrong password
        self._faults = 0  # of the server itself
        self._is_told_when = False  # by the server

    @property
    def is_over(self) -> bool:
        """Whether it may be tried."""
        return time.monotonic() >= self.next_try

    @property
    def is_hopeless(self) -> bool:
        """Whether the server itself fails at this batch again and again."""
        return self._faults > MAX_FAULTS

    def fail(self, error: AwayError) -> None:
        """Wait, longer each time, or for as long as the server says."""
        self.reason = str(error)
        self._faults += isinstance(error, FailedError)
        doubled = DELAY * 2.0 ** min(self.failures, MAX_DOUBLINGS)
        delay = min(doubled, MAX_DELAY) * random.uniform(0.5, 1.0)
        self._is_told_when = error.delay is not None
        if error.delay is not None:
            delay = error.delay + delay / 10  # not all senders at the same moment
        self.failures += 1
        self.next_try = time.monotonic() + delay

    def wait(self, seconds: float) -> None:
        """Wait for another reason than a failure."""
        self.next_try = time.monotonic() + seconds

    def hurry(self) -> None:
        """Try now, unless the server has said when."""
        if not self._is_told_when:
            self.next_try = 0.0
