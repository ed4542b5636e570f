"""
A port that answers only ``/health`` and ``/ready``.

Checks get through when all connections of the other port are in use. Each connection has one
request; workers share the port, as listeners do.
"""

import asyncio
import logging
import socket
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from chronologer.errors import NotFoundError, shown
from chronologer.front.asgi import send_answer
from chronologer.front.listener import bind
from chronologer.front.site import PROBES, Site
from chronologer.web.respond import error_response

MAX_CONNECTIONS = 100  # beyond them the oldest one is closed
MAX_HEAD = 8 * 2**10  # bytes
# Errors of a client that is silent, gone, or sends a head that is too long or malformed.
BAD_CLIENT = asyncio.TimeoutError, asyncio.LimitOverrunError, EOFError, OSError, ValueError
TIMEOUT = 5  # seconds for the head of a request, and for the answer to be read

log = logging.getLogger('chronologer')


class HealthPort:
    """Serves the probes of *site* at an address."""

    def __init__(self, site: Site, host: str, port: int):
        self._site, self._host, self._port = site, host, port
        self._open: dict[asyncio.StreamWriter, None] = {}  # connections, the oldest first
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """
        Bind the socket, unless the port is 0.

        Raises:
            OSError: The address cannot be used.
        """
        if self._port:
            sock = bind(self._host, self._port, socket.SOCK_STREAM)
            self._server = await asyncio.start_server(
                self._serve, sock=sock, limit=MAX_HEAD, backlog=MAX_CONNECTIONS
            )

    async def stop(self) -> None:
        """Close the socket."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        self._open[writer] = None
        try:
            with suppress(*BAD_CLIENT):
                head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), TIMEOUT)
                method, target, _ = head.partition(b'\r\n')[0].decode('ascii').split(' ')
                answer = await self._answer(method, target, writer)
                if not writer.is_closing():
                    writer.write(answer)
                    await asyncio.wait_for(writer.drain(), TIMEOUT)
        except Exception:
            log.exception('A check failed')
        finally:
            self._open.pop(writer, None)
            writer.close()

    async def _answer(self, method: str, target: str, writer: asyncio.StreamWriter) -> bytes:
        path, _, query = target.partition('?')
        parts: list[bytes] = []

        async def send(message: dict[str, Any]) -> None:
            if message['type'] == 'http.response.start':
                status = HTTPStatus(message['status'])
                headers = [*message['headers'], (b'connection', b'close')]
                parts.append(f'HTTP/1.1 {status.value} {status.phrase}\r\n'.encode())
                parts.extend(b'%b: %b\r\n' % header for header in headers)
                parts.append(b'\r\n')
            elif method != 'HEAD':
                parts.append(message['body'])

        if path in PROBES:
            await self._site.answer(
                {
                    'method': method,
                    'path': path,
                    'query_string': query.encode(),
                    'http_version': '1.1',
                    'scheme': 'http',
                    'client': _address_of(writer, 'peername'),
                    'server': _address_of(writer, 'sockname'),
                },
                {}, b'', _never, send,
            )  # fmt: skip
        else:
            error = NotFoundError(f'{shown(path)}: this port has only {" and ".join(PROBES)}')
            await send_answer(send, error_response(error, method))
        return b''.join(parts)


def _address_of(writer: asyncio.StreamWriter, name: str) -> tuple[str, int]:
    """Return host and port of an end of a connection; uvloop raises if the client has gone."""
    try:
        host, port, *_ = writer.get_extra_info(name)
    except (AttributeError, TypeError):
        return '', 0
    return host, port


async def _never() -> dict[str, Any]:
    """No message comes after the request."""
    await asyncio.Event().wait()
    raise AssertionError
