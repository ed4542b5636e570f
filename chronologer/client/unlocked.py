"""The part of `logging.Handler` that both handlers share, without its lock."""

from __future__ import annotations

import logging
from typing import Any

SHUTDOWN = 1.0  # seconds at most between the flush and the close of `logging.shutdown`


class UnlockedHandler(logging.Handler):
    """
    Handles records without the lock of `logging.Handler`.

    `logging.shutdown` holds that lock while it waits for the threads of the handlers. Meanwhile
    other threads and those threads themselves go on to log.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and emit *record*."""
        answer: Any = self.filter(record)
        if isinstance(answer, logging.LogRecord):  # since Python 3.12
            record = answer
        if answer:
            self.emit(record)
        return answer  # type: ignore[no-any-return]
