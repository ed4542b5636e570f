"""One batch, and what the server says of it."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, NamedTuple

from chronologer.client.buffer import Batch
from chronologer.client.connection import Answer, Connection

STORED, PARTLY_STORED, TOO_LARGE = 201, 207, 413
WAIT = frozenset([408, 425, 429, 502, 503, 504, 507])  # tried again for as long as it takes
DENIED = frozenset([401, 403])
REFUSED = frozenset([400, 405, 409, 411, TOO_LARGE, 415])  # what the server says of a request
MAX_RETRY_AFTER = 600  # seconds
MAX_REASON = 300  # characters


class AwayError(Exception):
    """The batch is to be tried again, after *delay* seconds if the server said so."""

    def __init__(self, reason: str, delay: float | None = None):
        super().__init__(reason)
        self.delay = delay


class DeniedError(AwayError):
    """The credentials are wrong, which is no fault of the records."""


class FailedError(AwayError):
    """
    An error of the server itself, which may be there for good, or an answer that is none of its.

    While it is deployed something in front of it may say 404, or lead elsewhere.
    """


class RefusedError(Exception):
    """
    The server has refused records, which are lost.

    Attributes:
        lines: The records, as they were sent: JSON.
    """

    def __init__(self, reason: str, lines: list[bytes], count: int = 0):
        """*count* is that of all records which were sent, if others were not refused."""
        which = f'{len(lines):,} of {count:,}' if count else f'{len(lines):,}'
        super().__init__(
            f'{which} record{"s" if (count or len(lines)) > 1 else ""} refused: {reason}'
        )
        self.lines = lines


class Settled(NamedTuple):
    """What became of a batch."""

    stored: int
    refusals: list[RefusedError]


def deliver(connection: Connection, batch: Batch) -> Settled:
    """
    Send *batch*, in pieces if it is too large.

    Pieces have keys that follow from the batch's own, so the whole can be tried again.

    Raises:
        AwayError: The server does not answer, or cannot take it now.
    """
    try:
        answer = connection.post(batch.body, batch.key)
    except (OSError, HTTPException, ValueError) as ex:  # ValueError: a host that is no name
        raise AwayError(str(ex) or type(ex).__name__) from ex
    if answer.status == STORED:
        if not _is_acknowledged(answer, batch.count):
            raise AwayError(f'{answer.status} {answer.reason}, but not of Chronologer')
        return Settled(batch.count, [])
    if answer.status in WAIT:
        raise AwayError(_reason(answer), _delay(answer.retry_after))
    if answer.status in DENIED:
        raise DeniedError(_reason(answer))
    if answer.status not in REFUSED and answer.status != PARTLY_STORED:
        raise FailedError(_reason(answer))
    return _sort_out(connection, batch, answer)


def _is_acknowledged(answer: Answer, count: int) -> bool:
    """Whether each record has an id: something else may answer 201, or half of it arrive."""
    with suppress(ValueError):
        ids = json.loads(answer.body)
        return isinstance(ids, list) and len(ids) == count
    return False


def _sort_out(connection: Connection, batch: Batch, answer: Answer) -> Settled:
    """Of a batch that was not stored as a whole."""
    lines = batch.lines
    stored, errors = _outcomes(answer)
    if answer.status == PARTLY_STORED and len(stored | errors.keys()) < len(lines):
        raise AwayError(f'{answer.status} {answer.reason}, but not of all records')
    rest = [line for n, line in enumerate(lines, 1) if n not in stored and n not in errors]
    refused = [line for n, line in enumerate(lines, 1) if n in errors]
    count, refusals = len(lines) - len(rest) - len(refused), []
    if refused:
        refusals.append(RefusedError(next(iter(errors.values())), refused, len(lines)))
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
    """The lines that were stored, and those that were refused with the reason."""
    stored: set[int] = set()
    errors: dict[int, str] = {}
    # An answer without them may be one of something between us and the server.
    with suppress(ValueError, KeyError, TypeError):
        for entry in json.loads(answer.body)['records']:
            if 'id' in entry:
                stored.add(entry['line'])
            else:
                errors[entry['line']] = f'line {entry["line"]}: {_error_text(entry["error"])}'
    return stored, errors


def _reason(answer: Answer) -> str:
    text = f'{answer.status} {answer.reason}'
    with suppress(ValueError, KeyError, TypeError):
        text += f': {_error_text(json.loads(answer.body)["error"])}'
    return text[:MAX_REASON]


def _error_text(error: Any) -> str:
    return f'{error["type"]}: {error["message"]}'


def _delay(retry_after: str) -> float | None:
    """Seconds; ``Retry-After`` has either them or a date (RFC 9110, 10.2.3)."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER)
