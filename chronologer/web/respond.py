"""
Answers and errors, in the same form on every path.

The body is ``{"error": {"type": …, "message": …}}``; an answer to HEAD, which has no body, has
them in ``X-Error-Type`` and ``X-Error-Message``.
"""

import logging
import sys
from typing import Any

import cherrypy
import orjson

from chronologer.errors import ChronologerError, HTTPError, StorageError

JSON = 'application/json'

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]  # status, headers, body

log = logging.getLogger('chronologer')


def json_answer(value: Any, status: int = 200, cache: str = 'no-cache') -> bytes:
    """Set the headers of CherryPy's answer; return its body, *value* as JSON."""
    response = cherrypy.serving.response
    response.status = status
    response.headers['Content-Type'] = JSON
    response.headers['Cache-Control'] = cache
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def empty_answer() -> bytes:
    """Set the status 204 of CherryPy's answer; return its body, which is empty."""
    response = cherrypy.serving.response
    response.status = 204
    del response.headers['Content-Type']
    return b''


def error_response(error: Exception, method: str) -> Answer:
    """Return status, headers and body for *error*; unexpected errors are logged, not shown."""
    return render_error(public_error(error), method)


def public_error(error: Exception) -> ChronologerError:
    """Log *error* if the server has failed; return an error that a client may see."""
    if not isinstance(error, ChronologerError):
        log.error('Request failed', exc_info=error)
        return ChronologerError('internal error; the reason is in the server log')
    if error.status >= 500:
        log.error('%s: %s', type(error).__name__, error.message)
    if type(error) is StorageError:  # its message may have paths, addresses and statements
        return StorageError('the storage failed; the reason is in the server log')
    return error


def render_error(error: ChronologerError, method: str) -> Answer:
    """Return status, headers and body for *error*."""
    kind, message = type(error).__name__, printable(error.message)
    body = orjson.dumps({'error': {'type': kind, 'message': message}})
    headers = [('Content-Type', JSON), ('Content-Length', str(len(body))), *error.headers]
    if method == 'HEAD':
        headers += [('X-Error-Type', kind), ('X-Error-Message', _one_line(message))]
    return error.status, headers, body


def printable(message: str) -> str:
    """Return a message in a form that JSON can represent."""
    return message.encode('utf-8', 'backslashreplace').decode()


class Refusal(cherrypy.HTTPError):  # type: ignore[misc]
    """Wraps an error for CherryPy's hooks, which log any other exception as a failure."""

    def __init__(self, error: ChronologerError):
        super().__init__(error.status)
        self._error = error

    def set_response(self) -> None:
        """Answer with the error."""
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
    """Return printable ASCII with escapes: servers drop other headers."""
    return message.encode('unicode_escape').decode('ascii')
