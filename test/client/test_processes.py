"""Ends and forks of programs, on every Python that can be had."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from test.client.peer import Peer, answer
from test.client.programs import COUNT, PROGRAMS
from test.servers.interpreters import VERSIONS, interpreters

ROOT = Path(__file__).parent.parent.parent
PROGRAM = Path(__file__).parent / 'programs.py'
OF_ANY_HANDLER = [name for name in PROGRAMS if name != 'declared']
TIMEOUT = 60  # seconds; none takes more than a few


@pytest.fixture(scope='session')
def pythons():
    """An executable for each version."""
    return interpreters()


@pytest.fixture(params=VERSIONS)
def python(request, pythons):
    """Each version in turn; one that is missing is an error where everything is required."""
    if request.param not in pythons:
        (pytest.fail if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all' else pytest.skip)(
            f'Python {request.param} is missing'
        )
    return pythons[request.param]


def run(python: Path | str, *arguments: object) -> str:
    """Run a program to its end, which comes in time; return what it says."""
    done = subprocess.run(
        [python, PROGRAM, *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONWARNINGS': 'default'},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert 0 == done.returncode, done.stderr
    return done.stderr


def wanted(name: str) -> Counter:
    """How often which message is to arrive."""
    return Counter(f'{who} {number}' for who in PROGRAMS[name][1] for number in range(COUNT))


@pytest.mark.parametrize('name', PROGRAMS)
def test_every_record_arrives_once(python, name, tmp_path):
    """However the program ends, and whichever of its processes logs."""
    with Peer() as peer:
        assert '' == run(python, name, peer.host, tmp_path)
        assert wanted(name) == Counter(peer.messages)


def test_content_is_stored(python, tmp_path, server, request):
    """By a real server; the same from every Python."""
    first = server.count()
    assert '' == run(python, 'content', server.host, tmp_path)
    info, error = (
        server.get(f'record/{record["id"]}') for record in reversed(server.get('record?limit=2'))
    )
    assert first + 2 == server.count()
    assert ('x is 5', 'program', 20) == (info['message'], info['name'], info['level'])
    data = {'tags': ['a', {'b': 1.5}], 'who': "{'bob'}", 'none': None}
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
    """The same."""
    with Peer() as peer:
        assert '' == run(sys.executable, name, peer.host, tmp_path, kind)
        assert wanted(name) == Counter(peer.messages)


@pytest.mark.parametrize('name', OF_ANY_HANDLER)
def test_with_a_server_that_is_away(name, tmp_path):
    """Every program ends; what it logged is in the spool, and is sent by who comes next."""
    with Peer(answer(503)) as peer:
        said = run(sys.executable, name, peer.host, tmp_path, 'spool')
        assert {'503 Said'} == {line.partition('wait: ')[2] for line in said.splitlines()}
        assert not peer.messages
        peer.answers = [None]
        assert '' == run(sys.executable, 'plain', peer.host, tmp_path, 'spool')
        assert wanted(name) + wanted('plain') == Counter(peer.messages)


@pytest.mark.parametrize('name', ['plain', 'exits', 'late', 'terminated'])
def test_with_a_server_that_says_nothing(python, name, tmp_path):
    """The program ends after the time that it may take, and says that records are lost."""
    with Peer(lambda *_: None) as peer:
        said = run(python, name, peer.host, tmp_path, 'hurried')
        assert 'are being lost: the program ends' in said
