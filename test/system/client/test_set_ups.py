"""The code of ``doc/clients.rst`` and ``doc/handlers.rst``, run with the real libraries."""

import inspect
import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from chronologer.client import BatchJsonHandler
from test.documents import DOCUMENTS, Block, read_blocks
from test.servers.chronologer import AUTHORIZATION, free_port

HANDLERS = DOCUMENTS['doc/handlers.rst']
PATHS = (DOCUMENTS['doc/clients.rst'], HANDLERS)
TIMEOUT = 60  # seconds; no program needs more than three
FRAGMENTS: dict[str, str] = {}  # first line of a block that is not run: the reason
LOGGING_JSON = 'logging.json'  # the only file that cannot contain its own name


def name_of(block: Block) -> str:
    """Return the name of the block's file, or its first line."""
    if block.language == 'json':
        return LOGGING_JSON
    return block.text.partition('\n')[0].removeprefix('# ')


BLOCKS = [block for path in PATHS for block in read_blocks(path)]
FILES = {name_of(block): block.text for block in BLOCKS if block.language in ('python', 'json')}
COMMANDS = [
    line.removeprefix('$ ')
    for block in BLOCKS
    if block.language == 'console'
    for line in block.text.splitlines()
]
QUERIES = [line for block in BLOCKS if block.language == 'sql' for line in block.text.splitlines()]
used: set[str] = set()


def uses(*names: str) -> pytest.MarkDecorator:
    """Mark a test that needs a project with these files of the documents."""
    used.update(names)
    return pytest.mark.parametrize('project', [names], indirect=True, ids=[names[-1]])


def commands(program: str) -> list[str]:
    """Return the command lines of the documents that start *program*."""
    found = [command for command in COMMANDS if command.startswith(f'{program} ')]
    used.update(found)
    return found


class Project:
    """A directory with files of the documents, and the programs that run in it."""

    def __init__(self, directory: Path, server):
        self.directory, self._server = directory, server
        self.port = free_port()
        newest = server.get('record?left=0&right=9999')
        self._last = max((record['id'] for record in newest), default=0)
        self._environment = {
            **{name: value for name, value in os.environ.items() if 'CHRONOLOGER' not in name},
            'HOME': str(directory),  # gunicorn creates a socket there
            'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            'PYTHONPATH': f'{directory}:{os.environ.get("PYTHONPATH", "")}',
        }

    def write(self, name: str, text: str) -> None:
        """Write a file, with the address and the port of the documents replaced."""
        text = text.replace('localhost:8080', self._server.host)
        (self.directory / name).write_text(text.replace(':8000', f':{self.port}'))

    def run(self, *command: str) -> str:
        """Run a program to its end and return its standard output."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout

    @contextmanager
    def running(self, command: str, stop: signal.Signals) -> Iterator[subprocess.Popen]:
        """Run a command line during the block; then stop it and wait for its end."""
        words = shlex.split(command.replace('--port 8000', f'--port {self.port}'))
        output = self.directory / 'output'
        # Background jobs of a shell ignore SIGINT, and programs inherit that, but not a handler.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with output.open('w') as file:
            process = subprocess.Popen(
                words,
                cwd=self.directory,
                env=self._environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        signal.signal(signal.SIGINT, before)
        try:
            yield process
            process.send_signal(stop)
            process.wait(TIMEOUT)
        except Exception as ex:
            raise AssertionError(output.read_text()) from ex
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def get(self, path: str, **headers: str) -> int:
        """Wait until the program serves, send a GET request and return the status."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            connection = HTTPConnection('localhost', self.port, timeout=TIMEOUT)
            try:
                connection.request('GET', path, headers=headers)
                response = connection.getresponse()
                response.read()
                return response.status
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, 'nobody listens'
                time.sleep(0.05)
            finally:
                connection.close()

    def records(self, query: str = '') -> list[dict]:
        """Return the new records, whole, in the order of logging; check that none is duplicated."""
        query = f'id > {self._last}' + (f' AND ({query})' if query else '')
        listing = self._server.get(f'record?left=0&right=999&query={quote(query)}')
        records = [self._server.get(f'record/{record["id"]}') for record in reversed(listing)]
        origins = Counter((r['ts'], r['logrec']['meta']['process'], r['message']) for r in records)
        assert [] == [origin for origin, count in origins.items() if count > 1]
        return records


@pytest.fixture
def project(request, tmp_path, server):
    """An empty directory, or one with the files of the mark `uses`."""
    project = Project(tmp_path, server)
    for name in getattr(request, 'param', ()):
        project.write(name, FILES[name])
    return project


def summary(records: list[dict], *names: str) -> list[tuple]:
    """Return name, level, message, exception and data of the records of some loggers."""
    return [
        (
            record['name'],
            record['level'],
            record['message'],
            record['logrec'].get('error', {}).get('exc_info', {}).get('type'),
            record['logrec'].get('data', {}),
        )
        for record in records
        if not names or record['name'] in names
    ]


ORDER = ('shop.payment', 20, 'Order 387 of bob', None, {'order': 387, 'origname': 'payment'})


@uses('set_up.py', 'declared.py')
def test_declared(project):
    """Records have prefix, suffix, original name and types; exceptions are text and structure."""
    project.run('declared.py')
    info, error = project.records()
    assert [
        (
            'shop.payment.paypal',
            20,
            'Order 387 of bob',
            None,
            {'order': 387, 'suffix': 'paypal', 'origname': 'payment'},
        ),
        ('shop.payment', 40, 'Order 387 failed', 'ValueError', {'origname': 'payment'}),
    ] == summary([info, error])
    assert [387, 'bob'] == info['logrec']['meta']['args']
    assert error['logrec']['error']['exc_text'].startswith('Traceback (most recent call last)')
    assert "int('12,50')" == error['logrec']['error']['exc_info']['frames'][0]['source']


@uses('imperative.py')
def test_imperative(project):
    """The URL has the credentials; without a prefix the name is that of the logger."""
    project.run('imperative.py')
    expected = [('payment', 20, 'Order 387 of bob', None, {'order': 387})]
    assert expected == summary(project.records())


@uses('proxy.py')
def test_proxy(project):
    """HTTPHandler works behind a queue."""
    project.run('proxy.py')
    assert [ORDER] == summary(project.records())


@uses('proxy_batch.py')
def test_proxy_batch(project):
    """BatchJsonHandler works behind a queue."""
    project.run('proxy_batch.py')
    assert [ORDER] == summary(project.records())


@uses('sigterm.py', 'imperative.py')
def test_sigterm(project):
    """A program that is stopped by SIGTERM exits normally and sends its records."""
    code = 'import sigterm, imperative, signal; open("ready", "w").close(); signal.pause()'
    project.write('wait.py', code)
    with project.running('python wait.py', signal.SIGTERM) as process:
        deadline = time.monotonic() + TIMEOUT
        while not (project.directory / 'ready').exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert 0 == process.returncode
    expected = [('payment', 20, 'Order 387 of bob', None, {'order': 387})]
    assert expected == summary(project.records())


@uses('keep_refused.py')
def test_keep_refused(project, server):
    """Rejected records are in a file, once, and can be posted unchanged."""
    project.write(
        'refused.py',
        'import logging\n'
        'from keep_refused import KeepRefused\n'
        "handler = KeepRefused('localhost:8080', credentials=('logger', 'wrong'))\n"
        'logging.basicConfig(level=logging.INFO, handlers=[handler])\n'
        "logging.info('first')\n"
        "logging.info('second')\n",
    )
    project.run('refused.py')
    assert [] == project.records()
    body = (project.directory / 'refused.ndjson').read_bytes()
    headers = {**AUTHORIZATION, 'Content-Type': 'application/x-ndjson'}
    assert 201 == server.request('POST', '/api/v1/record', body, headers).status
    assert ['first', 'second'] == [record['message'] for record in project.records()]


FAILURES = """\
import logging.config
import sys

from set_up import LOGGING


def plain():
    int('12,50')


def chained():
    try:
        {}['order']
    except KeyError as ex:
        raise ValueError('chained') from ex


def noted():
    error = RuntimeError('noted')
    error.__notes__ = ['while paying']  # add_note, since Python 3.11
    raise error


def grouped():
    error = TimeoutError('paypal')
    raise ExceptionGroup('grouped', [error]) if sys.version_info >= (3, 11) else error


def main(*, action):
    try:
        action()
    except Exception:
        logging.exception(action.__name__, extra={'order': 387})


logging.config.dictConfig(LOGGING)
for action in (plain, chained, noted, grouped):
    main(action=action)
try:
    plain()
except ValueError:
    logging.exception('elsewhere', extra={'order': 388})
"""


@uses('set_up.py')
def test_queries(project):
    """The documented queries find the described exceptions and no others."""
    project.write('failures.py', FAILURES)
    project.run('failures.py')
    found = {query: [r['message'] for r in project.records(query)] for query in QUERIES}
    in_main = ['plain', 'chained', 'noted', 'grouped']
    expected = [['plain', 'chained', 'elsewhere'], ['plain'], in_main, ['chained'], ['noted']]
    has_groups = sys.version_info >= (3, 11)
    assert [*expected, ['grouped'] * has_groups, ['grouped']] == list(found.values())


@uses('set_up.py', 'structlog_set_up.py')
def test_structlog(project):
    """Event, arguments, bound values and exception arrive, with the position of the call."""
    project.write(
        'shop.py',
        'import structlog, structlog_set_up\n'
        "structlog.contextvars.bind_contextvars(request='r1')\n"
        "log = structlog.get_logger('payment').bind(user='bob')\n"
        'def pay():\n'
        "    log.info('Order %d', 387, items=[1, {'a': None}])\n"
        "    log.info('100% sure')\n"
        "    log.debug('not this')\n"
        '    try:\n'
        "        {}['nothing']\n"
        '    except KeyError:\n'
        "        log.exception('failed')\n"
        'pay()\n',
    )
    project.run('shop.py')
    data = {'user': 'bob', 'request': 'r1', 'origname': 'payment'}
    records = project.records()
    assert [
        ('shop.payment', 20, 'Order 387', None, {**data, 'items': [1, {'a': None}]}),
        ('shop.payment', 20, '100% sure', None, data),
        ('shop.payment', 40, 'failed', 'KeyError', data),
    ] == summary(records)
    assert {'pay'} == {record['logrec']['meta']['funcName'] for record in records}


@uses('loguru_set_up.py')
def test_loguru(project):
    """Message, bound values, exception and module arrive; the message has no traceback."""
    project.write(
        'shop.py',
        'import loguru_set_up\n'
        'from loguru import logger\n'
        'def pay():\n'
        "    logger.bind(user='bob').info('Order {}', 387)\n"
        "    logger.debug('not this')\n"
        '    try:\n'
        "        {}['{nothing}']\n"
        '    except KeyError:\n'
        "        logger.exception('failed')\n"
        "    logger.success('{}', '{as it is}')\n"
        'pay()\n',
    )
    project.run('-c', 'import shop')
    records = project.records()
    assert [
        ('shop.shop', 20, 'Order 387', None, {'extra': {'user': 'bob'}, 'origname': 'shop'}),
        ('shop.shop', 40, 'failed', 'KeyError', {'extra': {}, 'origname': 'shop'}),
        ('shop.shop', 25, '{as it is}', None, {'extra': {}, 'origname': 'shop'}),
    ] == summary(records)
    assert {'pay'} == {record['logrec']['meta']['funcName'] for record in records}
    assert "{}['{nothing}']" == records[1]['logrec']['error']['exc_info']['frames'][0]['source']


@uses('set_up.py', 'settings.py')
def test_django(project):
    """Records of a view with its request, of its exception and of a missing page arrive."""
    project.write(
        'site_settings.py',
        'from settings import *\n'
        "SECRET_KEY, ALLOWED_HOSTS, ROOT_URLCONF = 'secret', ['*'], 'urls'\n",
    )
    project.write(
        'urls.py',
        'import logging\n'
        'from django.http import HttpResponse\n'
        'from django.urls import path\n'
        "log = logging.getLogger('payment')\n"
        'def order(request, number):\n'
        "    log.info('Order %d', number, extra={'request': request})\n"
        "    return HttpResponse({387: 'paid'}[number])\n"
        "urlpatterns = [path('order/<int:number>', order)]\n",
    )
    command = f'python -m django runserver --noreload --settings site_settings {project.port}'
    with project.running(command, signal.SIGINT):
        assert [200, 500, 404] == [project.get(p) for p in ('/order/387', '/order/388', '/no')]
    requests = [f"<WSGIRequest: GET '/{path}'>" for path in ('order/387', 'order/388', 'no')]
    name, data = 'django.request', {'origname': 'django.request'}
    records = project.records()
    assert [
        ('shop.payment', 20, 'Order 387', None, {'request': requests[0], 'origname': 'payment'}),
        ('shop.payment', 20, 'Order 388', None, {'request': requests[1], 'origname': 'payment'}),
        (
            f'shop.{name}',
            40,
            'Internal Server Error: /order/388',
            'KeyError',
            {**data, 'request': requests[1], 'status_code': 500},
        ),
        (
            f'shop.{name}',
            30,
            'Not Found: /no',
            None,
            {**data, 'request': requests[2], 'status_code': 404},
        ),
    ] == summary(records)
    assert 'order' == records[2]['logrec']['error']['exc_info']['frames'][-1]['function']


def flask_record(number: int) -> tuple:
    """Return the summary of the record that the Flask application logs for a request."""
    data = {'user': 'bob', 'origname': 'flask_app'}
    return ('shop.flask_app', 20, f'Order {number}', None, data)


def flask_failure(number: int) -> tuple:
    """Return the summary of the record that Flask logs for an exception."""
    text = f'Exception on /order/{number} [GET]'
    return ('shop.flask_app', 40, text, 'KeyError', {'origname': 'flask_app'})


@uses('set_up.py', 'flask_app.py')
@pytest.mark.parametrize('command', commands('flask'))
def test_flask(project, command):
    """Records of a view, of its uncaught exception, and of the server arrive."""
    with project.running(command, signal.SIGINT):
        assert [200, 500] == [project.get('/order/387'), project.get('/order/388')]
    records = project.records()
    expected = [flask_record(387), flask_record(388), flask_failure(388)]
    assert expected == summary(records, 'shop.flask_app')
    lines = [r['message'] for r in records if r['name'] == 'shop.werkzeug']
    assert 1 == sum('GET /order/387' in line for line in lines)
    assert 1 == sum('GET /order/388' in line for line in lines)


@uses(LOGGING_JSON, 'fastapi_app.py')
@pytest.mark.parametrize('options', ['', ' --workers 2'])
@pytest.mark.parametrize('command', commands('uvicorn'))
def test_uvicorn(project, command, options):
    """Records of the application, of uvicorn and of the exception arrive, up to SIGTERM."""
    with project.running(command + options, signal.SIGTERM):
        assert [200, 500] == [project.get('/order/387'), project.get('/order/388')]
        project.get('/no')
    records = project.records()
    data = {'user': 'bob', 'origname': 'payment'}
    assert [
        ('shop.payment', 20, 'Order 387', None, data),
        ('shop.payment', 20, 'Order 388', None, data),
    ] == summary(records, 'shop.payment')
    access = [r['logrec']['meta']['args'] for r in records if r['name'] == 'shop.uvicorn.access']
    assert [['GET', '/order/387', '1.1', 200], ['GET', '/order/388', '1.1', 500]] == [
        args[1:] for args in access if args[2] != '/no'
    ]
    assert ['/no'] == [args[2] for args in access if args[4] == 404]
    (error,) = (r for r in records if r['level'] >= 40)
    assert ('shop.uvicorn.error', 'KeyError') == summary([error])[0][0::3]
    started = [r for r in records if r['message'].startswith('Started server process')]
    assert (2 if options else 1) == len(started)


@uses('set_up.py', 'flask_app.py', 'gunicorn.conf.py')
@pytest.mark.parametrize('command', commands('gunicorn'))
def test_gunicorn(project, command):
    """Records of the workers, of the master and of requests arrive, without request headers."""
    with project.running(command, signal.SIGTERM):
        secret = 'c2VjcmV0'
        for _ in range(5):
            assert 200 == project.get('/order/387', Cookie=secret, Authorization=f'Basic {secret}')
        assert 500 == project.get('/order/388')
    records = project.records()
    expected = [*[flask_record(387)] * 5, flask_record(388), flask_failure(388)]
    assert expected == summary(records, 'shop.flask_app')
    access = [record for record in records if record['name'] == 'shop.gunicorn.access']
    assert 6 == len(access)
    assert 5 == sum('"GET /order/387 HTTP/1.1" 200 ' in record['message'] for record in access)
    assert secret not in json.dumps(records)
    of_gunicorn = [r for r in records if r['name'] == 'shop.gunicorn.error']
    starts = Counter(record['message'].partition(' ')[0] for record in of_gunicorn)
    expected_starts = {'Starting': 1, 'Listening': 1, 'Booting': 2, 'Worker': 2, 'Shutting': 1}
    assert expected_starts == {start: starts[start] for start in expected_starts}
    workers = {r['logrec']['meta']['process'] for r in of_gunicorn if 'Booting' in r['message']}
    assert 2 == len(workers)
    assert workers >= {record['logrec']['meta']['process'] for record in access}


@uses('set_up.py', 'celery_app.py')
@pytest.mark.parametrize('command', commands('celery'))
def test_celery(project, command):
    """Records of tasks, of the worker and of a task's exception arrive."""
    (project.directory / 'broker').mkdir()
    project.write('celeryconfig.py', CELERY_CONFIG.replace('{directory}', str(project.directory)))
    with project.running(command, signal.SIGTERM):
        code = (
            'from celery_app import pay\n'
            'results = [pay.delay(number) for number in (387, 388, 387, 387)]\n'
            'for result in results: result.get(timeout=30, propagate=False)\n'
            'print(*[result.status for result in results])\n'
        )
        assert 'SUCCESS FAILURE SUCCESS SUCCESS\n' == project.run('-c', code)
    records = project.records()
    data = {'user': 'bob', 'origname': 'payment'}
    orders = summary(records, 'shop.payment')
    assert [
        *[('shop.payment', 20, 'Order 387', None, data)] * 3,
        ('shop.payment', 20, 'Order 388', None, data),
    ] == sorted(orders, key=lambda order: order[2])
    pids = {r['logrec']['meta']['process'] for r in records}
    traced = [record for record in records if record['name'] == 'shop.celery.app.trace']
    assert 3 == sum(' succeeded in ' in record['message'] for record in traced)
    (failure,) = (record for record in traced if record['level'] >= 40)
    assert 'KeyError' == failure['logrec']['error']['exc_info']['type']
    assert '(388,)' == failure['logrec']['data']['data']['args']
    received = [r for r in records if r['name'] == 'shop.celery.worker.strategy']
    assert 4 == len(received)
    assert 2 <= len(pids) <= 3


CELERY_CONFIG = """\
broker_url = 'filesystem://localhost'
broker_transport_options = {
    'data_folder_in': 'broker', 'data_folder_out': 'broker', 'control_folder': 'control'
}
result_backend = 'file://{directory}'
"""


def test_all_parameters_are_in_the_table():
    """The table in the document has all parameters with their defaults."""
    defaults = {
        parameter.name: '' if parameter.default is parameter.empty else repr(parameter.default)
        for parameter in inspect.signature(BatchJsonHandler).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD  # former ones, which are refused
    }
    for name in ('flushLevel', 'keepLevel'):
        defaults[name] = logging.getLevelName(int(defaults[name]))
    defaults['url'] = defaults['url'].strip("'")
    section = HANDLERS.read_text().partition('\nThose of ``QueueProxy')[0]
    table = re.findall(r'^``(\w+)`` +(?:``(\S+)`` +)?\S', section, re.MULTILINE)
    assert defaults == dict(table)


def test_every_block_is_run():
    """A block that is not run has a reason in `FRAGMENTS`."""
    parts = {name for name in (*FILES, *COMMANDS) if name not in FRAGMENTS}
    assert used == parts
    assert {'console', 'json', 'python', 'sql'} == {block.language for block in BLOCKS}
