"""
HTTP fronts compared: a POST is answered with 201 after a call-back of a writer thread.

The figures are posts per second over kept and over new connections, and the delay of ordinary
requests by 1,000 half-sent ones. The table is in doc/performance.rst.
"""

import asyncio
import contextlib
import itertools
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from bench.load import request, send
from bench.quiet import undisturbed
from test.servers.chronologer import free_port

SECONDS = 2.0  # of each run
HALF_SENT, HELD_SECONDS = 1000, 30
BODY = b'{"id":1}'
HEADERS = [('Content-Type', 'application/json'), ('Content-Length', str(len(BODY)))]

done: SimpleQueue[Callable[[], None]] = SimpleQueue()


def write() -> None:
    """Call back all waiting requests, as the writer does after a commit."""
    while True:
        group = [done.get()]
        with contextlib.suppress(Empty):
            while True:
                group.append(done.get_nowait())
        for call in group:
            call()


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Wait in the thread of the request."""
    environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
    lock = threading.Lock()
    lock.acquire()
    done.put(lock.release)
    lock.acquire()
    start_response('201 Created', HEADERS)
    return [BODY]


async def rsgi(scope: Any, protocol: Any) -> None:
    """Wait in a task."""
    await protocol()
    await wait_written()
    protocol.response_bytes(201, HEADERS, BODY)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Wait in a task."""
    while (await receive()).get('more_body'):
        pass
    await wait_written()
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
    await send({'type': 'http.response.start', 'status': 201, 'headers': headers})
    await send({'type': 'http.response.body', 'body': BODY})


def wait_written() -> asyncio.Future[None]:
    """Return a future that is done when the writer has called back."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    done.put(partial(loop.call_soon_threadsafe, future.set_result, None))
    return future


def serve_granian(port: int, interface: str, **options: Any) -> None:
    """Serve until the process is ended."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces

    front = Granian(
        'bench.front', '127.0.0.1', port, interface=Interfaces(interface),
        http=HTTPModes.http1, backpressure=4096, log_enabled=False, **options,
    )  # fmt: skip
    front.serve(target_loader=partial(load, interface), wrap_loader=False)


def load(interface: str) -> Any:
    """Return the application, in the worker process."""
    threading.Thread(target=write, daemon=True).start()
    return {'wsgi': wsgi, 'rsgi': rsgi, 'asginl': asgi}[interface]


def serve_cheroot(port: int) -> None:
    """Serve as CherryPy does, with other numbers of threads and of waiting connections."""
    from cheroot.wsgi import Server

    Server(('127.0.0.1', port), load('wsgi'), numthreads=64, request_queue_size=1024).start()


FRONTS: dict[str, Callable[[int], None]] = {
    'cheroot, WSGI, 64 threads': serve_cheroot,
    'granian, WSGI, 64 threads': partial(serve_granian, interface='wsgi', blocking_threads=64),
    'granian, WSGI, 1,200 threads': partial(serve_granian, interface='wsgi', blocking_threads=1200),
    'granian, RSGI, uvloop, mt': partial(
        serve_granian, interface='rsgi', loop='uvloop', runtime_mode='mt'
    ),
    'granian, ASGI, asyncio, mt': partial(
        serve_granian, interface='asginl', loop='asyncio', runtime_mode='mt'
    ),
    'granian, ASGI, uvloop, st': partial(
        serve_granian, interface='asginl', loop='uvloop', runtime_mode='st'
    ),
    'granian, ASGI, uvloop, mt': partial(
        serve_granian, interface='asginl', loop='uvloop', runtime_mode='mt'
    ),
    'the same, 2 workers': partial(
        serve_granian, interface='asginl', loop='uvloop', runtime_mode='mt', workers=2
    ),
}


def main() -> None:
    """Print the table; with arguments, serve one of the fronts, as a child process."""
    if len(sys.argv) > 1:
        FRONTS[sys.argv[1]](int(sys.argv[2]))
        return
    print(f'{"posts/s over connections:":30}{1:>8}{8:>8}{32:>8}{256:>8}{"new":>8}   half-sent')
    for name in FRONTS:
        port = free_port()
        process = subprocess.Popen([sys.executable, '-m', 'bench.front', name, str(port)])
        try:
            await_start(port)
            line = undisturbed(partial(measure, port))
            print(f'{name:30}{line}', flush=True)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                kill_all(process)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a front that does not end because of its half-sent requests."""
    children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            subprocess.run(['kill', '-9', pid], check=False)
    process.kill()
    process.wait()


def await_start(port: int) -> None:
    """Wait until the front listens."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port)):
            break
        time.sleep(0.05)
    time.sleep(0.5)


def measure(port: int) -> str:
    """Return the figures of a front as a line."""
    address = ('127.0.0.1', port)
    post = request('x', '/', b'x' * 600, 'Authorization: Basic bG9nZ2VyOg==')
    figures = [
        f'{send(address, itertools.repeat(post), connections, SECONDS).rate:8.0f}'
        for connections in (1, 8, 32, 256)
    ]
    closing = request('x', '/', b'x' * 600, keep_alive=False)
    new = send(address, itertools.repeat(closing), 8, SECONDS, is_kept=False)
    return f'{"".join(figures)}{new.rate:8.0f}   {half_sent(address)}'


def half_sent(address: tuple[str, int]) -> str:
    """Measure ordinary requests while many others are stopped within their headers or bodies."""
    head = b'POST / HTTP/1.1\r\nHost: x\r\n'
    whole = head + b'Content-Length: 8\r\n\r\n{"id":1}'
    seconds: list[float] = []
    failed = 0
    with contextlib.ExitStack() as stack:
        for number in range(HALF_SENT):
            connection = stack.enter_context(socket.create_connection(address))
            connection.sendall(head if number % 2 else whole[:-4])
        deadline = time.monotonic() + HELD_SECONDS
        while time.monotonic() < deadline:
            started = time.perf_counter()
            try:
                with socket.create_connection(address, timeout=2) as ordinary:
                    ordinary.sendall(whole)
                    failed += not ordinary.recv(1000).startswith(b'HTTP/1.1 201')
            except OSError:
                failed += 1
            else:
                seconds.append(time.perf_counter() - started)
            time.sleep(0.05)
    if not seconds:
        return f'none of {failed} answered'
    longest = statistics.quantiles(seconds, n=100)[98] if len(seconds) > 1 else seconds[0]
    return f'{len(seconds)} answered, {failed} failed, p99 {longest * 1e3:.1f} ms'


if __name__ == '__main__':
    main()
