"""Batches on disk while the server is unavailable."""

import gzip
import logging
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import time
import tracemalloc

import pytest

from chronologer.client import BatchJsonHandler, Counters, backoff, sender
from chronologer.client import spool as spool_module
from chronologer.client.buffer import Batch
from chronologer.client.spool import ABANDONED, BLOCK, Spool, SpoolFullError
from test.system.client.conftest import logging_to, wait_for
from test.system.client.peer import TIMEOUT, Peer, answer, refusal, refused_port

pytestmark = pytest.mark.usefixtures('short_delays')

AWAY = f'127.0.0.1:{refused_port()}'
DENIED = answer(401, {'error': {'type': 'AuthenticationError', 'message': 'wrong password'}})


@pytest.fixture
def directory(tmp_path):
    """The path of a spool that does not exist yet."""
    return tmp_path / 'var/spool'


def files(directory) -> list[str]:
    """Return the names of files in a spool, without its lock."""
    return sorted(name for name in os.listdir(directory) if name != 'lock')


def opened(directory, max_bytes: int = 2**20) -> Spool:
    """Return a spool that is ready for use."""
    spool = Spool(str(directory), max_bytes)
    spool.make()
    return spool


def batch(*texts: str) -> Batch:
    """Return a batch of lines, which need not be records here."""
    return Batch([text.encode() for text in texts])


def name_of(number: int, key: str, suffix: str = '.gz') -> str:
    """Return the name of a file in a spool."""
    return f'{number:020}-1-{key * 32}.ndjson{suffix}'


def take_all(spool: Spool) -> list[list[bytes]]:
    """Remove all batches one by one and return their lines."""
    lines = []
    while (first := spool.first()) is not None:
        lines.append(first.lines)
        spool.remove_first()
    return lines


def test_batches_are_read_in_their_order(directory):
    """Another process reads the batches with their keys; afterwards the spool is empty."""
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
    assert [[b'c'], [b'd']] == take_all(other)
    assert spool.is_empty()
    assert [] == files(directory)


def test_permissions(directory):
    """Only the owner may read the directory and its files."""
    opened(directory).add(batch('a'))
    assert 0o700 == stat.S_IMODE(directory.stat().st_mode)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


def test_the_spool_is_bounded(directory, monkeypatch):
    """The limit is of the disk space of all processes; removing batches makes room."""
    monkeypatch.setattr(spool_module, 'SURVEY', 0.0)
    spool, other = opened(directory, 3 * BLOCK), opened(directory, 3 * BLOCK)
    for each in (spool, other):
        each.add(batch('a'))
    with pytest.raises(SpoolFullError, match='has reached 12,288 bytes'):
        spool.add(Batch([os.urandom(BLOCK + 1)]))
    assert 2 == len(files(directory))
    assert 2 == len(take_all(spool))
    spool.add(Batch([os.urandom(BLOCK + 1)]))


def test_unreadable_files_are_renamed(directory):
    """Corrupt files do not block others, and are kept for inspection."""
    spool = opened(directory)
    for text in 'abc':
        spool.add(batch(text))
    first, second, _ = (directory / name for name in files(directory))
    first.write_bytes(first.read_bytes()[:10])
    second.write_bytes(b'nonsense')
    assert [[b'c']] == take_all(spool)
    assert spool.is_empty()
    assert ['.unreadable', '.unreadable'] == [
        path.suffix for path in sorted(directory.glob('*.un*'))
    ]


def test_incomplete_files_are_ignored(directory):
    """A file of a process that was killed while writing is ignored, and removed some time later."""
    spool = opened(directory)
    new, old = (name_of(0, 'a', '.part'), name_of(1, 'b', '.part'))
    for name, age in ((new, 0), (old, ABANDONED + 60)):
        (directory / name).write_bytes(b'x')
        os.utime(directory / name, (time.time() - age, time.time() - age))
    assert spool.is_empty()
    spool.add(batch('a'))
    assert [[b'a']] == take_all(spool)
    assert [new] == files(directory)


def test_foreign_files_are_ignored(directory):
    """Foreign files are neither sent nor removed, whatever their names are."""
    directory.mkdir(parents=True)
    (directory / 'old.part').write_bytes(b'x')
    os.utime(directory / 'old.part', (1, 1))
    (directory / 'export.ndjson.gz').write_bytes(batch('{}').body)
    (directory / '中-1-a.ndjson.gz').mkdir()
    before = files(directory)
    spool = Spool(str(directory), 2 * BLOCK)
    spool.add(batch('a'))
    assert [[b'a']] == take_all(spool)
    assert before == files(directory)


def test_a_directory_in_place_of_a_file(directory):
    """A directory with the name of a batch does not block others."""
    spool = opened(directory)
    (directory / name_of(1, 'a')).mkdir()
    spool.add(batch('b'))
    assert [[b'b']] == take_all(spool)
    assert spool.is_empty()


def test_a_file_that_cannot_be_removed_is_sent_once(directory, monkeypatch):
    """The process does not send the batch again, and sends the following ones."""
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
    assert [[b'b']] == take_all(spool)


def test_order_when_the_clock_is_put_back(directory, monkeypatch):
    """The clock may be set back between two runs of a program."""
    Spool(str(directory), 2**20).add(batch('a'))
    monkeypatch.setattr('time.time_ns', lambda: 10**18)
    spool = Spool(str(directory), 2**20)
    spool.add(batch('b'))
    assert [[b'a'], [b'b']] == take_all(spool)


def test_a_deleted_directory_is_created_again(directory):
    """Another program may delete the directory."""
    spool = opened(directory)
    shutil.rmtree(directory)
    assert spool.is_empty()
    spool.add(batch('a'))
    assert [[b'a']] == take_all(spool)


def test_other_processes_may_remove_batches(directory):
    """A missing file is no error, because another process has sent it."""
    spool, other = opened(directory), opened(directory)
    for text in 'abc':
        spool.add(batch(text))
    assert [b'a'] == spool.first().lines
    assert 3 == len(take_all(other))
    spool.remove_first()
    assert spool.first() is None


def test_an_unusable_directory_is_refused(tmp_path):
    """The error is raised when the handler is created."""
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'):
        BatchJsonHandler('localhost', spool=str(tmp_path / 'file'))


@pytest.mark.parametrize('mode', [0o777, 0o770, 0o702, 0o1777])
def test_a_directory_that_others_can_write_to_is_refused(directory, mode):
    """Others could put files of any content into the log, in the name of this program."""
    directory.mkdir(parents=True)
    directory.chmod(mode)
    with pytest.raises(PermissionError, match='other users can write to the spool; chmod go-w'):
        BatchJsonHandler('localhost', spool=str(directory))
    directory.chmod(0o755)
    with logging_to(AWAY, spool=str(directory), closeTimeout=0):
        pass


def test_a_directory_of_somebody_else_is_refused(directory, monkeypatch):
    """Its owner could read the records, and add some."""
    directory.mkdir(parents=True)
    monkeypatch.setattr('os.geteuid', lambda: os.getuid() + 7)
    with pytest.raises(PermissionError, match=r'the spool belongs to user \d+, this process'):
        BatchJsonHandler('localhost', spool=str(directory))


def test_a_directory_that_is_opened_to_others_later(directory, own_log, monkeypatch):
    """Its batches are not sent, and none are added; records wait in memory."""
    monkeypatch.setattr(sender, 'LOOK', 0.05)
    options = {'spool': str(directory), 'flushTimeout': 0.01}
    with Peer(answer(503)) as peer, logging_to(peer.host, **options) as (logger, handler):
        logger.info('one')
        wait_for(lambda: handler.counters.spooled == 1)
        directory.chmod(0o777)
        logger.info('two')
        peer.wait_for(lambda: len(peer.requests) > 3)
        peer.answers = [None]
        handler.flush()
        assert ['two'] == peer.messages
        directory.chmod(0o700)
        wait_for(lambda: peer.messages == ['two', 'one'])
    assert any('other users can write to the spool' in line for line in own_log())


def test_a_link_to_a_directory(directory, tmp_path):
    """The administrator may have moved the spool to another disk."""
    (tmp_path / 'disk').mkdir(0o700)
    directory.parent.mkdir(parents=True)
    directory.symlink_to(tmp_path / 'disk')
    opened(directory).add(batch('a'))
    assert [[b'a']] == take_all(opened(directory))


def test_links_are_not_followed(directory, tmp_path):
    """A link in place of a batch is set aside; one in place of the lock is refused."""
    secret = tmp_path / 'secret'
    secret.write_bytes(batch('secret').body)
    spool = opened(directory)
    (directory / name_of(1, 'a')).symlink_to(secret)
    spool.add(batch('b'))
    assert [[b'b']] == take_all(spool)
    (directory / 'lock').unlink()
    (directory / 'lock').symlink_to(tmp_path / 'new')
    with pytest.raises(OSError, match='lock'):
        Spool(str(directory), 2**20).make()
    assert not (tmp_path / 'new').exists()


def test_a_pipe_in_place_of_a_file(directory):
    """It is set aside; nothing waits for its writer."""
    spool = opened(directory)
    os.mkfifo(directory / name_of(1, 'a'))
    spool.add(batch('b'))
    assert [[b'b']] == take_all(spool)


@pytest.mark.parametrize(
    'contents',
    [
        gzip.compress(bytes(2**26)),
        gzip.compress(b'\n' * 1000),
        os.urandom(100) + bytes(2**25),
        batch('a').body + batch('b').body,
    ],
    ids=['bytes', 'lines', 'file', 'members'],
)
def test_a_file_that_is_larger_than_any_batch(directory, contents):
    """It is set aside: unpacking it could use up the memory."""
    spool = opened(directory, 2**30)
    (directory / name_of(1, 'a')).write_bytes(contents)
    spool.add(batch('b'))
    tracemalloc.start()
    try:
        assert [[b'b']] == take_all(spool)
        assert tracemalloc.get_traced_memory()[1] < 2**27
    finally:
        tracemalloc.stop()
    assert [name_of(1, 'a', '.unreadable')] == files(directory)


def test_a_child_process_works_without_the_directory(directory):
    """A forked process sends its records also if the directory was deleted."""
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


def test_unsent_batches_are_spooled(directory):
    """When the server is available again, all records are sent in order, once."""
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


def test_records_left_at_the_end_are_spooled(directory):
    """If the server is unavailable, close spools immediately; the next run sends the records."""
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


def test_a_batch_without_an_answer_keeps_its_key(directory):
    """The next run sends a batch whose answer was lost with its key, so that it is stored once."""

    def store_without_answer(connection, request):
        request.records = [{'message': 'stored'}]

    with Peer(store_without_answer) as peer:
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


def test_batches_of_other_processes_are_sent(directory, monkeypatch):
    """A process sends the spooled batches of others also if it has had no failure itself."""
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


def test_a_wrong_password_loses_nothing(directory, own_log):
    """The records stay on disk, and the error is reported once."""
    with Peer(DENIED) as peer, logging_to(peer.host, spool=str(directory)) as (logger, handler):
        for text in ('one', 'two'):
            logger.info(text)
            handler.flush()
        peer.wait_for(lambda: len(peer.requests) > 4)
        why = 'RefusedError: 1 record refused: 401 Said: AuthenticationError: wrong password'
        assert [('one', f'{why}; refused batches stay in the spool')] == handler.errors
        peer.answers = [None]
        wait_for(lambda: handler.counters.sent == 2)
        assert ['one', 'two'] == peer.messages
    assert 0 == handler.counters.dropped
    assert 2 == len(own_log())


@pytest.mark.parametrize('status', [404, 405])
def test_a_wrong_address_loses_nothing(status, directory, monkeypatch):
    """The records stay on disk, as with a wrong password, however long it takes."""
    monkeypatch.setattr(backoff, 'MAX_FAULTS', 2)
    with (
        Peer(refusal(status, 'NotFoundError')) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        peer.wait_for(lambda: len(peer.requests) > 6)
        assert 1 == len(handler.errors)
        assert 'refused batches stay in the spool' in handler.errors[0][1]
        peer.answers = [None]
        wait_for(lambda: handler.counters.sent == 1)
    assert 0 == handler.counters.dropped


@pytest.mark.parametrize('status', [400, 405, 409, 411, 413, 415, 404, 500])
def test_a_refusal_of_a_proxy_does_not_empty_the_spool(status, directory, monkeypatch):
    """The batch stays on disk until Chronologer answers."""
    monkeypatch.setattr(backoff, 'MAX_FAULTS', 2)
    with (
        Peer(answer(status)) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        peer.wait_for(lambda: len(peer.requests) > 6)
        assert 1 == len(files(directory))
        peer.answers = [None]
        wait_for(lambda: handler.counters.sent == 1)
    assert 0 == handler.counters.dropped


def test_a_refused_batch_on_disk_is_dropped(directory):
    """A rejected batch on disk is reported like one in memory."""
    with Peer(answer(503), refusal(400), None) as peer:
        with logging_to(peer.host, spool=str(directory)) as (logger, handler):
            logger.info('one')
            handler.flush()
            peer.wait_for(lambda: len(peer.requests) == 2)
            logger.info('two')
            handler.flush()
            wait_for(lambda: handler.counters.sent == 1)
        why = 'RefusedError: 1 record refused: 400 Said: InputError: no'
        assert [('one', why)] == handler.errors
    assert Counters(1, 1, 1) == handler.counters._replace(spooled=0)


def test_disk_and_memory_are_full(directory, own_log):
    """The disk keeps the oldest records and memory the newest; those between are dropped."""
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


def test_a_failing_disk_is_like_a_full_one(directory, own_log):
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
    """Records of processes that end during an outage, and of later ones, are sent once."""

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


def test_the_lock_of_a_killed_process_is_free(directory):
    """Another process becomes the sender."""
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


def test_a_copy_of_the_lock_blocks_no_process(directory):
    """A process that was forked while the lock was held has a copy of its descriptor."""
    spool, other = Spool(str(directory), 2**20), Spool(str(directory), 2**20)
    spool.make()
    with spool.sending():
        copy = os.dup(spool._lock)
    with other.sending() as is_sender:
        assert is_sender
    os.close(copy)


def test_a_directory_deleted_with_batches(directory, own_log):
    """Its batches are lost; later records are sent, and the directory is created again."""
    with (
        Peer(answer(503)) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        gone = directory.with_name('gone')  # a batch may be written while a directory is deleted
        os.rename(directory, gone)
        shutil.rmtree(gone)
        peer.answers = [None]
        logger.info('two')
        handler.flush()
        # The attempt under way may have sent the first record too.
        wait_for(lambda: 'two' in peer.messages)


def test_an_unreadable_disk_does_not_block_sending(directory, own_log, monkeypatch):
    """Records in memory are sent; those on disk follow when it can be read."""
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
        assert 'two' in peer.messages  # and the first one, if an attempt was under way
        assert 'the spool cannot be used: Not a directory' in '\n'.join(own_log())
        directory.unlink()
        os.rename(directory.with_name('elsewhere'), directory)
        wait_for(lambda: sorted(peer.messages) == ['one', 'two'])


def test_a_relative_directory_is_resolved_at_the_start(tmp_path, monkeypatch):
    """A program that becomes a daemon changes its working directory."""
    monkeypatch.chdir(tmp_path)
    handler = BatchJsonHandler(AWAY, spool='spool', closeTimeout=0)
    monkeypatch.chdir('/')
    handler.handle(logging.makeLogRecord({'msg': 'one', 'levelno': logging.INFO}))
    handler.close()
    assert 1 == len(files(tmp_path / 'spool'))


def test_a_file_without_records_is_dropped(directory):
    """The server rejects the file, and handleError gets its text."""
    spool = Spool(str(directory), 2**20)
    spool.add(batch('nonsense'))
    why = 'RefusedError: 1 record refused: 400 Said: InputError: no'
    with Peer(refusal(400)) as peer, logging_to(peer.host, spool=str(directory)) as (_, handler):
        wait_for(lambda: handler.errors == [('nonsense', why)])
        wait_for(lambda: not files(directory))


def test_a_wrong_password_is_reported_after_another_failure(directory):
    """handleError is called once."""
    with (
        Peer(answer(503), DENIED) as peer,
        logging_to(peer.host, spool=str(directory)) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        peer.wait_for(lambda: len(peer.requests) > 4)
        assert 1 == len(handler.errors)


def test_close_is_interrupted(directory, monkeypatch):
    """Remaining records are spooled nevertheless."""
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
def test_a_child_process_spools_its_records(directory):
    """A child of multiprocessing ends without an answer of the server, and spools its records."""
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
    """A child process that cannot use the directory sends its records nevertheless."""
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
