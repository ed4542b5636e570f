"""Limits the time and the size of an exchange over a socket, however slowly it makes progress."""

from __future__ import annotations

import io
import time
from http.client import HTTPException, HTTPResponse
from socket import timeout
from typing import Any

MIN_RATE = 4096  # bytes of a body in a second; a slower network does not suffice
MAX_ANSWER = 2**24  # bytes of a response, with its headers


class TimeLimit:
    """The time that a request may take, as a whole and without progress."""

    def __init__(self, seconds: float, size: int):
        """*size* is that of the body; *seconds* are for the rest, and for each step."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds + size / MIN_RATE

    def left(self) -> float:
        """
        Return the seconds that the next step may take.

        Raises:
            timeout: There are none left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise timeout('timed out, though there was progress')
        return min(self.seconds, left)


class LimitedResponse(HTTPResponse):
    """A response that has to arrive within a limit; interim responses are skipped."""

    def __init__(self, limit: TimeLimit, sock: Any, *args: Any, **kwargs: Any):
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Limited(raw, sock, limit))

    def begin(self) -> None:
        """
        Read the headers of the final response.

        `HTTPResponse` skips 100 only. After another interim response (RFC 9110, section 15.2) the
        final one would be taken for that of the next request.
        """
        super().begin()
        while 100 <= self.status < 200 and self.status != 101:
            self.headers: Any = None
            super().begin()


class _Limited(io.RawIOBase):
    """Reads from a socket within limits of time and size."""

    def __init__(self, raw: Any, sock: Any, limit: TimeLimit):
        super().__init__()
        self._raw, self._sock, self._limit = raw, sock, limit
        self._room = MAX_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        if self._room <= 0:
            raise HTTPException(f'a response of more than {MAX_ANSWER:,} bytes')
        self._sock.settimeout(self._limit.left())
        count = self._raw.readinto(buffer)
        self._room -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
