"""Counts the outcomes of records, and reports to the program when some are lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

log = logging.getLogger('chronologer.client')


class Counters(NamedTuple):
    """Counts of a handler, since its creation or the fork of its process."""

    sent: int = 0  # records that the server has stored
    dropped: int = 0  # records that are lost: no room, no time at the end, or refused
    retried: int = 0  # requests that were repeated
    spooled: int = 0  # records that were written to disk, whether sent since or not
    waiting: int = 0  # records in memory


class Account:
    """
    Counts, and reports when the server is away, when losses begin and when they end.

    Reports are noted where they arise, maybe under locks, and logged without locks: `report`.
    """

    def __init__(self, destination: str, owner: logging.Handler):
        self._destination, self._owner = destination, owner
        self._lock = threading.RLock()
        self._counters = Counters()
        self._notes: list[tuple[int, str, tuple[object, ...]]] = []
        self._away_since: float | None = None
        self._losing_since: float | None = None
        self._lost = 0  # records lost since losses began
        self._warned: set[str] = set()

    @property
    def counters(self) -> Counters:
        """The current counts, without those of waiting records."""
        return self._counters

    def count(self, **more: int) -> None:
        """Add to counters."""
        with self._lock:
            now = self._counters._asdict()
            self._counters = Counters(**{**now, **{name: now[name] + more[name] for name in more}})

    def lose(self, count: int, why: str) -> None:
        """Note that records are dropped."""
        with self._lock:
            self.count(dropped=count)
            self._lost += count
            if self._losing_since is None:
                self._losing_since = time.time()
                self._note(logging.ERROR, 'Records for %s are being lost: %s', why)

    def away(self, why: str) -> None:
        """Note that a request has failed."""
        with self._lock:
            if self._away_since is None:
                self._away_since = time.monotonic()
                self._note(logging.WARNING, 'Records for %s wait: %s', why)

    def back(self) -> None:
        """Note that a request has succeeded."""
        with self._lock:
            if self._away_since is not None:
                seconds = time.monotonic() - self._away_since
                self._away_since = None
                self._note(logging.INFO, 'Records are sent again to %s, after %.1f s', seconds)
            if self._losing_since is not None:
                since = time.strftime('%Y-%m-%d %H:%M:%S%z', time.localtime(self._losing_since))
                text = 'Records for %s are no longer lost: %d were, since %s'
                self._note(logging.ERROR, text, self._lost, since)
                self._losing_since, self._lost = None, 0

    def warn(self, why: str) -> None:
        """Note another problem; each one is reported once."""
        with self._lock:
            if why not in self._warned:
                self._warned.add(why)
                self._note(logging.WARNING, 'Records for %s: %s', why)

    def report(self) -> None:
        """
        Log the noted reports.

        They go to standard error if there is no other handler than the owner's. `isEnabledFor` of
        the logger is not called: it may wait for the lock that `logging.config` holds while it
        closes the handlers that it replaces, and `logging.config` disables existing loggers.
        Errors of other handlers are suppressed.
        """
        while self._notes:
            with self._lock:
                notes, self._notes = self._notes, []
            for level, text, args in notes:
                if level >= max(log.getEffectiveLevel(), log.manager.disable + 1):
                    record = log.makeRecord(log.name, level, __file__, 0, text, args, None)
                    with suppress(Exception):
                        self._log(record)

    def _log(self, record: logging.LogRecord) -> None:
        answer: Any = log.filter(record)
        if answer:
            record = answer if isinstance(answer, logging.LogRecord) else record
            handlers = list(_handlers())
            try:
                if handlers:
                    log.callHandlers(record)
            finally:
                to_server = [self._owner in (h, getattr(h, 'target', None)) for h in handlers]
                if logging.lastResort is not None and all(to_server):
                    logging.lastResort.handle(record)

    def _note(self, level: int, text: str, *args: object) -> None:
        self._notes.append((level, text, (self._destination, *args)))


def _handlers() -> Iterator[logging.Handler]:
    """Yield the handlers of the reports."""
    logger: logging.Logger | None = log
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None
