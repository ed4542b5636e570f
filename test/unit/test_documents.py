"""What the documents name exists: commands, options, settings, files and paths."""

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chronologer.cli import COMMANDS, create_parser
from chronologer.query.parser import parse_query
from chronologer.settings import REFUSED, TABLE, variable
from test.documents import DOCUMENTS, ROOT, read_blocks, read_commands

INDEX = 'doc/README.rst'
LANGUAGES = {'', 'console', 'json', 'python', 'sql', 'text'}
# Programs that others have made, and of which nothing is checked.
FOREIGN = set('cd celery curl echo export flask gunicorn rm sqlite3 uvicorn'.split())

each_document = pytest.mark.parametrize('name', DOCUMENTS)


@each_document
def test_code_is_labelled(name):
    """Commands and programs are in blocks of their language, so that the other tests see them."""
    for block in read_blocks(DOCUMENTS[name]):
        assert block.language in LANGUAGES
        if block.language not in ('console', 'json'):
            assert not re.search(r'^\$ |^(pip|curl|make|docker) ', block.text, re.MULTILINE)
        if not block.language:
            assert not re.search(r'^(import|from|def|class) .*', block.text, re.MULTILINE)


@each_document
def test_python_compiles(name):
    """Each block, on its own."""
    for block in read_blocks(DOCUMENTS[name]):
        if block.language == 'python':
            compile(block.text, name, 'exec')


@each_document
def test_queries_are_understood(name):
    """Expressions of the query language; other SQL is for ClickHouse."""
    for block in read_blocks(DOCUMENTS[name]):
        if block.language == 'sql' and not block.text.startswith('ALTER'):
            for line in block.text.splitlines():
                parse_query(line)


@each_document
def test_commands_exist(name):
    """Programs are known; subcommands, options, targets and services of ours exist."""
    for command in read_commands(DOCUMENTS[name]):
        for part in re.split(r' (?:&&|\|) ', command.line):
            check_command(shlex.split(part, comments=True))


@each_document
def test_commands_in_the_text_exist(name):
    """Likewise, those that begin with python or make."""
    text = re.sub(r'\s+', ' ', DOCUMENTS[name].read_text())
    for line in re.findall(r'``((?:\.venv/bin/)?(?:python -m|make) [^`]*)``', text):
        check_command([word for word in shlex.split(line) if word != '--help'])


def test_synopsis_has_all_options():
    """README's command line has each command with exactly the options that it has."""
    block = next(
        block.text
        for block in read_blocks(DOCUMENTS['README.rst'])
        if block.language == 'text' and 'ENVCONF' in block.text
    )
    lines = re.sub(r'\n +', ' ', block).splitlines()
    shown = {
        re.sub(r'\[[^]]*\] ', '', line).split()[3]: set(re.findall(r'(?<![\w-])--?[\w-]+', line))
        for line in lines
    }
    assert shown.keys() == {command.__name__.rpartition('.')[2] for command in COMMANDS}
    for command, options in shown.items():
        assert options - {'-m', '-c', '-e'} == options_of(command) - {'-m'}
    assert '[-m]' in lines[0]


@each_document
def test_settings_exist(name):
    """Variables are settings, of this version or refused, or are read by ``envconf.py``."""
    known = {variable(name) for name in (*TABLE, *REFUSED)}
    known |= set(re.findall(r'CHRONOLOGER_\w+', (ROOT / 'envconf.py').read_text()))
    known.add('CHRONOLOGER_TEST_REQUIRE')
    text = DOCUMENTS[name].read_text()
    assert set(re.findall(r'CHRONOLOGER_[A-Z_]*[A-Z]', text)) <= known
    for end in re.findall(r'…_([A-Z_]+)', text):
        assert any(variable.endswith(f'_{end}') for variable in known), end


@each_document
def test_links_lead_to_files(name):
    """Relative links and images, and names of documents, tests and modules in the text."""
    path = DOCUMENTS[name]
    text = path.read_text()
    links = re.findall(r'<([^<>`\s]+)>`_', text) + re.findall(r'\.\. image:: (\S+)', text)
    for link in links:
        if ':' not in link:
            target, _, anchor = link.partition('#')
            assert (path.parent / target).is_file(), link
            assert not anchor or anchor in map(anchor_of, headings_of(path.parent / target)), link
    for section in re.findall(r'`([^`<>]+)`_(?!_)', text):
        assert ' '.join(section.split()) in headings_of(path), section
    for named in re.findall(r'``([\w./-]+/[\w.-]+\.(?:rst|py|js|yml|xml|txt))``', text):
        places = (ROOT, ROOT / 'chronologer', path.parent)
        assert any((place / named).is_file() for place in places), named
    for named in re.findall(r'(?<![\w/])doc/[\w-]+\.rst', text):
        assert (ROOT / named).is_file(), named


def test_every_document_is_in_the_index():
    """A stranger finds it by what it is for."""
    text = DOCUMENTS[INDEX].read_text()
    for name in DOCUMENTS:
        if name != INDEX:
            link = name.removeprefix('doc/') if name.startswith('doc/') else f'../{name}'
            assert f'<{link}>`__' in text, name


def test_paths_exist(app):
    """Paths of the HTTP API lead to a resource or a door, with the methods that are named."""
    found = {}
    for name, path in DOCUMENTS.items():
        for method, route in paths_in(path.read_text()):
            found.setdefault((method, route), name)
    assert len(found) > 20
    for (method, route), name in found.items():
        url = route.replace('{id}', '1').replace('{name}', 'x')
        response = app.request(url, method='PATCH', expect_errors=True)
        assert 405 == response.status_int, f'{name}: {route}'
        if method:
            assert method in response.headers['Allow'], f'{name}: {method} {route}'


def test_parameters_exist(app):
    """Parameters in the addresses of the API are known there; ``raw`` is one of a POST."""
    found = {
        address.replace('{id}', '1')
        for path in DOCUMENTS.values()
        for address in re.findall(r'/api/v1/[\w/{}]+\?[\w=&.:/%+-]+(?=[\s`\'"])', path.read_text())
        if 'raw=' not in address
    }
    assert len(found) > 10
    for address in sorted(found):
        got = app.get(address, expect_errors=True).text
        head = app.head(address, expect_errors=True).headers.get('X-Error-Message', '')
        assert not all('unknown parameter' in answer for answer in (got, head)), address


@pytest.mark.parametrize(
    'line',
    [
        'python -m chronologer srve', 'python -m chronologer serve --prot 8081',
        'python -m chronologer purge', 'python -m bench.nothing', 'make everything',
        'docker compose up -d db', "pip install '.[servers]'", 'git clone x',
    ],
)  # fmt: skip
def test_a_wrong_command_is_noticed(line):
    """The check can fail."""
    with pytest.raises((AssertionError, SystemExit)):
        check_command(shlex.split(line))


def check_command(words: list[str]) -> None:
    """Fail unless what the command names exists."""
    program, *arguments = words
    program = program.removeprefix('.venv/bin/')
    if program in CHECKS:
        CHECKS[program](arguments)
    else:
        assert program in FOREIGN, f'unknown program: {program}'


def check_python(arguments: list[str]) -> None:
    """A module of ours with its arguments; a program that the document shows is not checked."""
    if arguments[0] != '-m':
        return
    module, *rest = arguments[1:]
    if module == 'chronologer':
        create_parser().parse_args(rest)
    elif module not in ('pip', 'venv', 'pytest'):
        assert (ROOT / f'{module.replace(".", "/")}.py').is_file(), module


def check_make(arguments: list[str]) -> None:
    """Targets, apart from variables."""
    makefile = (ROOT / 'Makefile').read_text()
    targets = set(re.findall(r'^([a-z-]+):', makefile, re.MULTILINE))
    targets |= set(re.search(r'^RINGS := (.*)$', makefile, re.MULTILINE)[1].split())
    assert {argument for argument in arguments if '=' not in argument} <= targets


def check_pip(arguments: list[str]) -> None:
    """Extras of this project."""
    setup = (ROOT / 'setup.py').read_text()
    assert 'install' == arguments[0]
    for extras in re.findall(r'\[(.*)\]', ' '.join(arguments)):
        for extra in extras.split(','):
            assert f"        '{extra}': " in setup, extra


def check_docker(arguments: list[str]) -> None:
    """Commands within the image, and services of ``docker-compose.yml``."""
    if 'python' in arguments:
        check_python(arguments[arguments.index('python') + 1 :])
    if arguments[:1] == ['compose']:
        check_compose(arguments[1:])


def check_compose(arguments: list[str]) -> None:
    """Services that are named are there."""
    composed = (ROOT / 'docker-compose.yml').read_text().partition('\nvolumes:')[0]
    services = set(re.findall(r'^  (\w+):$', composed, re.MULTILINE))
    command, *rest = arguments
    named = [argument for argument in rest if not argument.startswith('-')]
    if 'python' in named:
        check_python(rest[rest.index('python') + 1 :])
        named = named[: named.index('python')]
    assert command in ('up', 'run', 'down', 'exec', 'logs')
    assert set(named) <= services


CHECKS: dict[str, Callable[[list[str]], None]] = {
    'python': check_python,
    'python3': check_python,
    'make': check_make,
    'pip': check_pip,
    'docker': check_docker,
}


def options_of(command: str) -> set[str]:
    """Those of a command, other than ``--help``."""
    parsers = create_parser()._subparsers._group_actions[0].choices
    parser: ArgumentParser = parsers[command]
    options = {name for action in parser._actions for name in action.option_strings}
    return options - {'-h', '--help'}


def headings_of(path: Path) -> list[str]:
    """Titles of a document and of its sections."""
    return re.findall(r'^(\S.*)\n[=-]{3,}$', path.read_text(), re.MULTILINE)


def anchor_of(heading: str) -> str:
    """The fragment by which a renderer links to a section."""
    return re.sub('[^a-z0-9]+', '-', heading.lower()).strip('-')


def paths_in(text: str) -> Iterator[tuple[str, str]]:
    """Method, or nothing, and path of each mention."""
    pattern = r'(?:\b(GET|HEAD|POST|PUT|DELETE)\s)?(/(?:api/v1/[a-z]+|health|ready)\b[\w/{}]*)'
    for method, path in re.findall(pattern, text):
        yield method, path.rstrip('/')
