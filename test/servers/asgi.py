"""The application without a server: its ASGI callable as a WSGI one, for WebTest."""

import asyncio
from http import HTTPStatus

CHUNK = 65536  # bytes of a body that arrive together


class Body:
    """Of a request, as it stands in ``wsgi.input``."""

    def __init__(self, environ):
        self._input = environ['wsgi.input']
        length = environ.get('CONTENT_LENGTH')
        self._left = int(length) if length and length.isdecimal() else None
        self.next = self._read()
        self._is_read = False

    def _read(self):
        size = CHUNK if self._left is None else min(CHUNK, self._left)
        data = self._input.read(size)
        if self._left is not None:
            self._left -= len(data)
        return data

    async def receive(self):
        """Its next chunk; after the last there is nothing, and nobody hangs up."""
        if self._is_read:
            await asyncio.Event().wait()
        chunk, self.next = self.next, self._read()
        self._is_read = not self.next
        return {'type': 'http.request', 'body': chunk, 'more_body': bool(self.next)}


def scope_of(environ, has_body=False):
    """A request, as ASGI describes it."""
    headers = {name[5:]: value for name, value in environ.items() if name.startswith('HTTP_')}
    for name in ('CONTENT_TYPE', 'CONTENT_LENGTH'):
        if environ.get(name):
            headers[name] = environ[name]
    if has_body and 'CONTENT_LENGTH' not in headers:
        headers['TRANSFER_ENCODING'] = 'chunked'
    return {
        'type': 'http',
        'http_version': '1.1',
        'method': environ['REQUEST_METHOD'],
        'scheme': 'http',
        'path': environ['PATH_INFO'].encode('latin-1').decode('utf-8', 'replace'),
        'query_string': environ['QUERY_STRING'].encode('latin-1'),
        'headers': [
            (name.lower().replace('_', '-').encode(), value.encode('latin-1'))
            for name, value in headers.items()
        ],
        'server': ('127.0.0.1', '8080'),
        'client': ('127.0.0.1', '49152'),
    }


def answer_of(app, scope, receive):
    """Status, headers and body that *app* sends."""
    messages = []

    async def send(message):
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    start, *parts = messages
    headers = [
        (name.decode('latin-1'), value.decode('latin-1')) for name, value in start['headers']
    ]
    return start['status'], headers, b''.join(part['body'] for part in parts)


def as_wsgi(app):
    """Return *app*, an ASGI callable, as a WSGI callable."""

    def answer(environ, start_response):
        body = Body(environ)
        scope = scope_of(environ, has_body=bool(body.next))
        status, headers, content = answer_of(app, scope, body.receive)
        if not any(name.lower() == 'content-length' for name, _ in headers):
            headers = [*headers, ('Content-Length', str(len(content)))]
        start_response(f'{status} {HTTPStatus(status).phrase}', headers)
        return [content]

    return answer
