"""What both handlers have of `logging.Handler`, but for its lock."""

from __future__ import annotations

import logging
from typing import Any

SHUTDOWN = 1.0  # seconds at most between the flush and the close of `logging.shutdown`


class UnlockedHandler(logging.Handler):
    """
    Handles records without the lock of `logging.Handler`.

    The end of the program holds that while it waits for our threads; meanwhile others go on to log,
    and so may those threads.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and emit *record*."""
        answer: Any = self.filter(record)
        if isinstance(answer, logging.LogRecord):  # since Python 3.12
            record = answer
        if answer:
            self.emit(record)
        return answer  # type: ignore[no-any-return]
