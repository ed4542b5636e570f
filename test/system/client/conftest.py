"""Helpers for the tests of the client."""

import io
import logging
import sys
import time
from contextlib import contextmanager

import pytest

from chronologer.client import BatchJsonHandler, RefusedError, backoff
from test.system.client.peer import TIMEOUT

FOREVER = 3600.0  # seconds: no batch is sent because of its age


class Handler(BatchJsonHandler):
    """A handler that records its errors and its rejected records."""

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
    """Yield a logger and its handler, which is closed at the end."""
    options = {'flushTimeout': FOREVER, 'flushLevel': 'CRITICAL', **kwargs}
    handler = Handler(host, **options)
    logger = logging.Logger('app')
    logger.addHandler(handler)
    try:
        yield logger, handler
    finally:
        handler.close()


def wait_for(condition) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def own_log():
    """A function that returns the lines of the client's own log."""
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
    """Short delays between retries."""
    monkeypatch.setattr(backoff, 'DELAY', 0.01)
    monkeypatch.setattr(backoff, 'MAX_DELAY', 0.02)
