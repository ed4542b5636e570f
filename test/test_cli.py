"""The command line, as a process: what it prints, with which status it ends, what it leaves."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from test.servers.chronologer import Server, environment, free_port

ROOT = Path(__file__).parent.parent
IDS = ('Uid:', 'Gid:')  # of /proc/PID/status
needs_root = pytest.mark.skipif(os.getuid() != 0, reason='only root can change its user')


@pytest.fixture
def run(tmp_path):
    """Run ``python -m chronologer`` to its end, in an empty directory."""

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
    """The test's directory, for users other than ours too."""
    os.chmod(tmp_path, 0o777)
    for directory in tmp_path.parents[:-1]:
        os.chmod(directory, directory.stat().st_mode | 0o055)
    return tmp_path


@pytest.fixture
def python_for_all(monkeypatch):
    """A Python, with what the server needs, that any user can run; ours may live in /root."""
    monkeypatch.setenv('PYTHONPATH', f'{ROOT}:{sysconfig.get_path("purelib")}')
    monkeypatch.setenv('PYTHONDONTWRITEBYTECODE', '1')
    system = f'/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}'
    for python in (sys.executable, system):
        if can_run(python):
            return python
    raise AssertionError(f'user nobody can run neither {sys.executable} nor {system}')


def can_run(python: str) -> bool:
    """Whether user nobody can run it with the server's dependencies."""
    try:
        code = 'import granian, chronologer.cli'
        return subprocess.run([python, '-c', code], user='nobody', cwd='/').returncode == 0
    except OSError:
        return False


def check_refused(done: subprocess.CompletedProcess, *named: str) -> None:
    """One clear line, status 2, no traceback."""
    assert 2 == done.returncode
    assert '' == done.stdout
    (line,) = done.stderr.splitlines()
    for text in named:
        assert text in line


def test_version_and_help(run):
    """Every option is explained."""
    from chronologer import __version__

    assert f'chronologer {__version__}\n' == run('--version').stdout
    for option in ('-c', '-e', 'serve', 'migrate', 'copy', 'README'):
        assert option in run('--help').stdout
    for option in ('-m', '-d', '--workers', '-p', '-u', '-g'):
        assert option in run('serve', '--help').stdout
    assert 2 == run().returncode
    assert 2 == run('dance').returncode


def test_migrate_says_what_it_did(run, tmp_path):
    """And can be repeated."""
    for _ in range(2):
        done = run('-e', 'production', 'migrate')
        assert 0 == done.returncode
        assert 'is up to date' in done.stdout
        assert '' == done.stderr
    assert (tmp_path / 'chronologer.sqlite').exists()


def test_serve_wants_a_migrated_storage(run):
    """Older and newer schemas are refused, with what to do."""
    check_refused(run('serve'), 'has not been created', 'migrate', '-m')


def test_serve_refuses_a_newer_schema(run, tmp_path):
    """Also with -m: it cannot be migrated back."""
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
def test_what_cannot_work_is_one_clear_line(run, arguments, settings, named):
    """Wrong DSN, address or environment, unreadable envconf."""
    port = settings.pop('port', 0)
    check_refused(run(*arguments, 'serve', '-m', port=port, **settings), *named)


def test_a_port_in_use_is_refused(run):
    """Before anything is served; the front would share it silently."""
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        check_refused(run('serve', '-m', port=port), str(port), 'in use')


def test_a_second_server_is_refused(run, tmp_path):
    """On the same port."""
    with Server(tmp_path) as server:
        check_refused(run('serve', '-m', port=server.port), 'in use')


def test_a_public_address_without_password_is_warned_about(tmp_path):
    """Loudly; with one there is silence."""
    with Server(tmp_path, host='0.0.0.0') as server:
        assert 'WARNING' in server.log.read_text()
    server.log.unlink()
    with Server(tmp_path, host='0.0.0.0', password='secret') as server:
        assert 'WARNING' not in server.log.read_text()


def test_detached_server_answers_when_the_command_returns(run, tmp_path):
    """It has said its line; pid file and log are there; it stops at SIGTERM and cleans up."""
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
    """Whoever started it sees why, and the status says so."""
    done = run('serve', '-m', '-d', *arguments)
    assert 0 != done.returncode
    assert 1 == len((done.stdout + done.stderr).splitlines())
    assert arguments[1] in done.stdout + done.stderr


@pytest.mark.parametrize('number', ['0', '-1', 'two', '2.0', '1000'])
def test_a_number_of_workers_is_one(run, number):
    """Of a size that a machine may have."""
    check_refused(run('serve', '-m', '--workers', number), 'CHRONOLOGER_WORKERS', number)


def test_the_option_goes_before_the_setting(tmp_path):
    """For the number of workers."""
    with Server(tmp_path, '--workers', '3', workers=2) as server:
        assert 3 == len(server.workers())


def test_a_host_name_is_resolved(tmp_path):
    """The front takes addresses only."""
    with Server(tmp_path, host='localhost') as server:
        assert 'http://localhost:' in server.log.read_text()


def test_a_pid_file_with_our_own_id_is_stale(tmp_path):
    """In a container each run may have the same."""
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


def test_a_stale_pid_file_is_no_hindrance(tmp_path):
    """It is left behind by a crash."""
    ended = subprocess.Popen([sys.executable, '-c', ''])
    ended.wait()
    pid_file = tmp_path / 'pid'
    pid_file.write_text(str(ended.pid))
    with Server(tmp_path, '-p', 'pid') as server:
        assert server.process.pid == int(pid_file.read_text())
    assert not pid_file.exists()


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
        del files['server.log']  # of the test
        assert {(65534, 65534)} == {(stat.st_uid, stat.st_gid) for stat in files.values()}
        database = [f'chronologer.sqlite{end}' for end in ('', '-shm', '-turn', '-wal')]
        assert [*database, 'log', 'pid'] == sorted(files)


@needs_root
def test_a_low_port_and_a_change_of_user_do_not_go_together(run, open_path, python_for_all):
    """Said in one line; where the system lets everybody have such ports, it works."""
    start = int(Path('/proc/sys/net/ipv4/ip_unprivileged_port_start').read_text())
    if start <= 1:
        pytest.skip('this system gives low ports to everybody')
    done = run('serve', '-m', '-u', 'nobody', port=start - 1, python=python_for_all)
    check_refused(done, str(start - 1), '-u', 'root')


@needs_root
def test_an_installation_that_the_user_cannot_read_is_refused(run):
    """Before the worker fails over and over."""
    if os.access(sys.executable, os.R_OK) and can_run(sys.executable):
        pytest.skip('this Python is readable by everybody')
    check_refused(run('serve', '-m', '-u', 'nobody'), 'cannot read', sys.executable)


@pytest.mark.parametrize(
    'arguments', [('-u', 'nobody-at-all'), ('-g', 'nobody-at-all'), ('-u', '4294967296')]
)
def test_unknown_users_are_refused(run, arguments):
    """By name or number."""
    check_refused(run('serve', '-m', *arguments), arguments[1])


def test_without_the_extra_it_says_what_to_install(tmp_path):
    """The client's users have no server dependencies."""
    code = (
        'import sys; sys.path[:0] = [sys.argv.pop(1)]\n'
        'sys.modules["granian"] = None\n'
        'from chronologer.cli import main; sys.exit(main())'
    )
    command = [sys.executable, '-c', code, ROOT, 'serve']
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    check_refused(done, 'granian', "pip install 'chronologer[server]'")


def wait_for_end(pid: int) -> None:
    """The process is not our child."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f'process {pid} has not ended')
