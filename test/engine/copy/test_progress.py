"""Progress as a bar in a terminal and as lines elsewhere, and the output of the command."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from chronologer.copy import open_target
from chronologer.copy.progress import Lines
from chronologer.errors import shown
from chronologer.model import Filter
from test.engine.copy.records import make


@pytest.fixture
def run(tmp_path):
    """Run ``python -m chronologer copy`` to its end."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, '-m', 'chronologer', 'copy', *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def check_refused(done: subprocess.CompletedProcess, *named: str) -> None:
    """Check that the output ends with one clear line, with status 2 and without a traceback."""
    assert 2 == done.returncode
    line = done.stderr.splitlines()[-1]
    assert 'Traceback' not in done.stderr
    for text in ('chronologer: ', *named):
        assert text in line, shown(line)


def test_lines_are_printed_from_time_to_time():
    """Lines have rate and remaining time; there may be more records than were counted."""
    stream, times = io.StringIO(), iter([100, 101, 109, 110, 110, 150, 150, 151, 200])
    lines = Lines('copying', 10_000, 5000, stream, lambda: next(times))
    for count in (500, 500, 500, 3000, 1000):
        lines.add(count)
    lines.print()
    assert [
        'copying: 6,500 of 10,000 records, 65%, 150/s, 00:23 left',
        'copying: 9,500 of 10,000 records, 95%, 90/s, 00:05 left',
        'copying: 10,500 of 10,500 records, 100%, 55/s, 00:00 left',
    ] == stream.getvalue().splitlines()


def test_an_empty_copy_is_reported():
    """An empty copy has no rate."""
    stream = io.StringIO()
    Lines('copying', 0, 0, stream, lambda: 1).print()
    assert 'copying: 0 of 0 records, 100%\n' == stream.getvalue()


@pytest.mark.parametrize('size', [(24, 100), (0, 0)])
def test_a_bar_in_a_terminal(source, source_dsn, new_dsn, size):
    """The bar grows within one line, with records, rate and remaining time."""
    source.insert([make(6000)] * 2)
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('4H', *size, 0, 0))
    command = [sys.executable, '-m', 'chronologer', 'copy', source_dsn, new_dsn()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    output = b''
    while True:
        try:
            output += os.read(reader, 2**16)
        except OSError:  # EIO: the other end was closed
            break
    os.close(reader)
    printed, _ = process.communicate()
    assert 0 == process.returncode
    copying, verifying, rest = output.decode().split('\r\n')
    for text in copying, verifying:
        last = text.rpartition('\r')[2]
        assert '100%|' in last
        assert len(last) <= (size[1] or 80)
        assert '12,000/12,000 [' in last
        assert ' records/s, 00:00 left]' in last
    assert 'copying:   0%|' in copying
    assert '' == rest
    assert [
        'copied 12,000 records and 0 saved searches',
        '12,000 records of 250 days are the same in both',
    ] == printed.decode().splitlines()


def test_output_without_a_terminal(source, source_dsn, new_dsn, run):
    """A pipe gets a line at least at the end; a second run has nothing to copy."""
    source.insert([make(10)])
    target = new_dsn()
    done = run(source_dsn, target)
    assert ['copying: 10 of 10', 'verifying: 10 of 10'] == [
        line.partition(' records')[0] for line in done.stderr.splitlines()
    ]
    assert (0, 'copied 10 records and 0 saved searches') == (
        done.returncode, done.stdout.splitlines()[0]
    )  # fmt: skip
    assert run(source_dsn, target).stdout.startswith('copied 0 records')


def test_days_that_differ_are_listed(source, source_dsn, new_dsn, run):
    """Days with differences are listed, and the exit status is 2."""
    source.insert([make(100)])
    target = new_dsn()
    records = list(source.since(0, Filter(), 100, whole=True))
    with open_target(target) as storage:
        storage.migrate()
        del records[49]
        storage.restore([records[0]._replace(level=1), *records[1:]])
    done = run(source_dsn, target)
    check_refused(done, '2 days')
    assert [
        ['day', 'source', 'target', 'missing', 'changed'],
        ['2024-06-01', '24', '24', '0', '1'],
        ['2024-06-03', '24', '23', '1', '0'],
    ] == [line.split() for line in done.stdout.splitlines()[1:]]


def test_purged_records_are_reported(source, source_dsn, new_dsn, run):
    """Records that are no longer in the source are reported, and are no error."""
    source.insert([make(100)])
    target = new_dsn()
    run(source_dsn, target)
    source.purge(make(1, first=30)[0].ts, Filter())
    done = run(source_dsn, target)
    assert 0 == done.returncode
    assert [
        'copied 0 records and 0 saved searches',
        '30 records are no longer in the source; they were copied before',
        '70 records of 5 days are the same in both',
    ] == done.stdout.splitlines()


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (('sqlite:///{}/a', 'sqlite:///{}/a'), 'same storage'),
        (('sqlite:///{}/a', 'sqlite:///{}/b'), 'has not been created'),
        (('sqlite:///{}/a', 'oracle://u:secret@h/'), 'oracle://u:…@h'),
        (('http://u:secret@127.0.0.1:1/', 'sqlite:///{}/b'), 'http://u:…@127.0.0.1:1/'),
        (('http://u:secret@a..b/', 'sqlite:///{}/b'), 'http://u:…@a..b/'),
        (('sqlite:///{}/a', 'http://u:secret@h/'), 'http://u:…@h/'),
        (('mysql://u:secret@127.0.0.1:1/x', 'sqlite:///{}/b'), 'database'),
    ],
)
def test_errors_are_one_clear_line(run, tmp_path, arguments, named):
    """Errors show no passwords, and nothing is created."""
    done = run(*(argument.format(tmp_path) for argument in arguments))
    check_refused(done, named)
    assert 1 == len(done.stderr.splitlines())
    assert 'secret' not in done.stderr + done.stdout
    assert [] == list(tmp_path.iterdir())


def test_help_explains_both(run):
    """The help describes copy and comparison, and that the command can be repeated."""
    text = ' '.join(run('--help').stdout.split())
    for word in ('FROM', 'TO', 'http://user:password@host:port/', 'Run again'):
        assert word in text
