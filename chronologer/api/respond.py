"""
How errors go out, the same on every path.

The body is ``{"error": {"type": …, "message": …}}``; an answer to HEAD, which has no body, says it
in ``X-Error-Type`` and ``X-Error-Message``.
"""

import logging
import sys
from typing import Any

import cherrypy
import orjson

from chronologer.errors import ChronologerError, HTTPError

JSON = 'application/json'

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]  # status, headers, body

log = logging.getLogger('chronologer')


def error_response(error: Exception, method: str) -> Answer:
    """Return status, headers and body for *error*; what is not ours is logged, not shown."""
    if not isinstance(error, ChronologerError):
        log.error('Request failed', exc_info=error)
        error = ChronologerError('internal error; the reason is in the server log')
    elif error.status >= 500:
        log.error('%s: %s', type(error).__name__, error.message)
    kind, message = type(error).__name__, printable(error.message)
    body = orjson.dumps({'error': {'type': kind, 'message': message}})
    headers = [('Content-Type', JSON), ('Content-Length', str(len(body))), *error.headers]
    if method == 'HEAD':
        headers += [('X-Error-Type', kind), ('X-Error-Message', _one_line(message))]
    return error.status, headers, body


def printable(message: str) -> str:
    """The message as JSON can hold it."""
    return message.encode('utf-8', 'backslashreplace').decode()


class Refusal(cherrypy.HTTPError):  # type: ignore[misc]
    """An error of ours for CherryPy's hooks, where any other exception is logged as a failure."""

    def __init__(self, error: ChronologerError):
        super().__init__(error.status)
        self._error = error

    def set_response(self) -> None:
        """Answer it."""
        _answer(self._error)


def pending_error() -> None:
    """Answer the exception that CherryPy is handling; its ``request.error_response``."""
    error = sys.exc_info()[1]
    assert isinstance(error, Exception)
    _answer(error)


def framework_error(status: str, message: str, **_: Any) -> bytes:
    """Answer an error that CherryPy itself has raised; its ``error_page.default``."""
    return _answer(HTTPError(message, int(status[:3])))


def _answer(error: Exception) -> bytes:
    response = cherrypy.serving.response
    response.status, headers, body = error_response(error, cherrypy.serving.request.method)
    response.headers.update(headers)
    response.body = body
    return body


def _one_line(message: str) -> str:
    """Printable ASCII, escapes for the rest: servers drop a header of any other kind."""
    return message.encode('unicode_escape').decode('ascii')
