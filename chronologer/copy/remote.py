"""A running Chronologer server as the source of a copy, over its HTTP API."""

import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import orjson

from chronologer.errors import ConfigurationError, StorageBusyError, StorageError
from chronologer.model import Filter, Record
from chronologer.storage import MAX_ID, shown_dsn

TIMEOUT = 60  # seconds without a byte
PAUSES = (0, 1, 2, 4, 8, 16)  # seconds before each retry: a connection may only be old
BUSY = {502, 503, 504}  # the server or its proxy is overloaded or away
CHUNK = 2**16  # bytes


class Answer(NamedTuple):
    """The response of a server."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


class RemoteSource:
    """
    The records of a server; see `chronologer.copy.Source`.

    A request that fails temporarily is repeated a few times; a listing that is cut continues after
    its last record.
    """

    def __init__(self, url: str, pauses: tuple[float, ...] = PAUSES):
        """
        Accept ``http://user:password@host:port/``, without a connection yet.

        Raises:
            ConfigurationError: It is malformed.
        """
        self._shown, self._pauses = shown_dsn(url), pauses
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or '', parts.port
        except ValueError:
            self._host = ''
        if not self._host or not parts.path.isascii() or parts.query or parts.fragment:
            wanted = 'http://user:password@host:port/ or https://…'
            raise ConfigurationError(f'{self._shown}: expected {wanted}')
        self._is_secure = parts.scheme == 'https'
        self._path = parts.path.rstrip('/')
        self._headers = {}
        if parts.username is not None:
            user = f'{unquote(parts.username)}:{unquote(parts.password or "")}'
            self._headers['Authorization'] = f'Basic {b64encode(user.encode()).decode()}'
        self._connection: HTTPConnection | None = None

    def check(self) -> None:
        """Make sure that the server and its storage answer, and that the credentials are right."""
        for path in ('/ready', '/api/v1/saved'):
            self._ask('GET', path)

    def last_id(self) -> int:
        """See `Storage.last_id`."""
        path = f'/api/v1/record?after_id={MAX_ID}&limit=0'
        return self._number(self._get(path), 'x-last-id')

    def count(self, filter: Filter) -> int:
        """Return the number of all records; *filter* has to be empty."""
        return self._number(self._get('/api/v1/record', 'HEAD'), 'x-record-count')

    def get(self, id: int) -> Record | None:
        """See `Storage.get`."""
        answer = self._get(f'/api/v1/record/{id}', missing=404)
        return None if answer.status == 404 else _record(self._json(answer.body))

    def saved(self) -> dict[str, str]:
        """Return the state of each saved search, by name."""
        entries = self._json(self._get('/api/v1/saved').body)['saved']
        return {entry['name']: entry['state'] for entry in entries}

    def since(self, id: int, filter: Filter, limit: int, whole: bool = False) -> Iterator[Record]:
        """See `Storage.since`; records are always whole, *filter* has to be empty."""
        failures = 0
        while limit > 0:
            try:
                for line in self._lines(f'/api/v1/export?after_id={id}&limit={limit}'):
                    fields = self._json(line)
                    if 'id' not in fields:  # the last line, if the server has failed meanwhile
                        raise StorageBusyError(f'{self._shown}: {fields["error"]["message"]}')
                    record = _record(fields)
                    yield record
                    id, limit, failures = fields['id'], limit - 1, 0
                return
            except StorageBusyError:
                if failures == len(self._pauses):
                    raise
                time.sleep(self._pauses[failures])
                failures += 1

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> 'RemoteSource':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _get(self, path: str, method: str = 'GET', missing: int = 0) -> Answer:
        """Send a request, and repeat it a few times if it fails temporarily."""
        for pause in self._pauses:
            try:
                return self._ask(method, path, missing)
            except StorageBusyError:
                time.sleep(pause)
        return self._ask(method, path, missing)

    def _ask(self, method: str, path: str, missing: int = 0) -> Answer:
        with self._translated():
            response = self._open(method, path)
            body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, body)
        if answer.status not in (200, missing):
            self._refuse(answer)
        return answer

    def _lines(self, path: str) -> Iterator[bytes]:
        """Yield the lines of a response as they arrive."""
        is_complete = False
        try:
            with self._translated():
                response = self._open('GET', path)
                if response.status != 200:
                    self._refuse(Answer(response.status, {}, response.read()))
            parts: list[bytes] = []
            while chunk := self._read(response):
                first, *others = chunk.split(b'\n')
                parts.append(first)
                for other in others:
                    yield b''.join(parts)
                    parts = [other]
            is_complete = True
        finally:
            if not is_complete:  # the rest would look like the next response
                self.close()
        if last := b''.join(parts):
            yield last

    def _read(self, response: HTTPResponse) -> bytes:
        with self._translated():
            chunk = response.read(CHUNK)
            if not chunk and response.length:  # the response was cut
                raise IncompleteRead(b'', response.length)
        return chunk

    def _open(self, method: str, path: str) -> HTTPResponse:
        if self._connection is None:
            connect = HTTPSConnection if self._is_secure else HTTPConnection
            self._connection = connect(self._host, self._port, timeout=TIMEOUT)
        self._connection.request(method, self._path + path, headers=self._headers)
        return self._connection.getresponse()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise errors of the connection, which is closed, as `StorageBusyError`."""
        try:
            yield
        except (OSError, HTTPException, UnicodeError) as ex:  # UnicodeError: no host name
            self.close()
            raise StorageBusyError(f'{self._shown}: {ex or type(ex).__name__}') from ex

    def _refuse(self, answer: Answer) -> None:
        try:
            reason = orjson.loads(answer.body)['error']['message']
        except (ValueError, LookupError, TypeError):
            reason = answer.headers.get('x-error-message', '')
        error = StorageBusyError if answer.status in BUSY else StorageError
        raise error(f'{self._shown}: {answer.status} {reason}'.rstrip())

    def _number(self, answer: Answer, header: str) -> int:
        try:
            return int(answer.headers[header])
        except (KeyError, ValueError) as ex:
            raise StorageError(f'{self._shown}: no Chronologer answers there') from ex

    def _json(self, text: bytes) -> Any:
        try:
            return orjson.loads(text)
        except ValueError as ex:
            raise StorageError(f'{self._shown}: no Chronologer answers there') from ex


def _record(fields: dict[str, Any]) -> Record:
    ts, id = datetime.fromisoformat(fields['ts']), fields['id']
    return Record(ts, fields['name'], fields['level'], fields['message'], fields['logrec'], id)
