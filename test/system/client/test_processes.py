"""Ends and forks of programs, on every available Python version."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from threading import get_ident

import pytest

from test.servers.interpreters import VERSIONS, interpreters
from test.system.client.conftest import logging_to
from test.system.client.peer import Peer, answer
from test.system.client.programs import COUNT, PROGRAMS

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).parent / 'programs.py'
OF_ANY_HANDLER = [name for name in PROGRAMS if name != 'declared']
TIMEOUT = 60  # seconds; a program needs only a few
ENDLESS = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n'


@pytest.fixture(scope='session')
def pythons():
    """An executable of each version."""
    return interpreters()


@pytest.fixture(params=VERSIONS)
def python(request, pythons):
    """An executable of one version; a missing one is an error where everything is required."""
    if request.param not in pythons:
        (pytest.fail if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all' else pytest.skip)(
            f'Python {request.param} is missing'
        )
    return pythons[request.param]


def run(python: Path | str, *arguments: object) -> str:
    """Run a program to its end and return its standard error."""
    done = subprocess.run(
        [python, PROGRAM, *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONWARNINGS': 'default'},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert 0 == done.returncode, done.stderr
    return done.stderr


def status_of(process: multiprocessing.Process) -> int | None:
    """Wait for the end of a process, and return its status; None if it had to be killed."""
    process.join(TIMEOUT)
    status = process.exitcode
    process.kill()  # or the tests would wait for it at their end
    return status


def wanted(name: str) -> Counter:
    """Return the expected count of each message."""
    return Counter(f'{part} {number}' for part in PROGRAMS[name][1] for number in range(COUNT))


@pytest.mark.parametrize('name', PROGRAMS)
def test_every_record_arrives_once(python, name, tmp_path):
    """Records arrive once however the program ends, from each of its processes."""
    with Peer() as peer:
        assert '' == run(python, name, peer.host, tmp_path)
        assert wanted(name) == Counter(peer.messages)


def test_content_is_stored(python, tmp_path, server, request):
    """The content of records on a real server is the same from every Python."""
    first = server.count()
    assert '' == run(python, 'content', server.host, tmp_path)
    info, error = (
        server.get(f'record/{record["id"]}') for record in reversed(server.get('record?limit=2'))
    )
    assert first + 2 == server.count()
    assert ('x is 5', 'program', 20) == (info['message'], info['name'], info['level'])
    data = {'tags': ['a', {'b': 1.5}], 'user': "{'bob'}", 'none': None}
    assert data == info['logrec']['data']
    assert ['x', 5] == info['logrec']['meta']['args']
    assert 'content' == info['logrec']['meta']['funcName']
    structure = error['logrec']['error']['exc_info']
    assert ('ValueError', 'outer \\ud800') == (structure['type'], structure['message'])
    assert ("raise ValueError('outer \\ud800') from ex", 'content') == (
        structure['frames'][0]['source'], structure['frames'][0]['function'],
    )  # fmt: skip
    assert [('cause', 'KeyError', "'inner'")] == [
        (each['relation'], each['type'], each['message']) for each in structure['chain']
    ]
    version = tuple(map(int, request.node.callspec.params['python'].split('.')))
    assert (['a note'] if version >= (3, 11) else None) == structure.get('notes')
    text = error['logrec']['error']['exc_text']
    assert 'The above exception was the direct cause of the following exception' in text
    assert error['logrec']['meta']['stack_info'].startswith('Stack (most recent call last)')


@pytest.mark.parametrize('kind', ['queue', 'spool'])
@pytest.mark.parametrize('name', OF_ANY_HANDLER)
def test_with_a_queue_and_with_a_spool(name, kind, tmp_path):
    """Records arrive once also with a queue or with a spool."""
    with Peer() as peer:
        assert '' == run(sys.executable, name, peer.host, tmp_path, kind)
        assert wanted(name) == Counter(peer.messages)


@pytest.mark.parametrize('name', OF_ANY_HANDLER)
def test_with_an_unavailable_server(name, tmp_path):
    """Every program ends and leaves its records in the spool; the next program sends them."""
    with Peer(answer(503)) as peer:
        output = run(sys.executable, name, peer.host, tmp_path, 'spool')
        assert {'503 Said'} == {line.partition('wait: ')[2] for line in output.splitlines()}
        assert not peer.messages
        peer.answers = [None]
        assert '' == run(sys.executable, 'plain', peer.host, tmp_path, 'spool')
        assert wanted(name) + wanted('plain') == Counter(peer.messages)


@pytest.mark.parametrize('name', ['plain', 'exits', 'late', 'terminated'])
def test_with_a_server_that_does_not_answer(python, name, tmp_path):
    """The program ends after closeTimeout and reports the loss."""
    with Peer(lambda *_: None) as peer:
        output = run(python, name, peer.host, tmp_path, 'hurried')
        assert 'are being lost: the program ends' in output


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_a_daemonic_process_ends_by_its_signal():
    """SIGTERM ends it after its records are sent, or after closeTimeout, with the usual status."""
    with Peer() as peer, logging_to(peer.host) as (logger, _):
        process = multiprocessing.get_context('fork').Process(
            target=lambda: (logger.info('one'), time.sleep(60)), daemon=True
        )
        process.start()
        time.sleep(0.5)
        assert not peer.messages
        process.terminate()
        assert (-signal.SIGTERM, ['one']) == (status_of(process), peer.messages)


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_a_process_that_waits_for_a_lock_ends_by_its_signal():
    """SIGTERM ends it also if the main thread does not notice the signal."""
    lock = multiprocessing.get_context('fork').Lock()
    lock.acquire()

    def work():
        logger.info('one')
        threading.Timer(0.3, lambda: signal.pthread_kill(get_ident(), signal.SIGTERM)).start()
        lock.acquire()

    with Peer() as peer, logging_to(peer.host) as (logger, _):
        process = multiprocessing.get_context('fork').Process(target=work, daemon=True)
        process.start()
        assert (-signal.SIGTERM, ['one']) == (status_of(process), peer.messages)


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_a_process_that_is_in_c_code_ends():
    """It gets a second after its records are sent; the main thread is in C code that goes on."""

    def work():
        logger.info('one')
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
        sqlite3.connect(':memory:').execute(ENDLESS).fetchone()

    with Peer() as peer, logging_to(peer.host) as (logger, _):
        process = multiprocessing.get_context('fork').Process(target=work, daemon=True)
        process.start()
        assert (-signal.SIGKILL, ['one']) == (status_of(process), peer.messages)


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_the_signal_of_a_child_is_not_that_of_its_parent():
    """A child that is forked has the descriptors of the parent, and may be ended immediately."""

    def work():
        logger.info('one')
        statuses = set()
        for _ in range(200):
            child = os.fork()
            if child == 0:
                time.sleep(60)
            os.kill(child, signal.SIGTERM)
            statuses.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        logger.info('%s', statuses)

    with Peer() as peer, logging_to(peer.host) as (logger, _):
        process = multiprocessing.get_context('fork').Process(target=work, daemon=True)
        process.start()
        assert (0, ['one', '{-15}']) == (status_of(process), peer.messages)


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_a_handler_of_sigterm_stays():
    """The program's own handler is not replaced."""

    def work():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        logger.info('one')
        raise SystemExit(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)

    with Peer() as peer, logging_to(peer.host) as (logger, _):
        process = multiprocessing.get_context('fork').Process(target=work, daemon=True)
        process.start()
        assert (1, ['one']) == (status_of(process), peer.messages)
