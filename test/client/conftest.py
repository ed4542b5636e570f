"""What the tests of the client share."""

import io
import logging
import sys
import time
from contextlib import contextmanager

import pytest

from chronologer.client import BatchJsonHandler, RefusedError, backoff
from test.client.peer import TIMEOUT

FOREVER = 3600.0  # seconds: what is sent is sent for another reason


class Handler(BatchJsonHandler):
    """Remembers what it could not handle."""

    def __init__(self, *args, **kwargs):
        self.errors: list[tuple[str, str]] = []
        self.refused: list[bytes] = []
        super().__init__(*args, **kwargs)

    def handleError(self, record):
        error = sys.exc_info()[1]
        self.errors.append((record.getMessage(), f'{type(error).__name__}: {error}'))
        if isinstance(error, RefusedError):
            self.refused += error.lines


@contextmanager
def logging_to(host: str, **kwargs):
    """A logger, and the handler it has, closed at the end."""
    options = {'flushTimeout': FOREVER, 'flushLevel': 'CRITICAL', **kwargs}
    handler = Handler(host, **options)
    logger = logging.Logger('app')
    logger.addHandler(handler)
    try:
        yield logger, handler
    finally:
        handler.close()


def wait_for(is_so) -> None:
    """Return when it is so."""
    deadline = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def own_log():
    """What the client says itself."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter('%(levelname)s %(message)s'))
    logger = logging.getLogger('chronologer.client')
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield lambda: stream.getvalue().splitlines()
    logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def short_delays(monkeypatch):
    """Between tries."""
    monkeypatch.setattr(backoff, 'DELAY', 0.01)
    monkeypatch.setattr(backoff, 'MAX_DELAY', 0.02)
