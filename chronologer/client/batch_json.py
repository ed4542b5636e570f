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
from chronologer.client.content import encode, without_objects
from chronologer.client.delivery import RefusedError
from chronologer.client.intake import Intake
from chronologer.client.proxy import proxy_of
from chronologer.client.sender import Sender
from chronologer.client.spool import HAS_FLOCK, Spool
from chronologer.client.unlocked import UnlockedHandler

# arguments of 0.4.7, and what has replaced them
FORMER = {
    'flushTimeoutWatcher': 'leave it out: there is always a thread that follows flushTimeout',
    'requestAttemptLimit': 'leave it out: records wait until they are sent, within maxBytes, or on '
    'disk with spool and spoolBytes',
    'requestAttemptDelayFn': 'leave it out: the delay grows to 30 seconds, or is that of the '
    'server',
}
LONG = 1e6  # seconds; Python limits how long it waits
# Depth of records that are logged while a record is encoded, by a repr or by a signal handler. A
# repr that logs its own object would not end, so deeper ones call no code of objects.
MAX_NESTING = 3


class BatchJsonHandler(UnlockedHandler):
    """
    Sends records to Chronologer in batches, in a thread of its own; logging never waits for it.

    A record is encoded as JSON when it is logged. It is sent when *capacity* records have gathered,
    *flushTimeout* seconds after the first of them, or immediately if its level is *flushLevel* or
    above. While the server is away or overloaded, records wait in memory, up to *maxBytes*. They
    are sent again after 0.5 to 30 seconds, or after the delay that the server requests. A batch
    that is sent twice is stored once.

    When memory is full, a call waits up to *blockTimeout* seconds for room. Then the oldest records
    below *keepLevel* are dropped, and if there are none, the oldest records. With a *spool*,
    batches that cannot be sent are written to disk, up to *spoolBytes*, and are sent in order when
    the server is back, also by the next run of the program or by another one with the same spool.

    Records that the server refuses (400, 401, 403, 413 for a single record, …) are dropped, and
    `handleError` is called once for each response, with the first of the records; the exception is
    then a `RefusedError`. Records that something else refuses, such as a proxy, are sent again.
    The logger ``chronologer.client`` reports once each that the server is away, that records are
    being lost, and that this has ended.

    A proxy that the environment names (``http_proxy``, ``https_proxy``, ``no_proxy``) is used.

    `flush` and `close`, and so the end of the program, wait up to *closeTimeout* seconds.

    Parameters:
        host: A name, maybe with a port, ``logs.example.com:8080``, or a whole URL,
            ``https://user:password@logs.example.com/``; its parts then replace the others.
        credentials: User name and password.
        secure: Use HTTPS, checked by *context*, an `ssl.SSLContext`.
        prefix: Prepended to the name of each record's logger, with a dot. A record's own
            ``suffix``, ``extra={'suffix': …}``, is appended. The original name is sent as
            ``origname``.
        requestTimeout: Seconds after which a request without progress fails. As a whole it may
            take these, and one more for each 4 KiB of its body.
    Raises:
        ValueError: An argument is invalid.
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
        **former: Any,
    ):
        _refuse_former(former)
        if not isinstance(host, str):  # its place was that of capacity in 0.4.7
            wanted = 'a name or a URL; other arguments are given by name, such as capacity=100'
            raise ValueError(f'host: expected {wanted}; got {host!r}')
        if not 1 <= capacity <= 1000:  # the server stores up to so many completely or not at all
            raise ValueError(f'capacity: expected 1 to 1,000 records, got {capacity!r}')
        _check(0, flushTimeout=flushTimeout, blockTimeout=blockTimeout, closeTimeout=closeTimeout)
        _check(0.001, requestTimeout=requestTimeout)
        _check(1, maxBytes=maxBytes, spoolBytes=spoolBytes)
        self._address = parse_address(host, url, secure, credentials)
        self._context, self._request_timeout = context, min(requestTimeout, LONG)
        self._proxy, self._problem = None, ''
        try:
            self._proxy = proxy_of(self._address.host, self._address.secure)
        except ValueError as ex:  # of the environment; the program itself may be correct
            self._problem = f'{ex}; it is not used'
        self._flush_level = _level_number('flushLevel', flushLevel)
        self._keep_level = _level_number('keepLevel', keepLevel)
        self._prefix = prefix
        self._buffer_settings = capacity, maxBytes
        if spool == '':
            raise ValueError('spool: expected a directory, or None')
        if spool is not None and not HAS_FLOCK:
            raise ValueError('spool: needs flock, which this system does not have')
        # absolute, because the program may change its directory
        directory = None if spool is None else os.path.abspath(spool)
        self._spool_settings = directory, spoolBytes
        self._intake_settings = min(flushTimeout, LONG), min(blockTimeout, LONG)
        self._close_seconds = min(closeTimeout, LONG)
        self._local = threading.local()
        self._sender = self._make_sender()
        self._sender.begin()
        super().__init__()  # last, because `logging.shutdown` finds the handler from here on
        fork.watch(self)

    @property
    def counters(self) -> Counters:
        """The outcomes of the records."""
        return self._account.counters._replace(waiting=len(self._intake))

    def emit(self, record: logging.LogRecord) -> None:
        """
        Accept *record*; never raises.

        Records of the sending thread itself are left out, except those of this package.
        """
        is_own = record.name == own_log.name
        if self._intake.is_closed if is_own else self._sender.is_sending:
            return
        nesting = getattr(self._local, 'nesting', 0)
        self._local.nesting = nesting + 1
        try:
            if nesting >= MAX_NESTING:
                record = without_objects(record)
            line, level = encode(record, self._prefix), record.levelno
            if self._sender.is_outdated:
                self._sender = self._make_sender()
            self._sender.put(line, level >= self._flush_level, level >= self._keep_level)
        except Exception:
            self.handleError(record)
        finally:
            self._local.nesting = nesting

    def flush(self) -> None:
        """Wait up to *closeTimeout* until all records are sent or spooled."""
        self._sender.flush(self._close_seconds)

    def close(self) -> None:
        """Send all records within *closeTimeout*; the rest is spooled or lost."""
        self._sender.close()
        super().close()

    def after_fork(self) -> None:
        """Begin anew in the child process: the parent sends the waiting records."""
        self._sender.abandon()
        self._sender = self._make_sender()

    def _make_sender(self) -> Sender:
        self._account = Account(str(self._address), self)
        self._intake = Intake(Buffer(*self._buffer_settings), self._account, *self._intake_settings)
        if self._problem:
            self._account.warn(self._problem)
        directory, max_bytes = self._spool_settings
        return Sender(
            self._intake,
            Connection(self._address, self._context, self._request_timeout, self._proxy),
            self._account,
            Spool(directory, max_bytes) if directory is not None else None,
            self._close_seconds,
            self._refuse,
        )

    def _refuse(self, refusal: RefusedError) -> None:
        try:
            raise refusal
        except RefusedError:
            # It may raise itself, for instance if standard error is closed; the records are
            # settled.
            with suppress(Exception):
                self.handleError(_record_of(refusal.lines[0]))

    def __repr__(self) -> str:
        level = logging.getLevelName(self.level)
        return f'<{type(self).__name__} {self._address} ({level})>'


def _record_of(line: bytes) -> logging.LogRecord:
    try:
        fields = dict(json.loads(line))
    except (TypeError, ValueError):  # a file in the spool may have any contents
        fields = {'msg': line.decode(errors='replace')}
    if isinstance(fields.get('args'), list):
        fields['args'] = tuple(fields['args'])
    return logging.makeLogRecord(fields)


def _refuse_former(arguments: dict[str, Any]) -> None:
    for name in arguments:
        if name in FORMER:
            raise TypeError(f'{name}: an argument of 0.4.7; {FORMER[name]}')
        raise TypeError(f'got an unexpected keyword argument {name!r}')


def _check(least: float, **numbers: Any) -> None:
    for name, number in numbers.items():
        if not isinstance(number, (int, float)) or not number >= least:
            raise ValueError(f'{name}: expected a number from {least} on, got {number!r}')


def _level_number(name: str, level: int | str) -> int:
    number: Any = level if isinstance(level, int) else logging.getLevelName(level)
    if not isinstance(number, int):
        raise ValueError(f'{name}: expected a level such as ERROR, got {level!r}')
    return number
