"""The application without a server, as an ASGI callable or, for WebTest, as a WSGI one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http import HTTPStatus

from chronologer.ingest.writer import Writer
from chronologer.metastore import open_metastore
from chronologer.storage import create_storage
from chronologer.tree import create_app

CHUNK = 65536  # bytes of a body that arrive together


@contextmanager
def open_application(settings):
    """Yield the ASGI callable on a migrated storage; its `storage` and `writer` are attributes."""
    with (
        create_storage(settings.storage_dsn) as storage,
        open_metastore(settings.metastore_dsn, settings.storage_dsn) as metastore,
    ):
        storage.migrate()
        metastore.migrate()
        with (
            Writer(storage) as writer,
            closing(create_app(settings, storage, metastore, writer)) as app,
        ):
            app.storage, app.writer = storage, writer
            yield app


class Body:
    """The body of a request, read from ``wsgi.input``."""

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
        """Return the next chunk; after the last one wait forever, as no client disconnects."""
        if self._is_read:
            await asyncio.Event().wait()
        chunk, self.next = self.next, self._read()
        self._is_read = not self.next
        return {'type': 'http.request', 'body': chunk, 'more_body': bool(self.next)}


def scope_of(environ, has_body=False):
    """Return the ASGI scope of a request."""
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
    """Return status, headers and body that *app* sends."""
    messages = []

    async def send(message):
        messages.append(message)

    # Playwright keeps an event loop running in the thread of the tests.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, app(scope, receive, send)).result()
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
