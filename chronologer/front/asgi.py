"""
Messages between the HTTP server and the application.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from collections.abc import Awaitable, Callable
from typing import Any

from chronologer.web.respond import Answer

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[str, str]  # by names in lower case; several values are joined by commas


def headers_of(scope: Scope) -> Headers:
    """Return the headers of a request."""
    headers: Headers = {}
    for name, value in scope['headers']:
        key, text = name.decode('latin-1'), value.decode('latin-1')
        headers[key] = f'{headers[key]},{text}' if key in headers else text
    return headers


def start(status: int, headers: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the message that begins an answer."""
    encoded = [(name.lower().encode('latin-1'), value.encode('latin-1')) for name, value in headers]
    return {'type': 'http.response.start', 'status': status, 'headers': encoded}


def body(part: bytes, more_body: bool = False) -> dict[str, Any]:
    """Return a message with a part of the body."""
    return {'type': 'http.response.body', 'body': part, 'more_body': more_body}


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a complete answer."""
    status, headers, content = answer
    await send(start(status, headers))
    await send(body(content))
