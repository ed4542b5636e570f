"""
The server process: granian with its workers.

granian parses HTTP outside of the interpreter and runs the application in worker processes. Only
they open the storage.
"""

import logging
import logging.config
import multiprocessing
import os
import signal
import socket
import time
from _thread import start_new_thread
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels

from chronologer.daemon import raise_file_limit
from chronologer.front.connections import MAX_CONNECTIONS
from chronologer.settings import Settings
from chronologer.worker import STOP_TIMEOUT, load_app

START_TIMEOUT = 30  # seconds
READ_BUFFER = 64 * 2**10  # bytes of a connection that wait for the application


def log_configuration(log_file: str) -> dict[str, Any]:
    """Return the configuration of the server's own log, for `logging.config.dictConfig`."""
    stream = {'class': 'logging.StreamHandler', 'stream': 'ext://sys.stderr'}
    file = {'class': 'logging.handlers.WatchedFileHandler', 'filename': log_file, 'delay': True}
    return {
        'version': 1,
        'disable_existing_loggers': False,
        'formatters': {
            'line': {'format': '%(asctime)s %(levelname)s %(name)s %(process)d: %(message)s'},
        },
        'handlers': {'log': {**(file if log_file else stream), 'formatter': 'line'}},
        'root': {'handlers': ['log'], 'level': 'WARNING'},
        'loggers': {'_granian': {}, 'cherrypy.access': {'propagate': False}},
    }


def serve(settings: Settings, address: str, started: Callable[[], None]) -> None:
    """Serve on *address* until SIGTERM or SIGINT; call *started* when requests are answered."""
    raise_file_limit(2 * MAX_CONNECTIONS)
    multiprocessing.set_start_method('spawn', force=True)  # safe in a process with threads
    front = Granian(
        'chronologer',
        address,
        settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        loop=Loops.auto,
        runtime_mode=RuntimeModes.mt,  # more posts a second than with st, see doc/performance.rst
        workers=settings.workers,
        respawn_failed_workers=True,
        websockets=False,
        backpressure=MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(max_buffer_size=READ_BUFFER),
        workers_kill_timeout=STOP_TIMEOUT,
        log_level=LogLevels.error,
        log_dictconfig=log_configuration(settings.log_file),
    )
    front.signal_handler_interrupt = partial(_interrupt, front)  # type: ignore[method-assign]
    front.on_startup(
        Thread(target=_await_start, args=(address, settings.port, started), daemon=True).start
    )
    front.serve(target_loader=partial(load_app, settings, os.getpid()), wrap_loader=False)


def _interrupt(front: Any, *_: object) -> None:
    """
    Stop the server, at SIGTERM or SIGINT; replaces granian's own handler.

    A handler runs in the main thread, which may have the lock of the event that it waits for.
    """
    front.interrupt_signal = True
    start_new_thread(front.main_loop_interrupt.set, ())


def _await_start(address: str, port: int, started: Callable[[], None]) -> None:
    """Return when a connection succeeds: a worker listens only after it has loaded."""
    for _ in range(START_TIMEOUT * 20):
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            started()
            return
    logging.getLogger('chronologer').error('Not started after %d seconds', START_TIMEOUT)
    os.kill(os.getpid(), signal.SIGTERM)
