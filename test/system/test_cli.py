"""The command line as a process: its output, its exit status and the files that it creates."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from chronologer.model import EPOCH, Filter, Record, instant
from chronologer.storage import create_storage
from test.servers.chronologer import Server, environment, free_port

ROOT = Path(__file__).parents[2]
IDS = ('Uid:', 'Gid:')  # of /proc/PID/status
needs_root = pytest.mark.skipif(os.getuid() != 0, reason='only root can change its user')


@pytest.fixture
def run(tmp_path):
    """Run ``python -m chronologer`` to its end in an empty directory."""

    def run(
        *arguments: str, port: int = 0, python: str = sys.executable, **settings: object
    ) -> subprocess.CompletedProcess:
        return subprocess.run(
            [python, '-m', 'chronologer', *arguments],
            cwd=tmp_path,
            env=environment(tmp_path, port or free_port(), **settings),
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def open_path(tmp_path):
    """The test's directory, accessible to all users."""
    os.chmod(tmp_path, 0o777)
    for directory in tmp_path.parents[:-1]:
        os.chmod(directory, directory.stat().st_mode | 0o055)
    return tmp_path


@pytest.fixture
def python_for_all(monkeypatch):
    """A Python with the server's dependencies that any user can run; ours may be in /root."""
    monkeypatch.setenv('PYTHONPATH', f'{ROOT}:{sysconfig.get_path("purelib")}')
    monkeypatch.setenv('PYTHONDONTWRITEBYTECODE', '1')
    system = f'/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}'
    for python in (sys.executable, system):
        if can_run(python):
            return python
    raise AssertionError(f'user nobody can run neither {sys.executable} nor {system}')


def can_run(python: str) -> bool:
    """Return whether user nobody can run it with the server's dependencies."""
    try:
        code = 'import granian, chronologer.cli'
        return subprocess.run([python, '-c', code], user='nobody', cwd='/').returncode == 0
    except OSError:
        return False


def check_refused(done: subprocess.CompletedProcess, *named: str) -> None:
    """Check that the output is one clear line, with status 2 and without a traceback."""
    assert 2 == done.returncode
    assert '' == done.stdout
    (line,) = done.stderr.splitlines()
    for text in named:
        assert text in line


def test_version_and_help(run):
    """The help describes every option."""
    from chronologer import __version__

    assert f'chronologer {__version__}\n' == run('--version').stdout
    for option in ('-c', '-e', 'serve', 'migrate', 'purge', 'copy', 'export', 'serve --help'):
        assert option in run('--help').stdout
    for option in ('-m', '-d', '--workers', '-p', '-u', '-g'):
        assert option in run('serve', '--help').stdout
    assert 2 == run().returncode
    assert 2 == run('dance').returncode


def test_migrate_prints_its_result(run, tmp_path):
    """migrate can be repeated."""
    for _ in range(2):
        done = run('-e', 'production', 'migrate')
        assert 0 == done.returncode
        assert 'is up to date' in done.stdout
        assert '' == done.stderr
    assert (tmp_path / 'chronologer.sqlite').exists()


def test_serve_help_lists_the_settings(run):
    """The help has environment variables with defaults and units."""
    help = run('serve', '--help').stdout
    assert 'CHRONOLOGER_PORT (8080)' in help
    assert 'CHRONOLOGER_QUERY_TIMEOUT (10 seconds)' in help


def test_a_misspelt_variable_is_reported(run):
    """The command runs nevertheless, because the variable may be for another version."""
    done = run('migrate', prot=8081)
    assert 0 == done.returncode
    assert 'WARNING: CHRONOLOGER_PROT is not a setting' in done.stderr
    assert 'CHRONOLOGER_PORT?' in done.stderr


@pytest.mark.parametrize('name', ['authfile', 'roles', 'secret'])
def test_a_setting_of_0_4_7_is_refused(run, name):
    """Ignoring the setting would leave the log open to anyone with the default password."""
    check_refused(run('serve', '-m', **{name: 'x'}), f'CHRONOLOGER_{name.upper()}', '0.4')


def test_records_are_exported_without_a_server(run, tmp_path):
    """The parameters are those of the HTTP API; also an old schema is not read."""
    check_refused(run('export'), 'migrate')
    with create_storage(f'sqlite:///{tmp_path}/chronologer.sqlite') as storage:
        storage.migrate()
        storage.insert([[Record(EPOCH, 'app', level, f'größe {level}', {}) for level in (10, 40)]])
    lines = list(map(json.loads, run('export').stdout.splitlines()))
    assert [(1, 'größe 10'), (2, 'größe 40')] == [(line['id'], line['message']) for line in lines]
    text = '1970-01-01 00:00:00.000000+00:00 ERROR app: größe 40\n'
    assert text == run('export', 'format=text', 'level=ERROR', 'search=größe').stdout
    assert text == run('export', 'format=text', 'after_id=1').stdout
    check_refused(run('export', 'level'), "'level'", 'NAME=VALUE')
    check_refused(run('export', 'level=1', 'level=2'), 'level')
    check_refused(run('export', 'colour=red'), 'colour', 'format')
    check_refused(run('export', b'search=\xff'), 'UTF-8')


def test_an_export_ends_with_its_reader(run, tmp_path):
    """As head does after some lines."""
    with create_storage(f'sqlite:///{tmp_path}/chronologer.sqlite') as storage:
        storage.migrate()
        storage.insert([[Record(EPOCH, 'app', 10, 'm' * 100, {})] * 5000])
    command = [sys.executable, '-m', 'chronologer', 'export']
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(tmp_path, free_port()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b'{"id":1,')
        process.stdout.close()
        assert (b'', 0) == (process.stderr.read(), process.wait())


def test_a_copy_onto_itself_is_refused(run, tmp_path):
    """By whichever path the file is named."""
    run('migrate')
    (tmp_path / 'link').symlink_to(tmp_path)
    dsn = f'sqlite:///{tmp_path}/chronologer.sqlite'
    for other in (dsn, f'sqlite:///{tmp_path}/link/./chronologer.sqlite'):
        check_refused(run('copy', dsn, other), 'FROM and TO are the same storage')


def test_purge_deletes_records_before_an_instant(run, tmp_path):
    """purge prints the number of deleted records, and rejects a malformed instant."""
    run('migrate')
    with create_storage(f'sqlite:///{tmp_path}/chronologer.sqlite') as storage:
        old, new = instant(0), datetime.now(timezone.utc)
        storage.insert([[Record(ts, 'app', 20, 'hello') for ts in (old, old, new)]])
    check_refused(run('purge', '--before', 'yesterday'), '--before', 'yesterday')
    for age in ('9999999d', '99999999999d'):
        check_refused(run('purge', '--before', age), '--before', 'before the year 1')
    assert 'deleted 2 records' in run('purge', '--before', '30d').stdout
    assert 'deleted 0 records' in run('purge', '--before', '1970-01-02').stdout


def test_a_server_deletes_old_records(tmp_path):
    """One of the workers deletes old records as the setting requires."""
    with create_storage(f'sqlite:///{tmp_path}/chronologer.sqlite') as storage:
        storage.migrate()
        now = datetime.now(timezone.utc)
        records = [Record(now - timedelta(days=age), 'app', 20, f'{age}') for age in (0, 6, 9, 99)]
        storage.insert([records])
        with Server(tmp_path, workers=2, retention_days=7):
            deadline = time.monotonic() + 30
            while storage.count(Filter()) > 2 and time.monotonic() < deadline:
                time.sleep(0.05)
        assert ['0', '6'] == [record.message for record in storage.range(Filter(), 0, 9)]


def test_serve_requires_a_migrated_storage(run):
    """The message says what to do."""
    check_refused(run('serve'), 'has not been created', 'migrate', '-m')


def test_serve_refuses_a_newer_schema(run, tmp_path):
    """Also with -m a newer schema is rejected, because it cannot be migrated back."""
    run('migrate')
    with sqlite3.connect(tmp_path / 'chronologer.sqlite') as db:
        db.execute('UPDATE _yoyo_migration SET migration_id = "29991231_01", migration_hash = 1')
    db.close()
    check_refused(run('serve'), 'newer', '29991231_01')


@pytest.mark.parametrize(
    ('arguments', 'settings', 'named'),
    [
        ((), {'storage_dsn': 'oracle://scott:tiger@db/log'}, ['oracle://scott:…@db', 'sqlite://']),
        ((), {'storage_dsn': 'sqlite:////nowhere/at/all.sqlite'}, ['/nowhere/at/all.sqlite']),
        ((), {'port': 'http'}, ['CHRONOLOGER_PORT', 'http']),
        (('-e', 'staging'), {}, ['staging', 'production']),
        (('-c', 'nothing.py'), {}, ['nothing.py']),
        ((), {'host': '203.0.113.7'}, ['203.0.113.7']),
        ((), {'host': 'no.such.host.invalid'}, ['no.such.host.invalid']),
        ((), {'host': 'a..b'}, ['a..b']),
        ((), {'host': 'a' * 70}, ['a' * 70]),
        ((), {'log_file': '/nowhere/x.log'}, ['/nowhere/x.log']),
    ],
)
def test_errors_are_one_clear_line(run, arguments, settings, named):
    """A wrong DSN, address or environment, and an unreadable envconf, are errors."""
    port = settings.pop('port', 0)
    check_refused(run(*arguments, 'serve', '-m', port=port, **settings), *named)


def test_a_port_in_use_is_refused(run):
    """The port is checked before the start, because the front would share it silently."""
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        check_refused(run('serve', '-m', port=port), str(port), 'in use')


def test_a_second_server_is_refused(run, tmp_path):
    """A second server on the same port is an error."""
    with Server(tmp_path) as server:
        check_refused(run('serve', '-m', port=server.port), 'in use')


def test_a_public_address_without_password_is_warned_about(tmp_path):
    """Without a password there is a warning; with one there is none."""
    with Server(tmp_path, host='0.0.0.0') as server:
        assert 'WARNING' in server.log.read_text()
    server.log.unlink()
    with Server(tmp_path, host='0.0.0.0', password='secret') as server:
        assert 'WARNING' not in server.log.read_text()


def test_detached_server_answers_when_the_command_returns(run, tmp_path):
    """The command returns once the server answers; SIGTERM stops it and removes the pid file."""
    pid_file, log = tmp_path / 'run.pid', tmp_path / 'server.log'
    port = free_port()
    done = run('serve', '-m', '-d', '-p', 'run.pid', port=port, log_file=log)
    assert (0, '') == (done.returncode, done.stderr)
    assert 1 == len(done.stdout.splitlines())
    assert f':{port}/' in done.stdout
    pid = int(pid_file.read_text())
    try:
        socket.create_connection(('127.0.0.1', port)).close()
        assert os.getsid(pid) != os.getsid(0)
        again = run('serve', '-p', 'run.pid')
        check_refused(again, 'run.pid', str(pid))
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for_end(pid)
    assert not pid_file.exists()


@pytest.mark.parametrize('arguments', [('-p', 'no/such/directory/pid'), ('-u', 'nobody-at-all')])
def test_detached_server_fails_visibly(run, arguments):
    """The command prints the error, and its status is not 0."""
    done = run('serve', '-m', '-d', *arguments)
    assert 0 != done.returncode
    assert 1 == len((done.stdout + done.stderr).splitlines())
    assert arguments[1] in done.stdout + done.stderr


@pytest.mark.parametrize('number', ['0', '-1', 'two', '2.0', '1000'])
def test_a_number_of_workers_is_checked(run, number):
    """The number of workers is a positive integer that a machine can support."""
    check_refused(run('serve', '-m', '--workers', number), 'CHRONOLOGER_WORKERS', number)


def test_the_option_overrides_the_setting(tmp_path):
    """The option for the number of workers overrides the setting."""
    with Server(tmp_path, '--workers', '3', workers=2) as server:
        assert 3 == len(server.workers())


def test_a_host_name_is_resolved(tmp_path):
    """The front accepts only addresses."""
    with Server(tmp_path, host='localhost') as server:
        assert 'http://localhost:' in server.log.read_text()


def test_a_pid_file_with_our_own_id_is_stale(tmp_path):
    """In a container each run may have the same process id."""
    (tmp_path / 'run').write_text(
        f'echo $$ > pid; exec {sys.executable} -m chronologer serve -m -p pid'
    )
    port = free_port()
    process = subprocess.Popen(
        ['sh', 'run'], cwd=tmp_path, env=environment(tmp_path, port), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert f':{port}/'.encode() in process.stdout.readline()
    process.terminate()
    process.wait()
    process.stdout.close()


def test_a_stale_pid_file_is_replaced(tmp_path):
    """A crash leaves the pid file."""
    ended = subprocess.Popen([sys.executable, '-c', ''])
    ended.wait()
    pid_file = tmp_path / 'pid'
    pid_file.write_text(str(ended.pid))
    with Server(tmp_path, '-p', 'pid') as server:
        assert server.process.pid == int(pid_file.read_text())
    assert not pid_file.exists()


@pytest.mark.parametrize('content', ['', '1,000,000', 'secret'])
def test_a_pid_file_replaces_nothing_else(tmp_path, run, content):
    """Neither what a link leads to nor a file with other content is overwritten or given away."""
    victim, link = tmp_path / 'victim', tmp_path / 'link'
    victim.write_text(content)
    link.symlink_to(victim)
    check_refused(run('serve', '-m', '-p', 'link'), 'pid file link', 'symbolic link')
    if content:
        check_refused(run('serve', '-m', '-p', 'victim'), 'pid file victim', 'other content')
    assert content == victim.read_text()
    assert link.is_symlink()


def test_files_are_private(tmp_path):
    """Other users cannot read records or the secret of sessions, whatever the umask is."""
    with Server(tmp_path, '-p', 'pid', log_file='log') as server:
        assert 201 == server.post().status
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    del modes['server.log']  # the log file of the test
    assert 0o644 == modes.pop('pid')  # for other programs
    assert 'chronologer.sqlite-metastore' in modes
    assert 'chronologer.sqlite-wal' in modes
    assert {0o600} == set(modes.values())


@needs_root
def test_nothing_is_left_owned_by_root(open_path, python_for_all):
    """Database and log are opened after the change of user and group."""
    options = ('-u', 'nobody', '-g', 'nogroup', '-p', 'pid')
    with Server(open_path, *options, python=python_for_all, log_file='log') as server:
        assert 201 == server.post().status
        for pid in (server.process.pid, *server.workers()):
            status = Path(f'/proc/{pid}/status').read_text()
            uid, gid = (line.split()[1:] for line in status.splitlines() if line[:4] in IDS)
            assert ['65534'] * 4 == uid == gid
        files = {path.name: path.stat() for path in open_path.iterdir()}
        del files['server.log']  # the log file of the test
        assert {(65534, 65534)} == {(stat.st_uid, stat.st_gid) for stat in files.values()}
        database = [
            f'chronologer.sqlite{end}' for end in ('', '-lock', '-metastore', '-shm', '-wal')
        ]
        assert [*database, 'log', 'pid'] == sorted(files)


@needs_root
def test_a_low_port_with_a_change_of_user_is_refused(run, open_path, python_for_all):
    """The message is one line; where the system allows low ports to all users, it works."""
    start = int(Path('/proc/sys/net/ipv4/ip_unprivileged_port_start').read_text())
    if start <= 1:
        pytest.skip('this system gives low ports to everybody')
    done = run('serve', '-m', '-u', 'nobody', port=start - 1, python=python_for_all)
    check_refused(done, str(start - 1), '-u', 'root')


@needs_root
def test_an_installation_that_the_user_cannot_read_is_refused(run):
    """The check is before the start, or the worker would fail repeatedly."""
    if os.access(sys.executable, os.R_OK) and can_run(sys.executable):
        pytest.skip('this Python is readable by everybody')
    check_refused(run('serve', '-m', '-u', 'nobody'), 'cannot read', sys.executable)


@pytest.mark.parametrize(
    'arguments', [('-u', 'nobody-at-all'), ('-g', 'nobody-at-all'), ('-u', '4294967296')]
)
def test_unknown_users_are_refused(run, arguments):
    """An unknown user or group is an error, by name and by number."""
    check_refused(run('serve', '-m', *arguments), arguments[1])


def test_without_the_extra_the_error_names_it(tmp_path):
    """Users of the client have no dependencies of the server."""
    code = (
        'import sys; sys.path[:0] = [sys.argv.pop(1)]\n'
        'sys.modules["granian"] = None\n'
        'from chronologer.cli import main; sys.exit(main())'
    )
    command = [sys.executable, '-c', code, ROOT, 'serve']
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    check_refused(done, 'granian', "pip install 'chronologer[server]'")


def wait_for_end(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f'process {pid} has not ended')
