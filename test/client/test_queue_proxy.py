"""The handler that lets another one work in a thread of its own."""

import logging
import logging.config
import logging.handlers
import multiprocessing
import queue
import subprocess
import sys
import threading
import time

import pytest

from chronologer import client


class Target(logging.Handler):
    """Keeps what it is given."""

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
    """In order, with what they said when they were logged."""
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
    """Logging never waits; handleError says that something was lost."""
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
    """The program ends when all of it was sent."""
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
    """The end of the program closes first what was made last; the target may log meanwhile."""
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
    """Frames are gone by the time that the target sees the record."""
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
    """Until it has what was queued; then it is flushed itself."""

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


def test_flush_and_close_of_a_target_that_hangs(monkeypatch):
    """Wait once, and say how much is left."""
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


def test_a_queue_that_cannot_be_used_is_refused():
    """When the handler is made; no target is made then."""
    made: list = []
    with pytest.raises(ValueError, match='queue: expected one with put_nowait, got 5'):
        client.QueueProxyHandler(5, target=made.append)
    assert not made


def test_a_closed_handler_takes_nothing():
    """Nobody would see it."""
    records = queue.Queue()
    handler = client.QueueProxyHandler(records, target=Target, keep=[])
    handler.close()
    handler.handle(logging.makeLogRecord({'msg': 'late'}))
    assert records.empty()


@pytest.mark.parametrize(
    'spec', [{'()': 'queue.Queue', 'maxsize': 5}, 'ext://test.client.test_queue_proxy.QUEUE']
)
def test_a_queue_can_be_declared(spec):
    """By factory or by name; dictConfig of Python 3.12 has its own way with queues."""
    KEPT.clear()
    handlers = {
        'proxy': {
            'class': 'chronologer.client.QueueProxyHandler',
            'queue': spec,
            'target': Target,
            'keep': 'ext://test.client.test_queue_proxy.KEPT',
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
    """Tracebacks, arguments and extras that cannot be pickled arrive as text."""
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


def test_a_target_may_raise():
    """Itself and when it reports that; the thread goes on."""
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


def test_it_needs_the_standard_library_only():
    """Importing it imports nothing of the server, and nothing that is not in Python."""
    code = (
        'import sys\nbefore = set(sys.modules)\nimport chronologer.client\n'
        'new = set(sys.modules) - before\n'
        'print(sorted({name.partition(".")[0] for name in new} - sys.stdlib_module_names),'
        ' {".".join(name.split(".")[:2]) for name in new if name.startswith("chronologer.")})'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert "['chronologer'] {'chronologer.client'}\n" == done.stdout
