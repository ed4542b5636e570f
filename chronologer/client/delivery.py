"""Sends one batch, and evaluates the answer of the server."""

from __future__ import annotations

import json
import math
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, NamedTuple

from chronologer.client.buffer import Batch
from chronologer.client.connection import Answer, Connection

STORED, PARTLY_STORED, TOO_LARGE = 201, 207, 413
WAIT = frozenset([408, 425, 429, 502, 503, 504, 507])  # statuses that are retried without limit
DENIED = frozenset([401, 403, 405])
MISPLACED = 404
REFUSED = frozenset([400, 409, 411, TOO_LARGE, 415])
MAX_RETRY_AFTER = 600  # seconds
MAX_REASON = 300  # characters


class AwayError(Exception):
    """The batch has to be sent again, after *delay* seconds if the server has requested it."""

    def __init__(self, reason: str, delay: float | None = None):
        super().__init__(reason)
        self.delay = delay


class DeniedError(AwayError):
    """The credentials or the address are wrong; the records may be correct."""


class FailedError(AwayError):
    """An error of the server itself, which may be permanent."""


class MisplacedError(FailedError):
    """The server has nothing at that path; the records may be correct."""


class RefusedError(Exception):
    """
    The server has refused records, which are dropped.

    Attributes:
        lines: The records as they were sent, in JSON.
    """

    def __init__(self, reason: str, lines: list[bytes], count: int = 0):
        """*count* is the number of all records of the request, if others were accepted."""
        which = f'{len(lines):,} of {count:,}' if count else f'{len(lines):,}'
        super().__init__(
            f'{which} record{"s" if (count or len(lines)) > 1 else ""} refused: {reason}'
        )
        self.lines = lines


class Settled(NamedTuple):
    """The outcome of a batch."""

    stored: int
    refusals: list[RefusedError]


def deliver(connection: Connection, batch: Batch) -> Settled:
    """
    Send *batch*, in pieces if it is too large.

    The keys of pieces follow from the key of the batch, so it can be sent again as a whole.

    Raises:
        AwayError: The server does not respond, or is overloaded.
    """
    try:
        answer = connection.post(batch.body, batch.key)
    except (OSError, HTTPException, ValueError) as ex:  # ValueError: an invalid host name
        raise AwayError(f'{str(ex) or type(ex).__name__}{connection.way}') from ex
    if answer.status == STORED:
        if not _is_acknowledged(answer, batch.count):
            raise AwayError(f'{answer.status} {answer.reason}, but not of Chronologer')
        return Settled(batch.count, [])
    if answer.status == PARTLY_STORED or (answer.status == TOO_LARGE and batch.count > 1):
        return _sort_out(connection, batch, answer)
    if answer.status in WAIT:
        raise AwayError(_reason(answer), _delay(answer.retry_after))
    if _error_of(answer) is None:
        # A proxy does not know whether the records are correct: these may be stored tomorrow.
        reason = f'{_reason(answer)}, which is not an answer of Chronologer{connection.way}'
        raise AwayError(reason, _delay(answer.retry_after))
    if answer.status in DENIED:
        raise DeniedError(_reason(answer))
    if answer.status == MISPLACED:
        raise MisplacedError(_reason(answer))
    if answer.status not in REFUSED:
        raise FailedError(_reason(answer))
    return _sort_out(connection, batch, answer)


def _is_acknowledged(answer: Answer, count: int) -> bool:
    """Whether each record has an id: another program may respond with 201, or the body be cut."""
    ids = _parsed(answer)
    return isinstance(ids, list) and len(ids) == count and all(type(id) is int for id in ids)


def _error_of(answer: Answer) -> dict[str, Any] | None:
    """
    Return the error of Chronologer, if *answer* has one.

    All its errors have this form, and types that are names of exceptions. Other programs have
    other forms.
    """
    body = _parsed(answer)
    error = body.get('error') if isinstance(body, dict) else None
    return error if _is_error(error) else None


def _is_error(error: Any) -> bool:
    if not isinstance(error, dict):
        return False
    kind, message = error.get('type'), error.get('message')
    return isinstance(kind, str) and kind.endswith('Error') and isinstance(message, str)


def _parsed(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _sort_out(connection: Connection, batch: Batch, answer: Answer) -> Settled:
    """Return the outcome of a batch that was not stored as a whole."""
    lines = batch.lines
    stored, errors = _outcomes(answer)
    rest = [line for n, line in enumerate(lines, 1) if n not in stored and n not in errors]
    if rest and answer.status == PARTLY_STORED:
        raise AwayError(f'{answer.status} {answer.reason}, but not of all records')
    refused = [line for n, line in enumerate(lines, 1) if n in errors]
    count, refusals = len(lines) - len(rest) - len(refused), []
    if refused:
        refusals.append(RefusedError(next(iter(errors.values())), refused, len(lines)))
    # Also for a proxy: it has a limit of its own, to which halves may fit.
    if rest and answer.status == TOO_LARGE and len(lines) > 1:
        middle = (len(rest) + 1) // 2
        for name, piece in (('a', rest[:middle]), ('b', rest[middle:])):
            if piece:
                settled = deliver(connection, Batch(piece, f'{batch.key}{name}'))
                count += settled.stored
                refusals += settled.refusals
    elif rest:
        refusals.append(RefusedError(_reason(answer), rest))
    return Settled(count, refusals)


def _outcomes(answer: Answer) -> tuple[set[int], dict[int, str]]:
    """
    Return the lines that were stored, and those that were refused with the reason.

    An answer of a proxy has neither.
    """
    stored: set[int] = set()
    errors: dict[int, str] = {}
    body = _parsed(answer)
    entries = body.get('records') if isinstance(body, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and type(entry.get('line')) is int:
            if type(entry.get('id')) is int:
                stored.add(entry['line'])
            elif _is_error(entry.get('error')):
                errors[entry['line']] = f'line {entry["line"]}: {_error_text(entry["error"])}'
    return stored, errors


def _reason(answer: Answer) -> str:
    text, error = f'{answer.status} {answer.reason}', _error_of(answer)
    return (f'{text}: {_error_text(error)}' if error else text)[:MAX_REASON]


def _error_text(error: dict[str, Any]) -> str:
    return f'{error["type"]}: {error["message"]}'


def _delay(retry_after: str) -> float | None:
    """Return the seconds of ``Retry-After``, which has seconds or a date (RFC 9110, 10.2.3)."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER)
