"""
The cost of logging for a program, with our client, the original's and the standard library's.

Each measurement is a separate program, ``program.py``, with a new server; see README.rst.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

from bench.peer import PYTHON, Peer, install
from bench.quiet import undisturbed
from test.servers.chronologer import AUTHORIZATION, Server, free_port

ROUNDS = 5  # the result is their median
BURST = 5000  # calls as fast as possible
RECORDS = 50_000  # of one run until they are stored
POSTS = 1500  # like RECORDS, by HTTPHandler
WAITING = 100_000  # records while the server is unavailable
TIMEOUT = 300  # seconds of one program
ROOT = Path(__file__).parent.parent

OURS, HTTP = 'ours: BatchJsonHandler', 'HTTPHandler'
ORIGINAL = "original's, as in its README"
RATIO = dict.fromkeys(('paced p50', 'burst mean', 'records/s', 'CPU s/million', 'MB'), '   ratio')
Figures = dict[str, float]

# Title -> handler of program.py.
CALLS = {
    'NullHandler: logging itself': 'null',
    'FileHandler': 'file',
    HTTP: 'http',
    'QueueHandler and HTTPHandler': 'queue',
    'ours: QueueProxyHandler and HTTPHandler': 'proxy',
    OURS: 'batch',
    ORIGINAL: 'original 128 10000',
}
# Title -> handler, records, server.
RATES = {
    HTTP: ('http', POSTS, 'ours'),
    ORIGINAL: ('original 128 10000', RECORDS, 'ours'),
    "original's, unbounded queue": ('original 128 0', RECORDS, 'ours'),
    "original's, unbounded, capacity 1,000": ('original 1000 0', RECORDS, 'ours'),
    OURS: ('batch', RECORDS, 'ours'),
    "original's, unbounded; its server": ('original 128 0', RECORDS, 'original'),
    "original's, capacity 1,000; its server": ('original 1000 0', RECORDS, 'original'),
}
MEMORY = {
    'QueueHandler, unbounded, no listener': 'queue without listener',
    "original's, unbounded queue": 'original 128 0',
    OURS: 'batch',
}


def main() -> None:
    """Print the tables; the argument is the number of rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    install()
    columns = ('paced p50', 'paced p99', 'burst p50', 'burst p99', 'burst mean')
    print_table('a call, µs', columns, medians(rounds, CALLS, calls))
    columns = ('records/s', 'CPU s/million', 'lost, %')
    print_table('until stored', columns, medians(rounds, RATES, rate))
    columns = ('MB', 'MB 2 s later', 'records kept')
    for kind, measure in (('no server', refused), ('no answer', unanswered)):
        print_table(f'{WAITING:,} records, {kind}', columns, medians(rounds, MEMORY, measure))


def medians(rounds: int, cases: dict, measure: Callable[..., Figures]) -> dict[str, Figures]:
    """Measure all cases in each round, and return the median of each figure."""
    runs: dict[str, list[Figures]] = {title: [] for title in cases}
    for _ in range(rounds):
        for title, case in cases.items():
            case = [case] if isinstance(case, str) else case
            runs[title].append(undisturbed(partial(measure, *case)))
    return {
        title: {name: statistics.median(run[name] for run in some) for name in some[0]}
        for title, some in runs.items()
    }


def calls(name: str) -> Figures:
    """Measure the duration of a call."""
    with serving('ours') as host:
        return run('calls', name, host, BURST)


def rate(name: str, count: int, server: str) -> Figures:
    """Measure the rate of stored records; only the original's bounded queue may lose some."""
    with serving(server) as host:
        figures = run('rate', name, host, count)
        stored = stored_at(host)
    if stored != count and not name.endswith('10000'):
        raise RuntimeError(f'{name}: {stored:,} of {count:,} records stored')
    return {
        'records/s': stored / figures['seconds'],
        'CPU s/million': figures['cpu'] / count * 1e6,
        'lost, %': (count - stored) / count * 100,
    }


def refused(name: str) -> Figures:
    """Measure the memory of waiting records without a server; our client logs one more."""
    return memory(name, f'127.0.0.1:{free_port()}', notices=1)


def unanswered(name: str) -> Figures:
    """Measure the memory of waiting records if the server accepts requests and never answers."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return memory(name, f'127.0.0.1:{listener.getsockname()[1]}', notices=0)


def memory(name: str, host: str, notices: int) -> Figures:
    """Measure the memory of waiting records; our client may lose none."""
    figures = run('memory', name, host, WAITING)
    if name == 'batch' and figures['records kept'] != WAITING + notices:
        raise RuntimeError(f'{figures["records kept"]:,} records kept')
    return figures


def run(kind: str, name: str, host: str, count: int) -> Figures:
    """Run ``program.py`` with our client, or with the original's."""
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    if not name.startswith('original'):
        environment['PYTHONPATH'] = str(ROOT)
    python = PYTHON if name.startswith('original') else sys.executable
    command = [python, ROOT / 'bench/program.py', kind, name, host, str(count)]
    with tempfile.TemporaryDirectory() as cwd, open(f'{cwd}/errors', 'w+b') as errors:
        program = subprocess.run(
            command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=errors,
            timeout=TIMEOUT,
        )  # fmt: skip
        if program.returncode:
            errors.seek(0)
            raise RuntimeError(f'{kind}, {name}: {errors.read()[-2000:].decode()}')
    return json.loads(program.stdout.splitlines()[-1])


@contextmanager
def serving(server: str) -> Iterator[str]:
    """Yield the address of a new server with an empty SQLite file."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        made = Server(path) if server == 'ours' else Peer(f'sqlite:///{path}/original.sqlite', [])
        with made:
            yield made.host


def stored_at(host: str) -> int:
    """Return the number of records of the program on a server."""
    connection = HTTPConnection(host, timeout=30)
    connection.request('HEAD', '/api/v1/record?name=shop', headers=AUTHORIZATION)
    response = connection.getresponse()
    connection.close()
    return int(response.headers['X-Record-Count'])


def print_table(title: str, columns: tuple[str, ...], results: dict[str, Figures]) -> None:
    """Print a line for each case; a ratio above 1 means that ours is better."""
    print(f'{title:40}' + ''.join(f'{name:>14}' + RATIO.get(name, '') for name in columns))
    for case, figures in results.items():
        line = f'{case:40}'
        for name in columns:
            line += f'{figures[name]:14,.1f}'
            if name in RATIO:
                ours, theirs = results[OURS][name], figures[name]
                ratio = ours / theirs if name == 'records/s' else theirs / ours
                line += f'{ratio:8.1f}'
        print(line)
    print(flush=True)


if __name__ == '__main__':
    main()
