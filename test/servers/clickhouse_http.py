"""
ClickHouse's HTTP interface on chDB: ``python -m test.servers.clickhouse_http PORT PATH``.

The engine is that of ClickHouse, so results and errors of statements are real. The behaviour of the
server is imitated as far as clickhouse-connect uses it: see
https://clickhouse.com/docs/interfaces/http and ClickHouse's ``src/Server/HTTPHandler.cpp``. Missing
are the state of sessions, replicas, roles, compressed answers, and cancelling the query of a client
that has disconnected.
"""

import gzip
import io
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import uuid
import zlib
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from test.servers.clickhouse_engine import DatabaseError, Engine, Result

USER, PASSWORD = 'chronologer', 'p@ss:w/rd'

# Parameters of a request that are not settings.
RESERVED = {
    *('buffer_size', 'client_protocol_version', 'close_session', 'compress', 'database'),
    *('decompress', 'default_format', 'password', 'query', 'query_id', 'quota_key', 'role'),
    *('session_check', 'session_id', 'session_timeout', 'stacktrace', 'user'),
    'wait_end_of_query',
}
# In a form, which may have tables, ClickHouse reads these as descriptions of tables.
FORM_SUFFIXES = ('_format', '_types', '_structure')
MAX_FIELD_BYTES = 128 * 2**10  # http_max_field_value_size

# From src/Server/HTTP/exceptionCodeToHTTPStatus.cpp; any other is 500.
STATUSES = {
    **dict.fromkeys([192, 193, 497, 516], 403),  # users, passwords, rights
    **dict.fromkeys([6, 25, 26, 27, 36, 38, 41, 53, 62, 72, 117], 400),  # text and types
    **dict.fromkeys([46, 47, 50, 56, 60, 63, 73, 78, 81, 115], 404),  # unknown names
    **{48: 501, 76: 503, 159: 408, 194: 401, 209: 503, 439: 503},
}


@dataclass
class Fault:
    """A fault for the next requests that match; see `ClickHouse.fault`."""

    kind: str
    pattern: str
    left: int
    code: int
    seconds: float


class Server(ThreadingHTTPServer):
    """A server with a thread per connection."""

    request_queue_size = 128

    def __init__(self, port: int, engine: Engine):
        super().__init__(('127.0.0.1', port), Handler)
        self.engine = engine
        self.lock = threading.Lock()  # guards the attributes below
        self.faults: list[Fault] = []
        self.sessions: set[str] = set()

    def use_faults(self, text: bytes) -> list[Fault]:
        """Return the faults for a request and count them as used."""
        with self.lock:
            matching = [
                fault
                for fault in self.faults
                if fault.left and re.search(fault.pattern.encode(), text)
            ]
            for fault in matching:
                fault.left -= 1
            return matching

    @contextmanager
    def session(self, name: str | None) -> Iterator[None]:
        """Hold a session, which has one query at a time; it has no other state."""
        if not name:
            yield
            return
        with self.lock:
            if name in self.sessions:
                raise DatabaseError(
                    373, f'Session {name} is locked by a concurrent client. (SESSION_IS_LOCKED)'
                )
            self.sessions.add(name)
        try:
            yield
        finally:
            with self.lock:
                self.sessions.remove(name)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for a short answer

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing, because the output of the tests is enough."""

    def do_GET(self) -> None:
        self._dispatch()

    def do_POST(self) -> None:
        self._dispatch()

    def do_DELETE(self) -> None:
        self._dispatch()

    def _dispatch(self) -> None:
        path, body = urlsplit(self.path).path, read_body(self.rfile, self.headers)
        if path == '/ping':
            self._answer(200, b'Ok.\n')
        elif path == '/fault':
            self._answer(200, self._fault(body))
        else:
            self._query(body)

    def _fault(self, body: bytes) -> bytes:
        with self.server.lock:
            if self.command == 'POST':
                self.server.faults.append(Fault(**json.loads(body)))
            elif self.command == 'DELETE':
                self.server.faults.clear()
            return str(sum(fault.left for fault in self.server.faults)).encode()

    def _query(self, body: bytes) -> None:
        fields = parse_fields(urlsplit(self.path).query)
        headers = {'X-ClickHouse-Query-Id': fields.get('query_id') or str(uuid.uuid4())}
        try:
            result, faults = self._execute(fields, body)
        except DatabaseError as ex:
            headers['X-ClickHouse-Exception-Code'] = str(ex.code)
            self._answer(STATUSES.get(ex.code, 500), ex.body(self.server.engine.version), headers)
            return
        headers['X-ClickHouse-Summary'] = json.dumps(result.summary)
        if result.format is not None:
            headers['X-ClickHouse-Format'] = result.format
            headers['X-ClickHouse-Timezone'] = self.server.engine.timezone
        if 'cut' in faults:
            self._cut()
        elif 'late' in faults:
            self._answer_half(result.data, headers, faults['late'].code)
        else:
            self._answer(200, result.data, headers)

    def _execute(self, fields: dict[str, str], body: bytes) -> tuple[Result, dict[str, Fault]]:
        """Return the result, and by their kinds the faults of the answer."""
        self._authenticate(fields)
        content_type = self.headers.get('Content-Type', '')
        skipped: tuple[str, ...] = ()
        if content_type.startswith('multipart/form-data'):
            fields, body = fields | parse_form(content_type, body), b''
            skipped = FORM_SUFFIXES
        query = fields.get('query', '').encode(errors='surrogateescape')
        text = b'\n'.join(part for part in (query, body) if part)
        faults = {fault.kind: fault for fault in self.server.use_faults(text)}
        if 'delay' in faults:
            time.sleep(faults['delay'].seconds)
        if 'error' in faults:
            raise DatabaseError(faults['error'].code, 'as the test wants it. (FAULT)')
        settings = {
            name: value
            for name, value in fields.items()
            if not (name in RESERVED or name.startswith('param_') or name.endswith(skipped))
        }
        if self.command == 'GET':
            settings['readonly'] = '2'
        parameters = {
            name.removeprefix('param_'): value
            for name, value in fields.items()
            if name.startswith('param_')
        }
        with self.server.session(fields.get('session_id')):
            result = self.server.engine.execute(
                text, fields.get('database', ''), settings, parameters
            )
        return result, faults

    def _authenticate(self, fields: dict[str, str]) -> None:
        kind, _, credentials = self.headers.get('Authorization', '').partition(' ')
        if kind.lower() == 'basic':
            user, _, password = b64decode(credentials).decode().partition(':')
        else:
            user = self.headers.get('X-ClickHouse-User') or fields.get('user', 'default')
            password = self.headers.get('X-ClickHouse-Key') or fields.get('password', '')
        if (user, password) != (USER, PASSWORD):
            raise DatabaseError(
                516,
                f'{user}: Authentication failed: password is incorrect, or there is no user'
                ' with such name. (AUTHENTICATION_FAILED)',
            )

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer_half(self, data: bytes, headers: dict[str, str], code: int) -> None:
        """Answer like ClickHouse when it fails after it has sent a part of the result."""
        tag, message = uuid.uuid4().hex[:16], DatabaseError(code, 'too late. (FAULT)')
        text = message.body(self.server.engine.version)
        trailer = f'{len(text)} {tag}\r\n__exception__\r\n'
        body = data[: len(data) // 2] + f'\r\n__exception__\r\n{tag}\r\n'.encode() + text
        body += trailer.encode()
        self.send_response(200)
        for name, value in {**headers, 'X-ClickHouse-Exception-Tag': tag}.items():
            self.send_header(name, value)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        self.wfile.write(b'%x\r\n%b\r\n' % (len(body), body))
        self.wfile.flush()
        self._cut()  # the last chunk is not sent

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def read_body(stream: Any, headers: Any) -> bytes:
    """Return the body of a request, chunked or not, decompressed."""
    if 'chunked' in headers.get('Transfer-Encoding', ''):
        chunks = []
        while size := int(stream.readline().split(b';')[0], 16):
            chunks.append(stream.read(size))
            stream.readline()
        stream.readline()
        body = b''.join(chunks)
    else:
        body = stream.read(int(headers.get('Content-Length', 0)))
    return decompress(body, headers.get('Content-Encoding', ''))


def decompress(body: bytes, encoding: str) -> bytes:
    """Decode Content-Encoding; clickhouse-connect compresses each block as a frame."""
    if encoding == 'gzip':
        return gzip.decompress(body)
    if encoding == 'deflate':
        return zlib.decompress(body)
    if encoding == 'lz4':
        from lz4.frame import LZ4FrameFile  # type: ignore[import-untyped]

        return bytes(LZ4FrameFile(io.BytesIO(body)).read())
    if encoding == 'zstd':
        from backports import zstd

        return zstd.decompress(body)
    if encoding:
        raise ValueError(f'unknown Content-Encoding {encoding}')
    return body


def parse_fields(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True, errors='surrogateescape'))


def parse_form(content_type: str, body: bytes) -> dict[str, str]:
    """Return the fields of a multipart form, which are limited; tables are not supported."""
    fields = {}
    boundary = b'\r\n--' + content_type.partition('boundary=')[2].strip('"').encode()
    for part in (b'\r\n' + body).split(boundary)[1:-1]:
        head, _, value = part.partition(b'\r\n\r\n')
        name = re.search(rb'[; ]name="([^"]*)"', head)
        if name is None or b'filename=' in head:
            raise DatabaseError(48, 'External tables are not imitated. (NOT_IMPLEMENTED)')
        if len(value) > MAX_FIELD_BYTES:
            raise DatabaseError(1000, 'HTML Form Exception: Field value too long (POCO_EXCEPTION)')
        fields[name[1].decode()] = value.decode(errors='surrogateescape')
    return fields


def main(port: int, path: str, kind: type[Engine] = Engine) -> None:
    """Serve until SIGTERM."""
    os.makedirs(path, exist_ok=True)
    engine = kind(path)
    server = Server(port, engine)
    signal.signal(signal.SIGTERM, lambda *args: sys.exit())
    try:
        server.serve_forever()
    finally:
        engine.close()


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2])
