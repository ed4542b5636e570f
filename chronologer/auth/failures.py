"""Logs failed sign-ins: the first with user and address, others as a sum once a minute."""

import logging
from threading import Lock, Timer

from chronologer.errors import shown

INTERVAL = 60  # seconds
MAX_ADDRESSES = 1000  # that are counted apart

log = logging.getLogger('chronologer')


class Failures:
    """Counts failed sign-ins; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._timer: Timer | None = None
        self._count = 0  # that are not logged
        self._addresses: set[str] = set()

    def add(self, user: str, address: str, headers: dict[str, str]) -> None:
        """Note a failure; *headers* may tell for whom a proxy has sent the request."""
        forwarded = headers.get('x-forwarded-for')
        origin = f'{address} for {shown(forwarded)}' if forwarded else address
        with self._lock:
            if self._timer is not None:
                self._count += 1
                if len(self._addresses) < MAX_ADDRESSES:
                    self._addresses.add(origin)
                return
            self._start()
        log.warning('Sign-in of %s failed, from %s', shown(user), origin)

    def _start(self) -> None:
        self._timer = Timer(INTERVAL, self._log_sum)
        self._timer.daemon = True
        self._timer.start()

    def _log_sum(self) -> None:
        with self._lock:
            count, addresses = self._count, self._addresses
            self._count, self._addresses, self._timer = 0, set(), None
            if count:
                self._start()
        if count:
            more = '' if len(addresses) < MAX_ADDRESSES else 'at least '
            log.warning(
                '%s more sign-ins failed within %d s, from %s%s addresses such as %s',
                f'{count:,}', INTERVAL, more, f'{len(addresses):,}', min(addresses),
            )  # fmt: skip
