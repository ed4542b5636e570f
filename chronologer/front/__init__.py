"""
Between the HTTP server and the application: one ASGI callable on one event loop.

A request at a door runs on the loop, so that it costs no thread while it waits for its body or for
its commit, and any number can share a commit. Long work runs in threads: the decoding of large
bodies, and all requests that CherryPy answers.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus

from chronologer.doors import Doors, Request
from chronologer.doors.record import FORM
from chronologer.errors import ChronologerError
from chronologer.front.asgi import Headers, Receive, Scope, Send, headers_of, send_answer
from chronologer.front.connections import Connections
from chronologer.front.health_port import HealthPort
from chronologer.front.incoming import Incoming
from chronologer.front.intake import Intake
from chronologer.front.listener import Listeners
from chronologer.front.site import Site
from chronologer.web.respond import error_response

BODILESS = frozenset(['GET', 'HEAD'])  # methods whose bodies mean nothing
MAX_SHORT_BODY = 64 * 2**10  # bytes of a body without records


class Front:
    """Answers every request: a door's by the intake, all others by the site."""

    def __init__(
        self,
        doors: Doors,
        intake: Intake,
        site: Site,
        connections: Connections,
        ports: Sequence[Listeners | HealthPort],
    ):
        self._doors, self._intake, self._site = doors, intake, site
        self._connections, self._ports = connections, ports

    def close(self) -> None:
        """End the threads."""
        self._intake.close()
        self._site.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or open and close other ports with the life of the event loop."""
        if scope['type'] == 'lifespan':
            await self._live(receive, send)
            return
        port = int(scope['client'][1])  # granian has it as text
        self._connections.begin(port)
        try:
            await self._answer(scope, receive, send)
        finally:
            self._connections.end(port)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        incoming = Incoming(headers, receive)
        method, path = scope['method'], scope['path']
        door = self._doors.find(method, path)
        if door is None:
            await self._visit(scope, headers, incoming, receive, send)
            return
        query_string, address = scope['query_string'].decode('latin-1'), scope['client'][0]
        request = Request(method, path, query_string, headers, address)
        status, answered, content = await self._intake.answer(door, request, incoming)
        if headers.get('content-type', '').startswith(FORM):
            # HTTPHandler opens a connection for each record. The side that closes first keeps its
            # port for a minute, of which a program has too few.
            answered = [*answered, ('connection', 'close')]
        await send_answer(send, (status, answered, content))
        if status != HTTPStatus.UNAUTHORIZED:  # of a stranger nothing is read
            await incoming.drain()

    async def _live(self, receive: Receive, send: Send) -> None:
        """https://asgi.readthedocs.io/en/latest/specs/lifespan.html"""
        await receive()
        try:
            for port in self._ports:
                await port.start()
        except OSError as ex:
            await send({'type': 'lifespan.startup.failed', 'message': f'cannot listen: {ex}'})
            return
        watch = asyncio.get_running_loop().create_task(self._connections.watch())
        await send({'type': 'lifespan.startup.complete'})
        await receive()
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        for port in self._ports:
            await port.stop()
        await send({'type': 'lifespan.shutdown.complete'})

    async def _visit(
        self, scope: Scope, headers: Headers, incoming: Incoming, receive: Receive, send: Send
    ) -> None:
        """Read the body, which needs no thread, before the site gets the request."""
        content = b''
        try:
            if scope['method'] not in BODILESS:
                content = await incoming.read_short(MAX_SHORT_BODY)
        except ChronologerError as ex:
            await send_answer(send, error_response(ex, scope['method']))
            await incoming.drain()
        else:
            await incoming.drain()
            await self._site.answer(scope, headers, content, receive, send)
