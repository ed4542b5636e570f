"""
Puts the parts together: storage, writer and resources, as one callable, behind granian.

granian parses HTTP outside of the interpreter and runs the callable in a worker process, which
alone keeps storage and writer open.
"""

import gc
import logging
import logging.config
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from multiprocessing.util import Finalize
from threading import Thread, Timer
from typing import Any

import cherrypy
import granian._signals
from granian import Granian
from granian._granian import WorkerSignal
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.log import LogLevels

from chronologer.api.dispatch import Dispatcher
from chronologer.api.export import ExportResource
from chronologer.api.facet import FacetResource
from chronologer.api.field import FieldResource
from chronologer.api.health import HealthResource, ReadyResource
from chronologer.api.ingestion import RecordIngestion
from chronologer.api.page import (
    FILE_HEADERS,
    FILES,
    FOREVER,
    MEDIA_TYPES,
    STATIC,
    VERSIONED,
    Page,
)
from chronologer.api.reading import ReadingResource
from chronologer.api.record import RecordResource
from chronologer.api.respond import framework_error, pending_error
from chronologer.api.saved import SavedResource
from chronologer.api.session import SessionResource
from chronologer.api.timeline import TimelineResource
from chronologer.auth import Auth
from chronologer.configuration import Configuration
from chronologer.front import Front
from chronologer.front.site import Site, WSGIApplication
from chronologer.ingest.writer import Writer
from chronologer.process import die_with_parent, raise_file_limit
from chronologer.session import Sessions
from chronologer.storage import Storage, create_storage

STOP_TIMEOUT = 10  # seconds for requests under way when we are asked to stop
START_TIMEOUT = 30  # seconds
CONNECTIONS = 4096  # open at a time; idle ones cost no thread

HEADERS = [
    ('Content-Security-Policy', "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ('Referrer-Policy', 'no-referrer'),
    ('X-Content-Type-Options', 'nosniff'),
]


class Node:
    """A part of a path that leads to resources, and is none itself."""

    def __init__(self, **children: object):
        self.__dict__.update(children)


def create_app(conf: Configuration, storage: Storage, writer: Writer) -> Front:
    """Return the whole of Chronologer as an ASGI callable, to be closed after use."""
    sessions = Sessions(conf.username, conf.password, conf.port, storage.secret)
    auth = Auth(conf.username, conf.password, sessions)
    ingestion = RecordIngestion(conf, auth, storage.get)
    site = Site(create_site(auth, storage), conf.thread_pool_size)
    return Front(ingestion, writer, site)


def create_site(auth: Auth, storage: Storage) -> WSGIApplication:
    """Return the CherryPy application: every resource, and how they are configured."""
    cherrypy.log.screen = False
    site: WSGIApplication = cherrypy.Application(create_tree(auth, storage), '', configure(auth))
    return site


def create_tree(auth: Auth, storage: Storage) -> Node:
    """Every resource at its place."""
    return Node(
        index=Page(),
        health=HealthResource(),
        ready=ReadyResource(storage),
        api=Node(
            v1=Node(
                export=ExportResource(storage),
                facet=FacetResource(storage),
                field=FieldResource(storage),
                reading=ReadingResource(),
                record=RecordResource(storage),
                saved=SavedResource(storage),
                session=SessionResource(auth),
                timeline=TimelineResource(storage),
            )
        ),
    )


def configure(auth: Auth) -> dict[str, dict[str, Any]]:
    """CherryPy's settings, by the paths that they are for."""
    return {
        '/': {
            'request.dispatch': Dispatcher(),
            'request.error_response': pending_error,
            'error_page.default': framework_error,
            'request.process_request_body': False,
            'request.query_string_encoding': 'latin-1',  # never fails; strict_query is strict
            'request.show_tracebacks': False,
            'tools.log_tracebacks.on': False,
            'tools.log_headers.on': False,
            'tools.response_headers.on': True,
            'tools.response_headers.headers': HEADERS,
            'tools.strict_query.on': True,
        },
        '/api': {'tools.authenticate.on': True, 'tools.authenticate.auth': auth},
        '/static': {
            'tools.staticdir.on': True,
            'tools.staticdir.dir': str(STATIC),
            'tools.staticdir.content_types': MEDIA_TYPES,
            'tools.response_headers.headers': [*HEADERS, *FILE_HEADERS.items()],
            **FILES,
        },
        VERSIONED: {
            'tools.staticdir.dir': str(STATIC),
            'tools.response_headers.headers': [*HEADERS, *FOREVER.items()],
        },
    }


def log_configuration(log_file: str) -> dict[str, Any]:
    """The server's own log, for `logging.config.dictConfig`; the same in every process."""
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


def load_app(conf: Configuration, parent: int) -> Front:
    """Open storage and writer in the worker process, to be closed when it ends."""
    die_with_parent(parent)
    _heed_one_signal()
    _clean_environment()
    stack = ExitStack()
    storage = stack.enter_context(create_storage(conf.storage_dsn, conf.query_timeout))
    if storage.is_exclusive:
        storage.check()  # its engine takes a while to start, for which no request shall wait
    writer = stack.enter_context(Writer(storage))
    front = create_app(conf, storage, writer)
    gc.freeze()  # what is there now stays
    gc.set_threshold(100_000, 20, 100)  # records come and go by the thousand, without cycles
    stack.callback(front.close)
    Finalize(None, stack.close, exitpriority=0)  # children of multiprocessing run no atexit
    return front


def _heed_one_signal() -> None:
    """
    Stop at the first SIGTERM or SIGINT, and let others pass.

    granian's own handler waits for ever, with the GIL, when it is called while an earlier call has
    not been dealt with (its channel takes one message): the worker would hang.
    """

    def set_loop_signals(loop: Any) -> WorkerSignal:
        event = WorkerSignal()

        def stop() -> None:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, lambda: None)
            end = Timer(STOP_TIMEOUT + 2, os._exit, [1])  # if there is nobody left to end us
            end.daemon = True
            end.start()
            event.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        return event

    granian._signals.set_loop_signals = set_loop_signals


def _clean_environment() -> None:
    """granian copies the environment into each request, where HTTP_… would pass for a header."""
    for name in list(os.environ):
        if name.startswith(('HTTP_', 'CONTENT_', 'CHRONOLOGER_')):
            del os.environ[name]


def serve(conf: Configuration, address: str, started: Callable[[], None]) -> None:
    """Serve on *address*, the host's, until SIGTERM or SIGINT; call *started* once it answers."""
    raise_file_limit(2 * CONNECTIONS)
    multiprocessing.set_start_method('spawn', force=True)  # on every Python; safe beside threads
    front = Granian(
        'chronologer',
        address,
        conf.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        runtime_mode=RuntimeModes.mt,  # more posts a second than with st, see doc/performance.rst
        workers=conf.workers,
        respawn_failed_workers=True,
        websockets=False,
        backpressure=CONNECTIONS,
        workers_kill_timeout=STOP_TIMEOUT,
        log_level=LogLevels.error,
        log_dictconfig=log_configuration(conf.log_file),
    )
    front.on_startup(
        Thread(target=_await_start, args=(address, conf.port, started), daemon=True).start
    )
    front.serve(target_loader=partial(load_app, conf, os.getpid()), wrap_loader=False)


def _await_start(address: str, port: int, started: Callable[[], None]) -> None:
    """The worker listens once it has loaded, so a connection tells that it is ready."""
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
