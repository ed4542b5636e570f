"""The handler that sends records in batches."""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import suppress
from typing import Any

from chronologer.client import fork
from chronologer.client.account import Account, Counters
from chronologer.client.account import log as own_log
from chronologer.client.buffer import Buffer
from chronologer.client.connection import DEFAULT_PATH, Connection, Credentials, parse_address
from chronologer.client.content import encode
from chronologer.client.delivery import RefusedError
from chronologer.client.intake import Intake
from chronologer.client.sender import Sender
from chronologer.client.spool import HAS_FLOCK, Spool
from chronologer.client.unlocked import UnlockedHandler

LONG = 1e6  # seconds: Python cannot wait for ever
MAX_NESTING = 3  # records that are logged while a record is being written down


class BatchJsonHandler(UnlockedHandler):
    """
    Sends records to Chronologer in batches, in a thread of its own; logging never waits for it.

    A record is written down as JSON when it is logged. It is sent when *capacity* records have
    gathered, *flushTimeout* seconds after the first of them, or at once if it is of *flushLevel*
    or above. While the server is away, or says that it cannot take records now, they wait, in
    memory up to *maxBytes*, and are tried again after 0.5 to 30 seconds, or when the server says.
    A batch that is sent again is stored once.

    When memory is full, a call waits up to *blockTimeout* seconds for room; then the oldest records
    below *keepLevel* are dropped, and if none are left the oldest. With *spool* batches that cannot
    be sent go to disk, up to *spoolBytes*, and are sent in their order when the server is back,
    also by the next run of the program, or by any other with the same spool.

    What the server refuses (400, 401, 403, 413 for a single record, …) is dropped, and
    `handleError` is called once for each answer, with the first of the records; the exception is
    then a `RefusedError`. That the server is away, that records are being lost, and that it is
    over, is logged once each by the logger ``chronologer.client``.

    `flush` and `close`, and so the end of the program, wait up to *closeTimeout* seconds.

    Parameters:
        host: A name with a port if need be, ``logs.example.com:8080``, or a whole URL,
            ``https://user:password@logs.example.com/``; its parts then replace the others.
        credentials: User name and password.
        secure: Use HTTPS, checked by *context*, an `ssl.SSLContext`.
        prefix: Put before the name of each record's logger, with a dot. A record's own ``suffix``,
            ``extra={'suffix': …}``, is put behind it. The name it had is kept as ``origname``.
        requestTimeout: Seconds that a request may be without any progress.
    Raises:
        ValueError: An argument that makes no sense.
        OSError: The spool cannot be written to.
    """

    def __init__(
        self,
        host: str,
        url: str = DEFAULT_PATH,
        credentials: Credentials = None,
        secure: bool = False,
        context: Any = None,
        *,
        capacity: int = 1000,
        flushLevel: int | str = logging.ERROR,
        flushTimeout: float = 1.0,
        maxBytes: int = 64 * 2**20,
        keepLevel: int | str = logging.WARNING,
        blockTimeout: float = 0.0,
        spool: str | None = None,
        spoolBytes: int = 2**30,
        prefix: str = '',
        requestTimeout: float = 30.0,
        closeTimeout: float = 5.0,
    ):
        if not 1 <= capacity <= 1000:  # what the server stores as a whole or not at all
            raise ValueError(f'capacity: expected 1 to 1,000 records, got {capacity!r}')
        _check(0, flushTimeout=flushTimeout, blockTimeout=blockTimeout, closeTimeout=closeTimeout)
        _check(0.001, requestTimeout=requestTimeout)
        _check(1, maxBytes=maxBytes, spoolBytes=spoolBytes)
        self._address = parse_address(host, url, secure, credentials)
        self._context, self._request_timeout = context, min(requestTimeout, LONG)
        self._flush_level = _level_number('flushLevel', flushLevel)
        self._keep_level = _level_number('keepLevel', keepLevel)
        self._prefix = prefix
        self._buffer_settings = capacity, maxBytes
        if spool == '':
            raise ValueError('spool: expected a directory, or None')
        if spool is not None and not HAS_FLOCK:
            raise ValueError('spool: needs flock, which this system does not have')
        # The program may change its directory.
        directory = None if spool is None else os.path.abspath(spool)
        self._spool_settings = directory, spoolBytes
        self._intake_settings = min(flushTimeout, LONG), min(blockTimeout, LONG)
        self._close_seconds = min(closeTimeout, LONG)
        self._local = threading.local()
        self._sender = self._make_sender()
        self._sender.begin()
        super().__init__()  # at last: `logging.shutdown` finds it from here on
        fork.watch(self)

    @property
    def counters(self) -> Counters:
        """What has become of the records."""
        return self._account.counters._replace(waiting=len(self._intake))

    def emit(self, record: logging.LogRecord) -> None:
        """
        Take *record*; never raises.

        What the sending thread itself logs is left out, but for what this package has to say.
        """
        is_own = record.name == own_log.name
        if self._intake.is_closed if is_own else self._sender.is_sending:
            return
        nesting = getattr(self._local, 'nesting', 0)
        if nesting >= MAX_NESTING:
            self._account.lose(1, 'to write a record down logs records, which log records')
            return
        self._local.nesting = nesting + 1
        try:
            line, level = encode(record, self._prefix), record.levelno
            self._sender.put(line, level >= self._flush_level, level >= self._keep_level)
        except Exception:
            self.handleError(record)
        finally:
            self._local.nesting = nesting

    def flush(self) -> None:
        """Wait until everything that was logged is sent or spooled, up to *closeTimeout*."""
        self._sender.flush(self._close_seconds)

    def close(self) -> None:
        """Send what there is, up to *closeTimeout*; what is left is spooled or lost."""
        self._sender.close()
        super().close()

    def after_fork(self) -> None:
        """In the child process, begin anew: what waits is the parent's to send."""
        self._sender.abandon()
        self._sender = self._make_sender()

    def _make_sender(self) -> Sender:
        self._account = Account(str(self._address), self)
        self._intake = Intake(Buffer(*self._buffer_settings), self._account, *self._intake_settings)
        directory, max_bytes = self._spool_settings
        return Sender(
            self._intake,
            Connection(self._address, self._context, self._request_timeout),
            self._account,
            Spool(directory, max_bytes) if directory is not None else None,
            self._close_seconds,
            self._refuse,
        )

    def _refuse(self, refusal: RefusedError) -> None:
        try:
            raise refusal
        except RefusedError:
            # It may raise itself, as where standard error is closed; the records are settled.
            with suppress(Exception):
                self.handleError(_record_of(refusal.lines[0]))

    def __repr__(self) -> str:
        level = logging.getLevelName(self.level)
        return f'<{type(self).__name__} {self._address} ({level})>'


def _record_of(line: bytes) -> logging.LogRecord:
    try:
        fields = dict(json.loads(line))
    except (TypeError, ValueError):  # a file in the spool may have anything
        fields = {'msg': line.decode(errors='replace')}
    if isinstance(fields.get('args'), list):
        fields['args'] = tuple(fields['args'])
    return logging.makeLogRecord(fields)


def _check(least: float, **numbers: Any) -> None:
    for name, number in numbers.items():
        if not isinstance(number, (int, float)) or not number >= least:
            raise ValueError(f'{name}: expected a number from {least} on, got {number!r}')


def _level_number(name: str, level: int | str) -> int:
    number: Any = level if isinstance(level, int) else logging.getLevelName(level)
    if not isinstance(number, int):
        raise ValueError(f'{name}: expected a level such as ERROR, got {level!r}')
    return number
