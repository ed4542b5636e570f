"""
Programs that log and end in different ways: ``programs.py NAME HOST DIRECTORY``.

They need only the standard library, and run on any Python that the client supports. Each logs
`COUNT` records for each of its names in `PROGRAMS`: ``NAME 0``, ``NAME 1``, …
"""

import atexit
import logging
import logging.config
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

from chronologer.client import BatchJsonHandler, QueueProxyHandler

COUNT = 50
TIMEOUT = 30  # seconds for a child process

logger = logging.getLogger('program')


def log_some(name):
    """Log the records of one name."""
    for number in range(COUNT):
        logger.info('%s %d', name, number)
    return os.getpid()


def plain():
    """End without closing the handler."""
    log_some('main')


def exits():
    """End by SystemExit while a daemon thread is running."""
    threading.Thread(target=time.sleep, args=[TIMEOUT], daemon=True).start()
    log_some('main')
    sys.exit(0)


def late():
    """Log first while the interpreter exits, when no thread can be started."""
    atexit.register(log_some, 'main')


def terminated():
    """End by a signal that is turned into SystemExit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    log_some('main')
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(TIMEOUT)


def forked():
    """Fork with unsent records; then parent and child log."""
    log_some('before')
    child = os.fork()
    log_some('child' if child == 0 else 'parent')
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(status != 0)


def forked_while_locked():
    """Fork repeatedly while other threads log and hold locks."""
    is_over = threading.Event()

    def chatter():
        while not is_over.is_set():
            logger.debug('chatter')

    threads = [threading.Thread(target=chatter) for _ in range(4)]
    for thread in threads:
        thread.start()
    children = []
    for number in range(10):
        child = os.fork()
        if child == 0:
            is_over.set()
            log_some(f'child{number}')
            for handler in logger.handlers:
                handler.close()
            os._exit(0)
        children.append(child)
        time.sleep(0.02)
    is_over.set()
    for thread in threads:
        thread.join()
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))


def processes(method):
    """Return a program that logs in a Process, a Pool and an executor, without flushing."""

    def run():
        context = multiprocessing.get_context(method)
        log_some('parent')
        process = context.Process(target=in_child, args=('process',))
        process.start()
        process.join(TIMEOUT)
        assert process.exitcode == 0
        pool = context.Pool(1)
        pool.map(in_child, ['pool'])
        pool.close()
        pool.join()
        # The executor of Python 3.8 does not wait for idle workers; each of these has one task.
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            executor.submit(in_child, 'executor').result(TIMEOUT)

    return run


def terminated_pool(method):
    """Return a program that terminates the workers of a pool, as ``with`` does."""

    def run():
        log_some('parent')
        with multiprocessing.get_context(method).Pool(1) as pool:
            pool.map(in_child, ['pool'])

    return run


def in_child(name):
    """Log in a child process, and set up the handler if it was not inherited."""
    if not logger.handlers:
        set_up(*os.environ['PROGRAM'].split())
    log_some(name)


def configured_again():
    """Replace the handlers; the old one sends its records."""
    log_some('before')
    logging.config.dictConfig({'version': 1, 'disable_existing_loggers': False})
    logger.handlers[:] = []
    set_up(*sys.argv[2:])
    log_some('after')


def declared():
    """Set up both handlers, and the queue, by dictConfig."""
    logger.handlers[:] = []
    batch = {'host': sys.argv[2], 'credentials': ['logger', ''], 'flushLevel': 'CRITICAL'}
    handlers = {
        'batch': {'class': 'chronologer.client.BatchJsonHandler', **batch, 'prefix': 'batch'},
        'queue': {
            'class': 'chronologer.client.QueueProxyHandler',
            'queue': {'()': 'queue.Queue', 'maxsize': 1000},
            'target': 'ext://chronologer.client.BatchJsonHandler',
            'prefix': 'queue',
            **batch,
        },
    }
    for name in ('batch', 'queue'):
        handlers[name]['filters'] = [name]
    filters = {name: {'()': Beginning, 'text': name} for name in handlers}
    loggers = {'program': {'handlers': list(handlers), 'level': 'INFO', 'propagate': False}}
    logging.config.dictConfig(
        {
            'version': 1,
            'disable_existing_loggers': False,
            'filters': filters,
            'handlers': handlers,
            'loggers': loggers,
        }
    )
    log_some('batch')
    log_some('queue')


class Beginning(logging.Filter):
    """Passes records whose message begins with *text*."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def filter(self, record):
        return record.getMessage().startswith(self.text)


def content():
    """Log unusual content, as far as this Python supports it."""
    logger.info(
        '%s is %d', 'x', 5, extra={'tags': ['a', {'b': 1.5}], 'user': {'bob'}, 'none': None}
    )
    try:
        try:
            raise KeyError('inner')
        except KeyError as ex:
            raise ValueError('outer \ud800') from ex
    except ValueError as ex:
        if sys.version_info >= (3, 11):
            ex.add_note('a note')
        logger.exception('failed', stack_info=True)


def set_up(host, directory, kind='batch'):
    """Add the handler to the logger."""
    logger.setLevel(logging.INFO)
    logger.propagate = False
    options = {'credentials': ('logger', ''), 'flushTimeout': 60, 'capacity': 30}
    if kind == 'queue':
        import queue

        handler = QueueProxyHandler(queue.Queue(), BatchJsonHandler, host=host, **options)
    elif kind == 'hurried':
        handler = BatchJsonHandler(host, closeTimeout=0.5, **options)
    elif kind == 'spool':
        handler = BatchJsonHandler(host, spool=directory, **options)
    else:
        handler = BatchJsonHandler(host, **options)
    logger.addHandler(handler)


PROGRAMS = {
    'plain': (plain, ['main']),
    'exits': (exits, ['main']),
    'late': (late, ['main']),
    'terminated': (terminated, ['main']),
    'forked': (forked, ['before', 'child', 'parent']),
    'forked_while_locked': (forked_while_locked, [f'child{number}' for number in range(10)]),
    'fork': (processes('fork'), ['parent', 'process', 'pool', 'executor']),
    'spawn': (processes('spawn'), ['parent', 'process', 'pool', 'executor']),
    'forkserver': (processes('forkserver'), ['parent', 'process', 'pool', 'executor']),
    'fork_terminated': (terminated_pool('fork'), ['parent', 'pool']),
    'spawn_terminated': (terminated_pool('spawn'), ['parent', 'pool']),
    'forkserver_terminated': (terminated_pool('forkserver'), ['parent', 'pool']),
    'declared': (declared, ['batch', 'queue']),
    'configured_again': (configured_again, ['before', 'after']),
}

if __name__ == '__main__':
    # Python 3.12 warns of forks in processes with threads, which these programs test.
    warnings.filterwarnings('ignore', 'This process', DeprecationWarning)
    os.environ['PROGRAM'] = ' '.join(sys.argv[2:])
    set_up(*sys.argv[2:])
    if sys.argv[1] == 'content':
        content()
    else:
        PROGRAMS[sys.argv[1]][0]()
