"""A worker process: opens storage, metastore, writer and jobs, and closes them in the end."""

import asyncio
import gc
import os
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.util import Finalize
from threading import Timer

import uvloop
from granian import loops

from chronologer.daemon import die_with_parent
from chronologer.front import Front
from chronologer.ingest.writer import Writer
from chronologer.jobs.retention import Retention
from chronologer.jobs.schedule import Scheduler
from chronologer.metastore import open_metastore
from chronologer.settings import Settings
from chronologer.storage import create_storage
from chronologer.tree import create_app

STOP_TIMEOUT = 10  # seconds for current requests when a worker has to stop


class WorkerLoop(uvloop.Loop):
    """
    Handles one signal: the worker stops at the first SIGTERM or SIGINT and ignores later ones.

    granian's own handler blocks for ever, holding the GIL, if it is called again before its first
    call was processed, because its channel holds one message.
    """

    _is_stopping = False

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None:
        def stop() -> None:
            if self._is_stopping:
                return
            self._is_stopping = True
            end = Timer(STOP_TIMEOUT + 2, os._exit, [1])  # if the parent is not there to end us
            end.daemon = True
            end.start()
            callback(*args)

        super().add_signal_handler(sig, stop)


@loops.register('auto')
def create_loop() -> WorkerLoop:
    """Return the event loop of a worker, which granian creates by this name."""
    loop = WorkerLoop()
    asyncio.set_event_loop(loop)
    return loop


def load_app(settings: Settings, parent: int) -> Front:
    """Open storage, metastore and writer in the worker process, to be closed when it ends."""
    die_with_parent(parent)
    _clean_environment()
    stack = ExitStack()
    storage = stack.enter_context(create_storage(settings.storage_dsn, settings.query_timeout))
    if storage.is_exclusive:
        storage.check()  # its engine takes a while to start, for which no request shall wait
    metastore = open_metastore(settings.metastore_dsn, settings.storage_dsn)
    stack.enter_context(metastore)
    writer = stack.enter_context(Writer(storage))
    front = create_app(settings, storage, metastore, writer)
    gc.freeze()  # what is there now stays
    gc.set_threshold(100_000, 20, 100)  # records come and go by the thousand, without cycles
    stack.callback(front.close)
    jobs = []
    if settings.retention_days:
        jobs.append(Retention(storage, settings.retention_days, settings.storage_dsn))
    stack.enter_context(Scheduler(metastore, jobs))
    Finalize(None, stack.close, exitpriority=0)  # children of multiprocessing run no atexit
    return front


def _clean_environment() -> None:
    """granian copies the environment into each request, where HTTP_… would pass for a header."""
    for name in list(os.environ):
        if name.startswith(('HTTP_', 'CONTENT_', 'CHRONOLOGER_')):
            del os.environ[name]
