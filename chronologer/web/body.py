"""The headers of a request and, as JSON, its body."""

from typing import Any

import cherrypy
import orjson

from chronologer.errors import InputError, MediaTypeError, shown
from chronologer.web.respond import JSON

HEADERS = 'chronologer.headers'  # in the WSGI environment: as `chronologer.front.asgi.Headers`


def request_headers() -> dict[str, str]:
    """Return all headers, by names in lower case; cookies are hidden from CherryPy."""
    headers: dict[str, str] = cherrypy.serving.request.wsgi_environ[HEADERS]
    return headers


def take_json(*names: str) -> list[str]:
    """
    Return texts of the JSON object in the body, which has to have these names and no others.

    A page of another site cannot send JSON without a preflight request, which is refused.

    Raises:
        MediaTypeError: The body is declared as something else.
        InputError: The body is no such object.
    """
    media_type = request_headers().get('content-type', '').partition(';')[0].strip().lower()
    if media_type != JSON:
        raise MediaTypeError(f'Content-Type: expected {JSON}, got {shown(media_type)}')
    try:
        body = orjson.loads(cherrypy.serving.request.wsgi_environ['wsgi.input'].read())
    except ValueError as ex:
        raise InputError(f'the body is not JSON: {ex}') from ex
    wanted = ', '.join(names)
    if not isinstance(body, dict):
        raise InputError(f'the body: expected a JSON object with {wanted}, got {shown(body)}')
    if unknown := sorted(set(body).difference(names)):
        raise InputError(f'unknown field {shown(unknown[0])}; accepted here: {wanted}')
    return [_text(body, name) for name in names]


def _text(body: dict[str, Any], name: str) -> str:
    if name not in body:
        raise InputError(f'{name}: required, a text')
    value = body[name]
    if not isinstance(value, str):
        raise InputError(f'{name}: expected a text, got {shown(value)}')
    return value
