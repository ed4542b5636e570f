"""The application without a server: its RSGI callable as a WSGI one, for WebTest."""

import asyncio
from http import HTTPStatus

CHUNK = 65536  # bytes of a body that arrive together


class Headers(dict):
    """Of a request, by names in lower case."""


class Scope:
    """A request, as granian describes it."""

    scheme, http_version = 'http', '1.1'
    server, client = '127.0.0.1:8080', '127.0.0.1:49152'

    def __init__(self, environ):
        self.method = environ['REQUEST_METHOD']
        self.path = environ['PATH_INFO'].encode('latin-1').decode('utf-8', 'replace')
        self.query_string = environ['QUERY_STRING']
        named = {name[5:]: value for name, value in environ.items() if name.startswith('HTTP_')}
        for name in ('CONTENT_TYPE', 'CONTENT_LENGTH'):
            if environ.get(name):
                named[name] = environ[name]
        self.headers = Headers(
            {name.lower().replace('_', '-'): value for name, value in named.items()}
        )
        if 'content-length' not in self.headers and environ['wsgi.input'].peek():
            self.headers['transfer-encoding'] = 'chunked'


class Protocol:
    """The way in for a body and the way out for an answer, as granian offers them."""

    def __init__(self, body):
        self._body = body

    async def __call__(self):
        return self._body.read()

    async def __aiter__(self):
        while chunk := self._body.read(CHUNK):
            yield chunk
        yield b''

    def response_bytes(self, status, headers, body):
        self.answer = status, headers, [body]

    def response_empty(self, status, headers):
        self.answer = status, headers, []

    def response_stream(self, status, headers):
        self.answer = status, headers, []
        return self

    async def send_bytes(self, data):
        self.answer[2].append(data)


class Body:
    """Of a request, as it stands in ``wsgi.input``."""

    def __init__(self, environ):
        self._input = environ['wsgi.input']
        length = environ.get('CONTENT_LENGTH')
        self._left = int(length) if length and length.isdecimal() else None
        self._peeked = b''

    def peek(self):
        """Whether there is any, where its length is not known."""
        self._peeked = self._peeked or self._input.read(1)
        return self._peeked

    def read(self, size=-1):
        data, self._peeked = self._peeked, b''
        if self._left is not None:
            size = self._left if size < 0 else min(size, self._left)
        data += self._input.read(size)
        if self._left is not None:
            self._left -= len(data)
        return data


def as_wsgi(app):
    """Return *app*, an RSGI callable, as a WSGI callable."""

    def answer(environ, start_response):
        body = environ['wsgi.input'] = Body(environ)
        protocol = Protocol(body)
        asyncio.run(app(Scope(environ), protocol))
        status, headers, parts = protocol.answer
        if not any(name.lower() == 'content-length' for name, _ in headers):
            headers = [*headers, ('Content-Length', str(sum(map(len, parts))))]
        start_response(f'{status} {HTTPStatus(status).phrase}', headers)
        return parts

    return answer
