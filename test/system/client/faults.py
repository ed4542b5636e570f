"""
Counts of lost and duplicate records when programs, servers and connections fail.

``python -m test.system.client.faults`` prints the table for a real server. The tests assert that no
record was duplicated, and that no safe one was lost.
"""

import json
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from test.servers.chronologer import Server

ROOT = Path(__file__).parents[3]
TIMEOUT = 180  # seconds for a program to reach a count, or to end

PROGRAM = """
import logging, os, sys, time
from chronologer.client import BatchJsonHandler
host, name, count, seconds, spool = sys.argv[1:]
handler = BatchJsonHandler(host, credentials=('logger', ''), capacity=50, flushTimeout=0.05,
                           closeTimeout=90, spool=spool or None)
logger = logging.getLogger(name)
logger.addHandler(handler)
logger.setLevel(logging.INFO)
for number in range(int(count)):
    logger.info('%s %d', name, number)
    if number % 20 == 19:
        # Records that are no longer in memory are stored or on disk.
        print(number + 1 - handler.counters.waiting, flush=True)
        time.sleep(20 * float(seconds) / int(count))
    if number % 200 == 199 and 'fork' in name and os.fork() == 0:
        for inner in range(20):
            logger.info('%s %d.%d', name, number, inner)
        sys.exit()
handler.close()
print(int(count) - handler.counters.dropped, flush=True)
while 'fork' in name:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


class Outcome(NamedTuple):
    """Numbers of records."""

    planned: int  # a program that is killed logs fewer
    safe: int  # stored or on disk before the program ended: they must arrive
    arrived: int
    lost: int  # of the safe ones
    duplicate: int


class Program:
    """A program that logs *count* records in *seconds*, or fewer if it is killed."""

    def __init__(self, host: str, name: str, count: int, seconds: float, spool: object = ''):
        self._name, self._count = name, count
        self.process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM, host, name, str(count), str(seconds), str(spool)],
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the client reports each outage
            text=True,
        )
        self._safe = 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._changed:
                    self._safe = max(self._safe, int(line))
                    self._changed.notify_all()

    def reach(self, count: int) -> None:
        """Wait until *count* records are stored or on disk."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._safe >= count, TIMEOUT)

    def safe(self) -> set[str]:
        """Wait for the end and return the messages that were stored or on disk before it."""
        self.process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        return {f'{self._name} {number}' for number in range(self._safe)}

    def forked(self) -> set[str]:
        """Return the messages of its children."""
        return {
            f'{self._name} {number}.{inner}'
            for number in range(199, self._count, 200)
            for inner in range(20)
        }


def arrived(server: Server) -> Counter[str]:
    """Return the count of each message of the programs on the server."""
    answer = server.request('GET', '/api/v1/export?name=program&fields=meta.lineno')
    return Counter(json.loads(line)['message'] for line in answer.data.splitlines())


def compare(server: Server, planned: int, safe: set[str]) -> Outcome:
    """Compare the records on the server with the safe ones."""
    counts = arrived(server)
    duplicate = sum(count - 1 for count in counts.values())
    return Outcome(planned, len(safe), len(counts), len(safe - set(counts)), duplicate)


def pause(rng: random.Random, least: float, most: float) -> None:
    """Wait for a random time, to vary the time of the faults; the outcome must not depend on it."""
    time.sleep(rng.uniform(least, most))


def killed_server(server: Server, spool: Path, rng: random.Random) -> Outcome:
    """The server is killed and started again five times; the program has no spool."""
    program = Program(server.host, 'program', 3000, 4.0)
    for _ in range(5):
        pause(rng, 0.2, 0.6)
        server.kill()
        pause(rng, 0.0, 0.3)
        server.start()
    return compare(server, 3000, program.safe())


def stopped_server(server: Server, spool: Path, rng: random.Random) -> Outcome:
    """The server is stopped and started again three times; the program has no spool."""
    program = Program(server.host, 'program', 3000, 3.0)
    for _ in range(3):
        pause(rng, 0.2, 0.6)
        server.__exit__(None)
        server.start()
    return compare(server, 3000, program.safe())


def killed_program(server: Server, spool: Path, rng: random.Random) -> Outcome:
    """The program is killed eight times, and then runs to its end."""
    safe: set[str] = set()
    for run in range(8):
        program = Program(server.host, f'program.{run}', 3000, 1.0, spool)
        program.reach(rng.randint(200, 2000))
        program.process.kill()
        safe |= program.safe()
    safe |= Program(server.host, 'program.last', 100, 0.1, spool).safe()
    return compare(server, 8 * 3000 + 100, safe)


def killed_both(server: Server, spool: Path, rng: random.Random) -> Outcome:
    """Program and server are killed independently."""
    safe: set[str] = set()
    for run in range(8):
        program = Program(server.host, f'program.{run}', 3000, 1.0, spool)
        program.reach(rng.randint(200, 1500))
        server.kill()
        pause(rng, 0.0, 0.4)
        if rng.random() < 0.5:
            server.start()
            pause(rng, 0.0, 0.3)
            program.process.kill()
        else:
            program.process.kill()
            server.start()
        safe |= program.safe()
    safe |= Program(server.host, 'program.last', 100, 1.0, spool).safe()
    drain(server, spool)
    return compare(server, 8 * 3000 + 100, safe)


def drain(server: Server, spool: Path) -> None:
    """Run programs until nothing is on disk."""
    for _ in range(20):
        if not list(spool.glob('*.gz')):
            return
        Program(server.host, 'drain', 20, 0.5, spool).safe()
    raise AssertionError(f'left in the spool: {list(spool.iterdir())}')


def cut_connections(server: Server, spool: Path, rng: random.Random) -> Outcome:
    """A proxy cuts connections during requests and during answers."""
    with cutting_proxy(server.port, rng) as port:
        program = Program(f'127.0.0.1:{port}', 'program', 3000, 3.0)
        safe = program.safe()
    return compare(server, 3000, safe)


def forks(server: Server, spool: Path, rng: random.Random) -> Outcome:
    """The program forks 15 times under load, while the server is killed and started again."""
    program = Program(server.host, 'program.fork', 3000, 3.0, spool)
    for _ in range(3):
        pause(rng, 0.2, 0.6)
        server.kill()
        server.start()
    safe = program.safe() | program.forked()
    drain(server, spool)
    return compare(server, 3000 + len(program.forked()), safe)


def several_programs(server: Server, spool: Path, rng: random.Random) -> Outcome:
    """Four programs share a spool; the server is killed twice, and two of the programs once."""
    programs = [Program(server.host, f'program.{n}', 2000, 3.0, spool) for n in range(4)]
    for program in programs[:2]:
        pause(rng, 0.2, 0.6)
        server.kill()
        pause(rng, 0.1, 0.3)
        program.process.kill()
        server.start()
    safe = set().union(*(program.safe() for program in programs))
    drain(server, spool)
    return compare(server, 8000, safe)


@contextmanager
def cutting_proxy(port: int, rng: random.Random) -> Iterator[int]:
    """Yield the port of a proxy to *port* that cuts each connection after some bytes."""
    listener = socket.create_server(('127.0.0.1', 0))

    def serve() -> None:
        while True:
            with suppress(OSError):
                near, _ = listener.accept()
                far = socket.create_connection(('127.0.0.1', port))
                limit = rng.choice([100, 1500, 3000, 5000, 20_000])
                threading.Thread(target=forward, args=[near, far, limit], daemon=True).start()
                continue
            return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def forward(near: socket.socket, far: socket.socket, limit: int) -> None:
    """Forward *limit* bytes in either direction, then close both connections."""
    with near, far, suppress(OSError):
        while limit > 0:
            for source in select.select([near, far], [], [])[0]:
                data = source.recv(min(limit, 700))
                (far if source is near else near).sendall(data)
                limit -= len(data) if data else limit


SCENARIOS: list[Callable[[Server, Path, random.Random], Outcome]] = [
    killed_server, stopped_server, killed_program, killed_both, cut_connections, forks,
    several_programs,
]  # fmt: skip


def main() -> None:
    """Print the table."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    print(f'{"":20}' + ''.join(f'{name:>10}' for name in Outcome._fields))
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as name, Server(Path(name)) as server:
            outcome = scenario(server, Path(name) / 'spool', random.Random(seed))
        print(f'{scenario.__name__:20}' + ''.join(f'{count:10,}' for count in outcome))


if __name__ == '__main__':
    main()
