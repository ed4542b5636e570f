"""
Programs that log and end, each in its own way: ``programs.py NAME HOST DIRECTORY``.

Standard library only, for any Python that the client supports. Each logs `COUNT` records for each
of the names that `PROGRAMS` has for it, ``NAME 0``, ``NAME 1``, …
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
    """Ends without a word to the handler."""
    log_some('main')


def exits():
    """Ends by SystemExit, while another thread goes on."""
    threading.Thread(target=time.sleep, args=[TIMEOUT], daemon=True).start()
    log_some('main')
    sys.exit(0)


def late():
    """Logs first when the interpreter is about to end, when no thread may be started."""
    atexit.register(log_some, 'main')


def terminated():
    """Ends by a signal that it turns into SystemExit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    log_some('main')
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(TIMEOUT)


def forked():
    """Forks with records that wait; parent and child go on to log."""
    log_some('before')
    child = os.fork()
    log_some('child' if child == 0 else 'parent')
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(status != 0)


def forked_while_locked():
    """Forks again and again while other threads log, and hold locks."""
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
    """A process, a pool and an executor of multiprocessing; nobody flushes."""

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
        # Python 3.8's has no idle workers to wait for; each of these has one task.
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            executor.submit(in_child, 'executor').result(TIMEOUT)

    return run


def in_child(name):
    """Log in another process, which has to be set up if it did not inherit that."""
    if not logger.handlers:
        set_up(*os.environ['PROGRAM'].split())
    log_some(name)


def configured_again():
    """Replaces its handlers; those replaced send what they have."""
    log_some('before')
    logging.config.dictConfig({'version': 1, 'disable_existing_loggers': False})
    logger.handlers[:] = []
    set_up(*sys.argv[2:])
    log_some('after')


def declared():
    """Set up by dictConfig, with a queue that it describes, and with both handlers."""
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
    """Lets those records through that begin with a text."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def filter(self, record):
        return record.getMessage().startswith(self.text)


def content():
    """Logs what is not so usual; as much of it as this Python has."""
    logger.info('%s is %d', 'x', 5, extra={'tags': ['a', {'b': 1.5}], 'who': {'bob'}, 'none': None})
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
    """Give the logger its handler."""
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
    'declared': (declared, ['batch', 'queue']),
    'configured_again': (configured_again, ['before', 'after']),
}

if __name__ == '__main__':
    # Python 3.12 warns of a fork in a process that has threads, which is what is tried here.
    warnings.filterwarnings('ignore', 'This process', DeprecationWarning)
    os.environ['PROGRAM'] = ' '.join(sys.argv[2:])
    set_up(*sys.argv[2:])
    if sys.argv[1] == 'content':
        content()
    else:
        PROGRAMS[sys.argv[1]][0]()
