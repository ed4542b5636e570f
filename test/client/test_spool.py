"""Batches on disk, while the server is away."""

import logging
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import time

import pytest

from chronologer.client import BatchJsonHandler, Counters, sender
from chronologer.client import spool as spool_module
from chronologer.client.buffer import Batch
from chronologer.client.spool import ABANDONED, BLOCK, Spool, SpoolFullError
from test.client.conftest import logging_to, wait_for
from test.client.peer import TIMEOUT, Peer, answer, refused_port

pytestmark = pytest.mark.usefixtures('short_delays')

AWAY = f'127.0.0.1:{refused_port()}'
DENIED = answer(401, {'error': {'type': 'AuthenticationError', 'message': 'wrong password'}})


@pytest.fixture
def directory(tmp_path):
    """For a spool; not there yet."""
    return tmp_path / 'var/spool'


def files(directory) -> list[str]:
    """What is in a spool, but for its lock."""
    return sorted(name for name in os.listdir(directory) if name != 'lock')


def opened(directory, max_bytes: int = 2**20) -> Spool:
    """A spool that may be used."""
    spool = Spool(str(directory), max_bytes)
    spool.make()
    return spool


def batch(*texts: str) -> Batch:
    """Lines that need not be records here."""
    return Batch([text.encode() for text in texts])


def name_of(number: int, key: str, suffix: str = '.gz') -> str:
    """Of a file in a spool."""
    return f'{number:020}-1-{key * 32}.ndjson{suffix}'


def taken(spool: Spool) -> list[list[bytes]]:
    """The lines of all batches, removed one by one."""
    lines = []
    while (first := spool.first()) is not None:
        lines.append(first.lines)
        spool.remove_first()
    return lines


def test_batches_come_back_in_their_order(directory):
    """With their keys, also to another process; then nothing is left."""
    spool = opened(directory)
    assert spool.is_empty()
    one, two = batch('a', 'b'), batch('c')
    spool.add(one)
    spool.add(two)
    other = opened(directory)
    first = other.first()
    assert ([b'a', b'b'], one.key, one.body) == (first.lines, first.key, first.body)
    other.remove_first()
    spool.add(batch('d'))
    assert [[b'c'], [b'd']] == taken(other)
    assert spool.is_empty()
    assert [] == files(directory)


def test_nobody_else_may_read_it(directory):
    """Neither the directory nor a file."""
    opened(directory).add(batch('a'))
    assert 0o700 == stat.S_IMODE(directory.stat().st_mode)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


def test_it_is_bounded(directory, monkeypatch):
    """By what files take on disk, of all processes; room comes back."""
    monkeypatch.setattr(spool_module, 'SURVEY', 0.0)
    spool, other = opened(directory, 3 * BLOCK), opened(directory, 3 * BLOCK)
    for each in (spool, other):
        each.add(batch('a'))
    with pytest.raises(SpoolFullError, match='has reached 12,288 bytes'):
        spool.add(Batch([os.urandom(BLOCK + 1)]))
    assert 2 == len(files(directory))
    assert 2 == len(taken(spool))
    spool.add(Batch([os.urandom(BLOCK + 1)]))


def test_what_cannot_be_read_is_put_aside(directory):
    """It holds up nothing, and stays for who wants to look."""
    spool = opened(directory)
    for text in 'abc':
        spool.add(batch(text))
    first, second, _ = (directory / name for name in files(directory))
    first.write_bytes(first.read_bytes()[:10])
    second.write_bytes(b'nonsense')
    assert [[b'c']] == taken(spool)
    assert spool.is_empty()
    assert ['.unreadable', '.unreadable'] == [
        path.suffix for path in sorted(directory.glob('*.un*'))
    ]


def test_what_was_not_completed_is_not_there(directory):
    """A process was killed while it wrote; what it left is removed some time later."""
    spool = opened(directory)
    new, old = (name_of(0, 'a', '.part'), name_of(1, 'b', '.part'))
    for name, age in ((new, 0), (old, ABANDONED + 60)):
        (directory / name).write_bytes(b'x')
        os.utime(directory / name, (time.time() - age, time.time() - age))
    assert spool.is_empty()
    spool.add(batch('a'))
    assert [[b'a']] == taken(spool)
    assert [new] == files(directory)


def test_files_of_others_are_left_alone(directory):
    """Neither sent nor removed, whatever they are called."""
    directory.mkdir(parents=True)
    (directory / 'old.part').write_bytes(b'x')
    os.utime(directory / 'old.part', (1, 1))
    (directory / 'export.ndjson.gz').write_bytes(batch('{}').body)
    (directory / '中-1-a.ndjson.gz').mkdir()
    before = files(directory)
    spool = Spool(str(directory), 2 * BLOCK)
    spool.add(batch('a'))
    assert [[b'a']] == taken(spool)
    assert before == files(directory)


def test_what_may_not_be_read_is_put_aside(directory):
    """Or is no file; it holds up nothing."""
    spool = opened(directory)
    (directory / name_of(1, 'a')).mkdir()
    spool.add(batch('b'))
    assert [[b'b']] == taken(spool)
    assert spool.is_empty()


def test_what_cannot_be_removed_is_sent_once(directory, monkeypatch):
    """By this process; what follows is sent too."""
    spool = Spool(str(directory), 2**20)
    for text in 'ab':
        spool.add(batch(text))

    def fail(*_, **__):
        raise PermissionError

    assert [b'a'] == spool.first().lines
    with monkeypatch.context() as patch:
        patch.setattr('pathlib.Path.unlink', fail)
        with pytest.raises(PermissionError):
            spool.remove_first()
    assert [[b'b']] == taken(spool)


def test_order_when_the_clock_is_put_back(directory, monkeypatch):
    """Between two runs of a program."""
    Spool(str(directory), 2**20).add(batch('a'))
    monkeypatch.setattr('time.time_ns', lambda: 10**18)
    spool = Spool(str(directory), 2**20)
    spool.add(batch('b'))
    assert [[b'a'], [b'b']] == taken(spool)


def test_a_directory_that_is_gone_is_made_again(directory):
    """Something has cleaned up."""
    spool = opened(directory)
    shutil.rmtree(directory)
    assert spool.is_empty()
    spool.add(batch('a'))
    assert [[b'a']] == taken(spool)


def test_others_may_take_batches_meanwhile(directory):
    """Nobody falls over a file that is gone."""
    spool, other = opened(directory), opened(directory)
    for text in 'abc':
        spool.add(batch(text))
    assert [b'a'] == spool.first().lines
    assert 3 == len(taken(other))
    spool.remove_first()
    assert spool.first() is None


def test_a_directory_that_cannot_be_used_is_refused_at_once(tmp_path):
    """When the handler is made."""
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'):
        BatchJsonHandler('localhost', spool=str(tmp_path / 'file'))


def test_a_child_process_can_do_without(directory):
    """A directory that is gone costs a forked process nothing but the spool."""
    program = (
        'import logging, os, shutil, sys\n'
        'from chronologer.client import BatchJsonHandler\n'
        'handler = BatchJsonHandler(sys.argv[1], spool=sys.argv[2])\n'
        'logging.getLogger("app").addHandler(handler)\n'
        'shutil.rmtree(sys.argv[2])\n'
        'child = os.fork()\n'
        'logging.getLogger("app").warning("child" if child == 0 else "parent")\n'
        'if child:\n'
        '    sys.exit(os.waitpid(child, 0)[1])\n'
    )
    with Peer() as peer:
        command = [sys.executable, '-c', program, peer.host, str(directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        assert ('', 0) == (done.stderr, done.returncode)
        assert ['child', 'parent'] == sorted(peer.messages)


def test_batches_that_cannot_be_sent_go_to_disk(directory):
    """And are sent when the server is back: in order, once, with what came meanwhile."""
    with Peer() as peer:
        host = peer.host
    with logging_to(host, capacity=2, spool=str(directory), maxBytes=20_000) as (logger, handler):
        for number in range(200):
            logger.info('%d', number)
            if number % 20 == 0:
                handler.flush()
        handler.flush()
        assert Counters(spooled=200) == handler.counters._replace(retried=0)
        assert len(files(directory)) > 100
        with peer:
            peer.wait_for(lambda: len(peer.messages) == 200)
            logger.info('200')
            handler.flush()
            wait_for(lambda: handler.counters.sent == 201)
    assert [str(number) for number in range(201)] == peer.messages
    assert 201 == handler.counters.sent
    assert 0 == handler.counters.dropped
    assert [] == files(directory)


def test_what_is_left_at_the_end_goes_to_disk(directory):
    """At once if the server is known to be away; the next run of the program sends it."""
    with logging_to(AWAY, spool=str(directory), capacity=10) as (logger, handler):
        for number in range(25):
            logger.info('%d', number)
    assert Counters(spooled=25) == handler.counters._replace(retried=0)
    with Peer() as peer, logging_to(peer.host, spool=str(directory)) as (logger, handler):
        peer.wait_for(lambda: len(peer.messages) == 25)
        logger.info('25')
        handler.flush()
        wait_for(lambda: handler.counters.sent == 26)
    assert [str(number) for number in range(26)] == peer.messages
    assert [] == files(directory)


def test_a_batch_of_which_nothing_is_known_keeps_its_key(directory):
    """The server has stored it and the answer was lost: sent by the next run, it is stored once."""

    def take_and_say_nothing(connection, request):
        request.records = [{'message': 'taken'}]

    with Peer(take_and_say_nothing) as peer:
        with logging_to(peer.host, spool=str(directory), closeTimeout=0.2) as (logger, handler):
            logger.info('one')
            handler._sender.flush(0.0)
            peer.wait_for(lambda: peer.requests)
        assert 1 == handler.counters.spooled
        peer.answers = [None]
        with logging_to(peer.host, spool=str(directory)):
            peer.wait_for(lambda: len(peer.requests) == 2)
        first, second = peer.requests
        assert (first.key, first.lines) == (second.key, second.lines)


def test_what_others_have_left_is_sent(directory, monkeypatch):
    """By a process that has no trouble itself."""
    monkeypatch.setattr(sender, 'LOOK', 0.0)
    with Peer() as peer, logging_to(peer.host, spool=str(directory)) as (logger, handler):
        logger.info('one')
        handler.flush()
        with logging_to(AWAY, spool=str(directory), prefix='other') as (other, _):
            other.info('two')
        logger.info('three')
        handler.flush()
        wait_for(lambda: not files(directory))
    assert ['one', 'three', 'two'] == peer.messages


def test_a_wrong_password_costs_nothing(directory, own_log):
    """Records stay on disk; it is said once."""
    with Peer(DENIED) as peer, logging_to(peer.host, spool=str(directory)) as (logger, handler):
        for text in ('one', 'two'):
            logger.info(text)
            handler.flush()
        peer.wait_for(lambda: len(peer.requests) > 4)
        why = 'RefusedError: 1 record refused: 401 Said: AuthenticationError: wrong password'
        assert [('one', f'{why}; what is refused stays in the spool')] == handler.errors
        peer.answers = [None]
        wait_for(lambda: handler.counters.sent == 2)
        assert ['one', 'two'] == peer.messages
    assert 0 == handler.counters.dropped
    assert 2 == len(own_log())


def test_a_batch_on_disk_that_is_refused_is_dropped(directory):
    """As one in memory is."""
    with Peer(answer(503), answer(400), None) as peer:
        with logging_to(peer.host, spool=str(directory)) as (logger, handler):
            logger.info('one')
            handler.flush()
            peer.wait_for(lambda: len(peer.requests) == 2)
            logger.info('two')
            handler.flush()
            wait_for(lambda: handler.counters.sent == 1)
        assert [('one', 'RefusedError: 1 record refused: 400 Said')] == handler.errors
    assert Counters(1, 1, 1) == handler.counters._replace(spooled=0)


def test_when_disk_and_memory_are_full(directory, own_log):
    """Disk keeps the oldest, memory the newest; in between the oldest are dropped."""
    with (
        Peer(answer(503)) as peer,
        logging_to(
            peer.host, capacity=5, spool=str(directory), spoolBytes=4 * BLOCK, maxBytes=20_000
        ) as (logger, handler),
    ):
        for number in range(2000):
            logger.info('%d', number)
            if number == 100:
                peer.wait_for(lambda: len(peer.requests) > 3)
        counters = handler.counters
        assert (True, True) == (counters.dropped > 500, counters.spooled > 5)
        peer.answers = [None]
        handler.flush()
    arrived = [int(message) for message in peer.messages]
    assert sorted(set(arrived)) == arrived
    assert arrived[:10] == list(range(10))
    assert 2000 == len(arrived) + handler.counters.dropped
    assert any('are being lost: no room in memory (' in line for line in own_log())


def test_a_disk_that_fails_is_as_a_full_one(directory, own_log):
    """Records wait in memory."""
    options = {'spool': str(directory), 'flushTimeout': 0.01}
    with Peer(answer(503)) as peer, logging_to(peer.host, **options) as (logger, handler):
        os.rename(directory, directory.with_name('gone'))
        directory.write_text('not a directory')
        logger.info('one')
        peer.wait_for(lambda: len(peer.requests) > 3)
        assert Counters(waiting=1) == handler.counters._replace(retried=0)
        peer.answers = [None]
        handler.flush()
        assert ['one'] == peer.messages


PROGRAM = """
import logging, sys
from chronologer.client import BatchJsonHandler
host, directory, name, count = sys.argv[1:]
handler = BatchJsonHandler(host, spool=directory, capacity=7, closeTimeout=10)
logger = logging.Logger('app')
logger.addHandler(handler)
for number in range(int(count)):
    logger.info('%s %d', name, number)
handler.close()
counters = handler.counters
print(counters.sent, counters.dropped)
"""


def test_several_processes_share_a_directory(directory):
    """Those that end while the server is away, and those that find it back: each record once."""

    def run(host: str, name: str, count: int) -> subprocess.Popen:
        command = [sys.executable, '-c', PROGRAM, host, str(directory), name, str(count)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def ends(processes: list) -> int:
        lines = [process.communicate(timeout=TIMEOUT)[0].split() for process in processes]
        assert {'0'} == {dropped for _, dropped in lines}
        return sum(int(sent) for sent, _ in lines)

    assert 0 == ends([run(AWAY, f'a{n}', 100) for n in range(3)])
    with Peer() as peer:
        sent = ends([run(peer.host, f'b{n}', 100) for n in range(3)])
        with logging_to(peer.host, spool=str(directory)):
            peer.wait_for(lambda: len(peer.messages) == 600)
        for name in ('a0', 'a1', 'a2', 'b0', 'b1', 'b2'):
            mine = [message for message in peer.messages if message.startswith(name)]
            assert [f'{name} {number}' for number in range(100)] == mine
    assert sent > 0
    assert [] == files(directory)


def test_the_lock_of_a_process_that_was_killed_is_free(directory):
    """Another one sends."""
    program = (
        'import sys, time\n'
        'from chronologer.client.spool import Spool\n'
        'spool = Spool(sys.argv[1], 2**20)\n'
        'spool.make()\n'
        'with spool.sending() as is_sender:\n'
        '    print(is_sender, flush=True)\n'
        '    time.sleep(60)\n'
    )
    command = [sys.executable, '-c', program, str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert 'True\n' == process.stdout.readline()
    spool = opened(directory)
    with spool.sending() as is_sender:
        assert not is_sender
    process.kill()
    process.communicate(timeout=TIMEOUT)
    with spool.sending() as is_sender:
        assert is_sender


def test_a_copy_of_the_lock_holds_up_nobody(directory):
    """A process that was forked just then has one, for as long as it runs."""
    spool, other = Spool(str(directory), 2**20), Spool(str(directory), 2**20)
    spool.make()
    with spool.sending():
        copy = os.dup(spool._lock)
    with other.sending() as is_sender:
        assert is_sender
    os.close(copy)


def test_a_directory_that_is_gone(directory, own_log):
    """Though there were batches in it; what comes then is sent, and it is made again."""
    with (
        Peer(answer(503)) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        shutil.rmtree(directory)
        peer.answers = [None]
        logger.info('two')
        handler.flush()
        wait_for(lambda: peer.messages == ['two'])


def test_a_disk_that_cannot_be_read_holds_up_nothing(directory, own_log, monkeypatch):
    """What is in memory is sent; what is on disk follows when it can."""
    monkeypatch.setattr(sender, 'LOOK', 0.05)
    with (
        Peer(answer(503)) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        os.rename(directory, directory.with_name('elsewhere'))
        directory.write_text('')
        peer.answers = [None]
        logger.info('two')
        handler.flush()
        assert ['two'] == peer.messages
        assert 'the spool cannot be used: Not a directory' in '\n'.join(own_log())
        directory.unlink()
        os.rename(directory.with_name('elsewhere'), directory)
        wait_for(lambda: peer.messages == ['two', 'one'])


def test_a_relative_directory_stays_where_it_is(tmp_path, monkeypatch):
    """As a program that becomes a daemon changes to the root."""
    monkeypatch.chdir(tmp_path)
    handler = BatchJsonHandler(AWAY, spool='spool', closeTimeout=0)
    monkeypatch.chdir('/')
    handler.handle(logging.makeLogRecord({'msg': 'one', 'levelno': logging.INFO}))
    handler.close()
    assert 1 == len(files(tmp_path / 'spool'))


def test_a_file_without_records_is_dropped(directory):
    """The server refuses it; handleError has its text."""
    spool = Spool(str(directory), 2**20)
    spool.add(batch('nonsense'))
    with Peer(answer(400)) as peer, logging_to(peer.host, spool=str(directory)) as (_, handler):
        wait_for(
            lambda: handler.errors == [('nonsense', 'RefusedError: 1 record refused: 400 Said')]
        )
        wait_for(lambda: not files(directory))


def test_a_wrong_password_is_told_after_another_failure(directory):
    """To handleError, once."""
    with (
        Peer(answer(503), DENIED) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        peer.wait_for(lambda: len(peer.requests) > 4)
        assert 1 == len(handler.errors)


def test_close_that_is_interrupted(directory, monkeypatch):
    """What is left goes to disk all the same."""
    with (
        Peer(lambda *_: None) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')

        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(handler._sender._changed, 'wait_for', interrupt)
        with pytest.raises(KeyboardInterrupt):
            handler.close()
        assert 1 == handler.counters.spooled


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_a_child_that_ends_leaves_its_records_on_disk(directory):
    """One of multiprocessing, when the server says nothing."""
    with (
        Peer(lambda *_: None) as peer,
        logging_to(peer.host, spool=str(directory), closeTimeout=0.2) as (logger, _),
    ):
        context = multiprocessing.get_context('fork')
        process = context.Process(target=logger.info, args=['one'])
        process.start()
        process.join(TIMEOUT)
        assert 1 == len(files(directory))


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_a_fork_does_not_need_the_disk(directory):
    """A child may have lost the right to it; it logs all the same."""
    with Peer() as peer, logging_to(peer.host, spool=str(directory)) as (logger, handler):
        shutil.rmtree(directory)
        directory.write_text('')
        child = os.fork()
        if child == 0:
            logger.info('child')
            handler.flush()
            os._exit(handler.counters.sent != 1)
        assert 0 == os.waitpid(child, 0)[1]
        assert ['child'] == peer.messages
