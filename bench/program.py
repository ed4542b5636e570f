"""
A program that logs through one handler; ``client.py`` runs it in a separate process.

It needs only the standard library and ``chronologer.client``, so that the original's interpreter
can run it with the original's client. The last line of its output has the results as JSON.
"""

import json
import logging
import logging.handlers
import os
import queue
import random
import resource
import statistics
import sys
import time
from pathlib import Path

PACED, PACE = 1000, 250  # calls, calls per second: fewer than HTTPHandler can post
ORDER = 'Order %d of %s'
PAID = 'Order %d of user %d was paid by card %08x within %d ms by worker %d'  # about 70 characters


def main() -> None:
    """Run one of the measurements: ``program.py calls|rate|memory HANDLER HOST COUNT``."""
    kind, name, host, count = sys.argv[1:]
    handler = make_handler(name, host)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    measure = {'calls': calls, 'rate': rate, 'memory': memory}[kind]
    print(json.dumps(measure(handler, int(count))), flush=True)
    os._exit(0)  # without sending queued records


def make_handler(name: str, host: str) -> logging.Handler:
    """Return the handler of that name, with a typical configuration."""
    credentials = ('logger', '')
    http = {'host': host, 'url': '/api/v1/record', 'method': 'POST', 'credentials': credentials}
    if name == 'null':
        return logging.NullHandler()
    if name == 'file':
        file = logging.FileHandler('program.log')
        file.setFormatter(logging.Formatter('%(asctime)s %(levelname)s %(name)s: %(message)s'))
        return file
    if name == 'http':
        return logging.handlers.HTTPHandler(**http)
    if name.startswith('queue'):
        handler = logging.handlers.QueueHandler(queue.Queue())
        if name != 'queue without listener':
            target = logging.handlers.HTTPHandler(**http)
            logging.handlers.QueueListener(handler.queue, target).start()
        return handler

    from chronologer import client

    if name == 'proxy':
        return client.QueueProxyHandler(queue.Queue(), logging.handlers.HTTPHandler, **http)
    if name == 'batch':
        return client.BatchJsonHandler(host, credentials=credentials)
    original, capacity, maxsize = name.split()  # the values of its README, except these two
    assert original == 'original'
    return client.QueueProxyHandler(
        queue.Queue(int(maxsize)), client.BatchJsonHandler, capacity=int(capacity), host=host,
        url=http['url'], credentials=credentials, flushLevel='ERROR', flushTimeout=30,
    )  # fmt: skip


def calls(handler: logging.Handler, count: int) -> dict[str, float]:
    """Return the microseconds of a call: at a fixed pace, and *count* calls as fast as possible."""
    log = logging.getLogger('shop.orders')
    clock = time.perf_counter
    paced, burst = [], []
    due = clock()
    for n in range(PACED):
        due += 1 / PACE
        time.sleep(max(due - clock(), 0))
        started = clock()
        log.info(ORDER, n, 'bob', extra={'order': n, 'user': 'bob'})
        paced.append(clock() - started)
    for n in range(count):
        started = clock()
        log.info(ORDER, n, 'bob', extra={'order': n, 'user': 'bob'})
        burst.append(clock() - started)
    figures = {'burst mean': statistics.mean(burst) * 1e6}
    for title, times in (('paced', paced), ('burst', burst)):
        quantiles = statistics.quantiles(times, n=100)
        figures[f'{title} p50'], figures[f'{title} p99'] = quantiles[49] * 1e6, quantiles[98] * 1e6
    return figures


def rate(handler: logging.Handler, count: int) -> dict[str, float]:
    """Return the seconds until *count* records are sent, and the CPU seconds."""
    log = logging.getLogger('shop.orders')
    used, started = cpu_seconds(), time.perf_counter()
    for n in range(count):
        log.info(ORDER, n, 'bob', extra={'order': n, 'user': 'bob'})
    logging.shutdown()
    return {'seconds': time.perf_counter() - started, 'cpu': cpu_seconds() - used}


def memory(handler: logging.Handler, count: int) -> dict[str, float]:
    """Return the MB that *count* unsent records occupy, and how many of them are kept."""
    log = logging.getLogger('shop.orders')
    chance = random.Random(387)
    before = resident()
    for n in range(count):
        user, card = chance.randrange(5000), chance.getrandbits(32)
        extra = {'order': n, 'user': f'user{user}', 'request': f'{chance.getrandbits(64):016x}'}
        log.info(PAID, n, user, card, chance.randrange(2000), chance.randrange(8), extra=extra)
    after = resident()
    time.sleep(2)  # the client compresses them later
    figures = {'MB': after - before, 'MB 2 s later': resident() - before}
    if hasattr(handler, 'counters'):
        counters = handler.counters
        assert counters.dropped == 0, counters
        return {**figures, 'records kept': counters.waiting}
    return {**figures, 'records kept': handler.queue.qsize()}


def cpu_seconds() -> float:
    """Return the CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> float:
    """Return the resident memory of this process in MB."""
    status = Path('/proc/self/status').read_text()
    return int(status.partition('VmRSS:')[2].split()[0]) / 1024


if __name__ == '__main__':
    main()
