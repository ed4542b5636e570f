"""Commands and programs of the documents, run as they stand on a real server."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from test.documents import DOCUMENTS, Command, read_blocks, read_commands
from test.servers.chronologer import Server

# Each on an empty store of its own.
RUN = ('README.rst', 'doc/tutorial.rst', 'doc/api.rst', 'doc/query.rst')
# These install, start the server that the test has started, or need Docker.
NOT_RUN = ('make', 'pip', 'docker', 'export', 'rm')
PYTHON = '.venv/bin/python'


@pytest.fixture
def shell(tmp_path):
    """Run a command line with bash, in a directory of its own, against a server of its own."""
    (tmp_path / 'store').mkdir()
    with Server(tmp_path / 'store') as server:

        def run(line: str) -> str:
            line = line.replace('localhost:8080', server.host).replace(PYTHON, sys.executable)
            line = re.sub(r'\bcurl\b', 'curl --silent --show-error', line)
            return subprocess.run(
                ['bash', '-c', line],
                cwd=tmp_path,
                env={**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
            ).stdout

        for block in (block for name in RUN for block in read_blocks(DOCUMENTS[name])):
            if block.file_name:
                text = block.text.replace('localhost:8080', server.host)
                (tmp_path / block.file_name).write_text(text)
        yield run


@pytest.mark.parametrize('name', RUN)
def test_commands_print_what_the_document_shows(shell, name):
    """One after the other; whitespace is the document's own, and ``…`` is any text."""
    if name == 'README.rst':
        assert '' == shell(f'{PYTHON} first_record.py')
    ran = [command for command in read_commands(DOCUMENTS[name]) if is_run(command)]
    assert ran
    for command in ran:
        actual = shell(command.line)
        assert is_shown(command.output, actual), f'$ {command.line}\n{actual}'


def is_run(command: Command) -> bool:
    """Whether a command can be run here: others are checked by their names and options."""
    words = shlex.split(command.line, comments=True)
    return words[0] not in NOT_RUN and '-m' not in words[:2]


def is_shown(expected: str, actual: str) -> bool:
    """Whether the output is the expected one, regardless of whitespace."""
    parts = [re.escape(re.sub(r'\s', '', part)) for part in expected.split('…')]
    return bool(re.fullmatch('.*?'.join(parts), re.sub(r'\s', '', actual), re.DOTALL))


def test_a_wrong_output_is_noticed():
    """The comparison can fail."""
    assert is_shown('[{"id":…,\n  "level":40}]', '[{"id":1,"level":40}]\n')
    assert not is_shown('[{"id":…,"level":40}]', '[{"id":1,"level":50}]')
    assert not is_shown('', 'curl: (7) Failed to connect')
