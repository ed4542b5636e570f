"""The handler that passes records to another handler in a thread."""

import logging
import logging.config
import logging.handlers
import multiprocessing
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from chronologer import client
from chronologer.client import queue_proxy


class Target(logging.Handler):
    """A handler that keeps its records."""

    def __init__(self, keep: list) -> None:
        super().__init__()
        self.keep = keep
        self.is_closed = False

    def emit(self, record: logging.LogRecord) -> None:
        self.keep.append(record)

    def close(self) -> None:
        self.is_closed = True
        super().close()


def test_records_reach_the_target_when_closed():
    """Records are passed in order, with their messages at the time of logging."""
    keep: list[logging.LogRecord] = []
    handler = client.QueueProxyHandler(queue.Queue(), target=Target, keep=keep)
    words: list[str] = []
    for number in range(50):
        words.append(str(number))
        handler.handle(logging.makeLogRecord({'msg': '%s', 'args': (words,), 'name': 'a'}))
    handler.close()
    handler.close()
    assert ["['0']", "['0', '1']"] == [record.message for record in keep[:2]]
    assert 50 == len(keep)
    assert 'a' == keep[0].name
    assert handler.target.is_closed


def test_a_full_queue_drops_and_reports(monkeypatch):
    """Logging does not wait; handleError reports the loss."""
    reported = []
    records = queue.Queue(maxsize=1)
    keep: list[logging.LogRecord] = []
    handler = client.QueueProxyHandler(records, target=Target, keep=keep)
    handler._listener.stop()
    monkeypatch.setattr(handler, 'handleError', reported.append)
    for number in range(3):
        handler.handle(logging.makeLogRecord({'msg': str(number)}))
    assert 2 == len(reported)
    handler._listener.start()
    handler.close()
    assert ['0'] == [record.message for record in keep]


def test_a_full_queue_is_emptied_at_the_end():
    """The program ends when the target has handled all queued records."""
    code = (
        'import logging, queue, sys, time\n'
        'from chronologer.client import QueueProxyHandler\n'
        'class Target(logging.Handler):\n'
        '    def emit(self, record):\n'
        '        time.sleep(0.01)\n'
        '        print(record.getMessage(), flush=True)\n'
        'handler = QueueProxyHandler(queue.Queue(20), target=Target)\n'
        'handler.handleError = lambda record: None\n'
        'for number in range(100):\n'
        '    handler.handle(logging.makeLogRecord({"msg": str(number)}))\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert ('', 0) == (done.stderr, done.returncode)
    assert 20 <= len(done.stdout.split()) <= 25


def test_the_target_is_closed_after_the_queue_is_empty():
    """At exit, handlers are closed in reverse order; the target may log until it is closed."""
    code = (
        'import logging, queue, time\n'
        'from chronologer.client import QueueProxyHandler\n'
        'class Target(logging.Handler):\n'
        '    is_closed = False\n'
        '    def emit(self, record):\n'
        '        time.sleep(0.2)\n'
        '        print(record.getMessage(), self.is_closed, flush=True)\n'
        '        if record.name == "root":\n'
        '            logging.getLogger("of the target").info("said")\n'
        '    def close(self):\n'
        '        self.is_closed = True\n'
        'handler = QueueProxyHandler(queue.Queue(), target=Target)\n'
        'logging.basicConfig(level=logging.INFO, handlers=[handler])\n'
        'logging.info("first")\n'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ('', 'first False\nsaid False\n', 0) == (done.stderr, done.stdout, done.returncode)


def test_a_traceback_is_kept_as_text():
    """The frames no longer exist when the target gets the record."""
    keep: list[logging.LogRecord] = []
    handler = client.QueueProxyHandler(queue.Queue(), target=Target, keep=keep)
    logger = logging.Logger('a')
    logger.addHandler(handler)
    try:
        raise ValueError('bad')
    except ValueError:
        logger.exception('failed')
    handler.close()
    assert keep[0].exc_text.endswith('ValueError: bad')
    assert 'failed' == keep[0].message


def test_flush_waits_for_the_target():
    """flush waits until the target has all queued records, and then flushes it."""

    class Slow(Target):
        def emit(self, record):
            time.sleep(0.01)
            super().emit(record)

        def flush(self):
            self.keep.append('flushed')

    keep: list = []
    handler = client.QueueProxyHandler(queue.Queue(), target=Slow, keep=keep)
    for number in range(10):
        handler.handle(logging.makeLogRecord({'msg': str(number)}))
    handler.flush()
    assert (11, 'flushed') == (len(keep), keep[-1])
    handler.close()


def test_flush_and_close_of_a_hanging_target(monkeypatch):
    """flush and close share the timeout, and report how many records are left."""
    reported = []
    is_over = threading.Event()

    class Hanging(Target):
        def emit(self, record):
            is_over.wait(20)

    handler = client.QueueProxyHandler(queue.Queue(), target=Hanging, keep=[], closeTimeout=0.2)
    monkeypatch.setattr(handler, 'handleError', lambda record: reported.append(sys.exc_info()[1]))
    for number in range(10):
        handler.handle(logging.makeLogRecord({'msg': str(number)}))
    handler.flush()
    monkeypatch.setattr(handler, '_close_timeout', 3600)
    handler.close()
    is_over.set()
    assert ['9 records were left after 3600 s'] == [str(error) for error in reported]


def test_a_second_close_waits_for_the_first():
    """The end of a process and its SIGTERM may both close; the first to return ends the process."""
    keep: list[logging.LogRecord] = []
    is_emitting, may_go_on = threading.Event(), threading.Event()

    class Slow(Target):
        def emit(self, record):
            is_emitting.set()
            may_go_on.wait(20)
            super().emit(record)

    handler = client.QueueProxyHandler(queue.Queue(), target=Slow, keep=keep)
    handler.handle(logging.makeLogRecord({'msg': 'one'}))
    assert is_emitting.wait(20)
    first = threading.Thread(target=handler.close)
    first.start()
    while not handler._is_closed:
        time.sleep(0.001)
    threading.Timer(0.2, may_go_on.set).start()
    handler.close()
    assert [1, True] == [len(keep), handler.target.is_closed]
    first.join()


def test_an_invalid_queue_is_refused():
    """The error is raised when the handler is created, before the target is created."""
    made: list = []
    with pytest.raises(ValueError, match='queue: expected one with put_nowait, got 5'):
        client.QueueProxyHandler(5, target=made.append)
    assert not made


def test_a_former_argument_is_refused():
    """The message has the new name; else the target would refuse it."""
    with pytest.raises(TypeError, match=r'^closeJoinTimeout: .* closeTimeout now'):
        client.QueueProxyHandler(queue.Queue(), target=Target, keep=[], closeJoinTimeout=5)


def test_a_closed_handler_accepts_no_records():
    """A closed handler queues nothing, because nothing would read it."""
    records = queue.Queue()
    handler = client.QueueProxyHandler(records, target=Target, keep=[])
    handler.close()
    handler.handle(logging.makeLogRecord({'msg': 'late'}))
    assert records.empty()


@pytest.mark.parametrize('spec', [{'()': 'queue.Queue', 'maxsize': 5}, f'ext://{__name__}.QUEUE'])
def test_a_queue_can_be_declared(spec):
    """The queue is declared by a factory or by name; dictConfig of Python 3.12 converts queues."""
    KEPT.clear()
    handlers = {
        'proxy': {
            'class': 'chronologer.client.QueueProxyHandler',
            'queue': spec,
            'target': Target,
            'keep': f'ext://{__name__}.KEPT',
        }
    }
    loggers = {'declared': {'handlers': ['proxy'], 'level': 'INFO', 'propagate': False}}
    logging.config.dictConfig(
        {'version': 1, 'disable_existing_loggers': False, 'handlers': handlers, 'loggers': loggers}
    )
    logger = logging.getLogger('declared')
    logger.info('hello')
    (handler,) = logger.handlers
    logger.removeHandler(handler)
    handler.close()
    assert ['hello'] == [record.getMessage() for record in KEPT]


QUEUE: queue.Queue = queue.Queue()
KEPT: list[logging.LogRecord] = []


def test_a_queue_of_multiprocessing():
    """Tracebacks, and arguments and extras that cannot be pickled, arrive as text."""
    keep: list[logging.LogRecord] = []
    handler = client.QueueProxyHandler(multiprocessing.Queue(), target=Target, keep=keep)
    logger = logging.Logger('a')
    logger.addHandler(handler)
    try:
        raise ValueError('bad')
    except ValueError:
        logger.exception('failed %d', 1)
    lock = threading.Lock()
    logger.info('%s', lock, extra={'x': lock, 'y': 1})
    handler.close()
    failed, odd = keep
    assert ('failed %d', (1,)) == (failed.msg, failed.args)
    assert failed.exc_text.endswith('ValueError: bad')
    assert (str(lock), repr(lock), 1) == (odd.getMessage(), odd.x, odd.y)


class HttpError(Exception):
    """An exception as many libraries have them: it can be pickled, but not unpickled."""

    def __init__(self, status, reason):
        super().__init__(f'{status} {reason}')


class Detached:
    """An object that can neither be pickled nor printed."""

    def __init__(self):
        self.lock = threading.Lock()

    def __repr__(self):
        raise RuntimeError('no')


class Unprintable(Exception):
    """An exception whose traceback cannot be formatted."""

    @property
    def __cause__(self):
        raise RuntimeError('no')


class Foreign:
    """An object that only another process can unpickle."""

    def __reduce__(self):
        return _fail_elsewhere, (os.getpid(), threading.get_native_id())


def _fail_elsewhere(*origin):
    if origin != (os.getpid(), threading.get_native_id()):
        raise AttributeError('no such class here')
    return Foreign()


@contextmanager
def logging_to_queue(records, **kwargs):
    """Yield a logger, and the list of what arrives after it has been handed to a queue."""
    keep: list[logging.LogRecord] = []
    handler = client.QueueProxyHandler(records, target=Target, keep=keep, **kwargs)
    logger = logging.Logger('a')
    logger.addHandler(handler)
    logger.handler = handler
    yield logger, keep
    handler.close()


@pytest.fixture(params=['Queue', 'JoinableQueue', 'Manager'])
def between(request):
    """A queue between processes."""
    if request.param != 'Manager':
        yield getattr(multiprocessing, request.param)()
        return
    with multiprocessing.get_context('spawn').Manager() as manager:
        yield manager.Queue()


@pytest.mark.parametrize(
    ('args', 'extra', 'message', 'value'),
    [
        ((HttpError(503, 'away'),), {}, 'failed: 503 away', None),
        ((1,), {'x': HttpError(503, 'away')}, 'failed: 1', "HttpError('503 away')"),
        ((1,), {'x': [{'y': HttpError(503, 'away'), 'n': 1}]}, 'failed: 1',
         [{'y': "HttpError('503 away')", 'n': 1}]),
        ((1,), {'x': Detached()}, 'failed: 1', '<Detached, whose repr raises RuntimeError>'),
        ((Detached(),), {}, 'failed: %s', None),
    ],
    ids=['argument', 'extra', 'inside', 'unprintable', 'unprintable argument'],
)  # fmt: skip
def test_values_that_cannot_be_pickled_and_unpickled(between, args, extra, message, value):
    """The record arrives with the form that JSON would have; so do those after it."""
    with logging_to_queue(between) as (logger, keep):
        logger.info('failed: %s', *args, extra=extra)
        logger.info('after')
    assert [message, 'after'] == [record.getMessage() for record in keep]
    assert value == getattr(keep[0], 'x', None)


def test_values_that_only_this_process_can_unpickle(monkeypatch):
    """The listener reports that a record is lost, and goes on."""
    reported = []
    records = multiprocessing.JoinableQueue()
    with logging_to_queue(records) as (logger, keep):
        monkeypatch.setattr(
            logger.handler.target, 'handleError', lambda _: reported.append(sys.exc_info()[1])
        )
        logger.info('lost', extra={'x': Foreign()})
        logger.info('after')
        records.join()
    assert ['after'] == [record.getMessage() for record in keep]
    assert ['no such class here'] == [str(error) for error in reported]


def test_a_manager_that_cannot_unpickle_a_value():
    """It gets the record in a plain form."""
    with multiprocessing.get_context('spawn').Manager() as manager:
        with logging_to_queue(manager.Queue()) as (logger, keep):
            logger.info('%d', 7, extra={'x': Foreign()})
        assert [('%d', (7,))] == [(record.msg, record.args) for record in keep]
        assert '<' == keep[0].x[0]


def test_a_queue_that_is_gone(monkeypatch):
    """The thread ends some time after the manager, and reports it once."""
    monkeypatch.setattr(queue_proxy, 'MAX_FAILURES', 3)
    reported = []
    with multiprocessing.get_context('spawn').Manager() as manager:
        handler = client.QueueProxyHandler(manager.Queue(), target=Target, keep=[])
        handler.target.handleError = reported.append
    handler._listener._thread.join(20)
    assert not handler._listener._thread.is_alive()
    assert ['no records can be taken out of the queue'] == [record.msg for record in reported]


def test_records_of_a_local_class():
    """A record class of the program that cannot be pickled becomes a usual record."""

    class Record(logging.LogRecord):
        pass

    with logging_to_queue(multiprocessing.Queue()) as (logger, keep):
        logger.handle(Record('a', logging.INFO, '', 1, '%s', ('one',), None))
    assert [('one', logging.LogRecord)] == [(record.getMessage(), type(record)) for record in keep]


@pytest.mark.parametrize('kind', [queue.Queue, multiprocessing.Queue])
def test_an_exception_without_a_traceback(kind):
    """The record arrives, with the type of the exception."""
    with logging_to_queue(kind()) as (logger, keep):
        try:
            raise Unprintable
        except Unprintable:
            logger.exception('failed')
    assert ['Unprintable (RuntimeError: no traceback)'] == [record.exc_text for record in keep]


def test_workers_that_are_terminated():
    """The workers of a pool write all their records into a queue that leads to the parent."""
    code = (
        'import logging, multiprocessing\n'
        'from chronologer.client import QueueProxyHandler\n'
        'class Target(logging.Handler):\n'
        '    def emit(self, record):\n'
        '        print(record.getMessage())\n'
        'def work(number):\n'
        '    for n in range(200):\n'
        '        logging.info("%d", number * 200 + n)\n'
        'context = multiprocessing.get_context("fork")\n'
        'handler = QueueProxyHandler(context.Queue(), target=Target)\n'
        'logging.basicConfig(level=logging.INFO, handlers=[handler])\n'
        'with context.Pool(2) as pool:\n'
        '    pool.map(work, range(10))\n'
    )
    command = [sys.executable, '-W', 'ignore', '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ('', 0) == (done.stderr, done.returncode)
    assert list(range(2000)) == sorted(map(int, done.stdout.split()))


def test_a_target_may_raise():
    """The target may raise in emit and in handleError; the thread continues."""
    keep: list[logging.LogRecord] = []
    handler = client.QueueProxyHandler(queue.Queue(), target=Target, keep=keep)

    def fail(record):
        raise ValueError

    handler.target.handleError = fail
    handler.target.addFilter(lambda record: fail(record) if record.msg == 'bad' else True)
    for text in ('bad', 'good'):
        handler.handle(logging.makeLogRecord({'msg': text}))
    handler.close()
    assert ['good'] == [record.msg for record in keep]


def test_the_client_needs_only_the_standard_library():
    """Importing the client imports neither modules of the server nor third-party packages."""
    code = (
        'import sys\nbefore = set(sys.modules)\nimport chronologer.client\n'
        'new = set(sys.modules) - before\n'
        'print(sorted({name.partition(".")[0] for name in new} - sys.stdlib_module_names),'
        ' {".".join(name.split(".")[:2]) for name in new if name.startswith("chronologer.")})'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert "['chronologer'] {'chronologer.client'}\n" == done.stdout
