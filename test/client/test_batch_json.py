"""The handler that sends records in batches, with a server that answers as it is told."""

import json
import logging
import logging.config
import os
import ssl
import subprocess
import sys
import threading
import time

import pytest

from chronologer.client import BatchJsonHandler, Counters, backoff, delivery
from test.client.conftest import logging_to, wait_for
from test.client.peer import TIMEOUT, Peer, answer, hang_up, refused_port
from test.servers.database import make_certificates

pytestmark = pytest.mark.usefixtures('short_delays')


def test_a_batch_is_sent_when_it_is_full():
    """In the order of logging, each with a key of its own, over one connection."""
    with Peer() as peer, logging_to(peer.host, capacity=10) as (logger, handler):
        for number in range(25):
            logger.info('%d', number)
        peer.wait_for(lambda: len(peer.requests) == 2)
        handler.flush()
        assert [10, 10, 5] == [len(request.lines) for request in peer.requests]
        assert Counters(sent=25) == handler.counters
    assert [str(number) for number in range(25)] == peer.messages
    assert 3 == len({request.key for request in peer.requests})
    assert 1 == peer.connections


def test_a_batch_is_sent_at_once_for_a_record_of_the_level():
    """With what came before."""
    with Peer() as peer, logging_to(peer.host, flushLevel=logging.ERROR) as (logger, _):
        logger.info('one')
        logger.error('two')
        peer.wait_for(lambda: peer.messages == ['one', 'two'])
        logger.warning('three')
        assert 1 == len(peer.requests)


def test_a_batch_is_sent_after_a_time():
    """Though nothing more is logged; and the next one too."""
    with Peer() as peer, logging_to(peer.host, flushTimeout=0.05) as (logger, _):
        for wanted in (['one'], ['one', 'two']):
            logger.info(wanted[-1])
            peer.wait_for(lambda wanted=wanted: peer.messages == wanted)


def test_flush_waits():
    """Until all that was logged is stored; without anything it returns at once."""
    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        handler.flush()
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages


def test_close_sends_what_is_left():
    """Once; what comes after is counted as dropped, and nothing raises."""
    with Peer() as peer:
        with logging_to(peer.host) as (logger, handler):
            logger.info('one')
        handler.close()
        logger.info('late')
        assert Counters(sent=1, dropped=1) == handler.counters
    assert ['one'] == peer.messages


@pytest.mark.parametrize(
    'fault',
    [answer(102), answer(200), answer(302), answer(404), answer(408), answer(429), answer(500),
     answer(502), answer(503), answer(504), answer(507),
     answer(201), answer(201, [1]), hang_up],
)  # fmt: skip
def test_it_is_tried_again(fault, own_log):
    """With the same key and body, until it is stored."""
    with Peer(fault, fault, None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        logger.info('two')
        handler.flush()
        assert Counters(sent=2, retried=2) == handler.counters
        assert not handler.errors
    assert ['one', 'two'] == peer.messages
    assert 1 == len({(request.key, *request.lines) for request in peer.requests})
    away, back = own_log()
    assert away.startswith(f'WARNING Records for http://{peer.host}/api/v1/record wait: ')
    assert back.startswith(
        f'INFO Records are sent again to http://{peer.host}/api/v1/record, after'
    )


def test_the_server_says_when(monkeypatch):
    """``Retry-After``, in seconds or as a date; then it is tried."""
    monkeypatch.setattr(delivery, 'MAX_RETRY_AFTER', 0.3)
    date = time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime(time.time() + 3600))
    with Peer(answer(503, Retry_After='60'), answer(429, Retry_After=date), None) as peer:
        with logging_to(peer.host) as (logger, handler):
            logger.info('one')
            handler.flush()
        assert ['one'] == peer.messages


def test_what_the_server_says_is_not_hurried():
    """By a flush, nor by the end: it is not asked again before that."""
    with Peer(answer(503, Retry_After='60'), None) as peer:
        with logging_to(peer.host, closeTimeout=0.3) as (logger, handler):
            logger.info('one')
            handler.flush()
            logger.info('two')
        assert 1 == len(peer.requests)
    assert 2 == handler.counters.dropped


@pytest.mark.parametrize(
    ('text', 'wanted'),
    [('', None), ('soon', None), ('7', 7), ('-1', 0), ('nan', None), ('inf', 600), ('1e9', 600),
     ('Thu, 01 Jan 1970 00:00:00 GMT', 0), ('Fri, 31 Dec 9999 23:59:59 GMT', 600),
     ('Fri, 99 Dec 9999 23:59:59 GMT', None)],
)  # fmt: skip
def test_retry_after(text, wanted):
    """Whatever it is, the wait has an end."""
    assert wanted == delivery._delay(text)


@pytest.mark.parametrize('status', [400, 401, 403, 405, 409, 411, 415])
def test_what_is_refused_reaches_handle_error(status):
    """Once for a batch, with the answer's words; then what follows is sent."""
    error = {'error': {'type': 'AuthenticationError', 'message': 'who are you?'}}
    with Peer(answer(status, error), None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('%s', 'one')
        logger.info('two')
        handler.flush()
        logger.info('three')
        handler.flush()
        text = f'RefusedError: 2 records refused: {status} Said: AuthenticationError: who are you?'
        assert [('one', text)] == handler.errors
        assert ['one', 'two'] == [json.loads(line)['message'] for line in handler.refused]
        assert Counters(sent=1, dropped=2) == handler.counters
    assert ['three'] == peer.messages


@pytest.mark.parametrize('status', [207, 400])
def test_only_what_was_refused_is_dropped(status):
    """The rest is stored; why is said."""
    error = {'type': 'InputError', 'message': 'no field created'}
    outcomes = [{'line': 1, 'id': 7}, {'line': 2, 'error': error}, {'line': 3, 'id': 8}]
    reply = answer(status, {'records': outcomes})
    with Peer(reply) as peer, logging_to(peer.host) as (logger, handler):
        for number in range(3):
            logger.info('%d', number)
        handler.flush()
        why = '1 of 3 records refused: line 2: InputError: no field created'
        assert [('1', f'RefusedError: {why}')] == handler.errors
        assert Counters(sent=2, dropped=1) == handler.counters


def test_a_batch_that_is_too_large_is_split():
    """In halves, until it fits; a record that is too large by itself is refused."""

    def take_no_more_than_two(connection, request):
        messages = [json.loads(line)['message'] for line in request.lines]
        if len(messages) > 2 or 'large' in messages:
            connection.sendall(answer(413, {'error': {'type': 'LimitError', 'message': 'large'}}))
        else:
            request.records = [{'message': message} for message in messages]
            connection.sendall(answer(201, [0] * len(messages)))

    with Peer(take_no_more_than_two) as peer, logging_to(peer.host) as (logger, handler):
        for text in ('a', 'b', 'c', 'large', 'e', 'f', 'g'):
            logger.info(text)
        handler.flush()
        assert list('abcefg') == peer.messages
        assert [
            ('large', 'RefusedError: 1 record refused: 413 Said: LimitError: large')
        ] == handler.errors
        assert Counters(sent=6, dropped=1) == handler.counters
    assert len(peer.requests) == len({request.key for request in peer.requests})


def test_a_split_that_is_interrupted_is_repeated_with_the_same_keys():
    """So that what was stored of it is not stored again."""
    large = answer(413)
    with Peer(large, None, answer(503), large, None, None) as peer:
        with logging_to(peer.host) as (logger, handler):
            for number in range(4):
                logger.info('%d', number)
            handler.flush()
            assert Counters(sent=4, retried=1) == handler.counters
        whole, first, second, again, first_again, second_again = peer.requests
        assert [whole.key, first.key, second.key] == [
            again.key, first_again.key, second_again.key,
        ]  # fmt: skip
        assert ['0', '1', '2', '3'] == peer.messages


def test_an_error_that_stays_is_not_tried_for_ever(monkeypatch):
    """A batch at which the server itself fails does not hold up all others."""
    monkeypatch.setattr(backoff, 'MAX_FAULTS', 3)
    with Peer(*[answer(500)] * 4, None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        handler.flush()
        logger.info('two')
        handler.flush()
        assert [('one', 'RefusedError: 1 record refused: 500 Said')] == handler.errors
        assert ['two'] == peer.messages
        assert Counters(sent=1, dropped=1, retried=3) == handler.counters


def test_an_error_of_the_server_after_an_outage(monkeypatch):
    """Tries while it was away do not count."""
    monkeypatch.setattr(backoff, 'MAX_FAULTS', 3)
    with (
        Peer(*[answer(503)] * 5, answer(500), None) as peer,
        logging_to(peer.host) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages
        assert not handler.errors


def test_a_long_outage():
    """Thousands of tries are no reason to end."""
    with Peer(answer(503), None) as peer, logging_to(peer.host) as (logger, handler):
        handler._sender._backoff.failures = 5000
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages


def test_an_answer_that_tells_of_some_records_only():
    """As it was cut short: the batch is tried again, under its key."""
    part = answer(207, {'records': [{'line': 1, 'id': 7}]})
    with Peer(part, None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        logger.info('two')
        handler.flush()
        assert ['one', 'two'] == peer.messages
        assert Counters(sent=2, retried=1) == handler.counters


def test_handle_error_may_raise():
    """As logging's own does when standard error is closed; it is called once all the same."""
    calls = []

    def fail(record):
        calls.append(record.getMessage())
        raise ValueError('I/O operation on closed file')

    with Peer(answer(400), None) as peer, logging_to(peer.host) as (logger, handler):
        handler.handleError = fail
        for text in ('one', 'two'):
            logger.info(text)
            handler.flush()
        assert ['two'] == peer.messages
    assert ['one'] == calls


def test_other_handlers_may_raise(own_log):
    """When they are told something."""

    class Fails(logging.Handler):
        def emit(self, record):
            raise ValueError

    fails = Fails()
    logging.getLogger('chronologer.client').addHandler(fails)
    try:
        with Peer(answer(503), None) as peer, logging_to(peer.host) as (logger, handler):
            logger.info('one')
            handler.flush()
            assert ['one'] == peer.messages
    finally:
        logging.getLogger('chronologer.client').removeHandler(fails)


def test_what_it_says_is_said_after_dict_config(own_log, monkeypatch):
    """Which disables loggers that exist, if it is not told otherwise."""
    monkeypatch.setattr(logging.getLogger('chronologer.client'), 'disabled', True)
    with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0) as (logger, _):
        logger.info('one')
    assert any('are being lost' in line for line in own_log())


def test_what_it_says_is_said_once(capsys):
    """Where there is no handler at all, logging itself says it on standard error too."""
    own = logging.getLogger('chronologer.client')
    try:
        with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0) as (logger, _):
            own.propagate = False
            logger.info('one')
    finally:
        own.propagate = True
    said = capsys.readouterr().err.splitlines()
    assert 1 == sum('are being lost' in line for line in said)


def test_flush_after_close_does_not_wait():
    """`logging.shutdown` flushes handlers that the program has closed."""
    with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0.1) as (logger, handler):
        logger.info('one')
        handler.close()
        assert handler._sender.flush(TIMEOUT)


def test_a_record_that_never_fits_is_not_waited_for(monkeypatch):
    """However long a call may wait."""

    def fail(*_):
        raise AssertionError('waits')

    with (
        Peer() as peer,
        logging_to(peer.host, maxBytes=20_000, blockTimeout=3 * TIMEOUT) as (logger, handler),
    ):
        monkeypatch.setattr(handler._intake.changed, 'wait_for', fail)
        logger.info('x' * 50_000)
        monkeypatch.undo()
        assert not handler.errors
        assert Counters(dropped=1) == handler.counters


def test_a_call_that_waits_when_the_handler_is_closed():
    """It returns, and its record is counted."""
    host = f'127.0.0.1:{refused_port()}'
    options = {'capacity': 5, 'maxBytes': 20_000, 'blockTimeout': TIMEOUT, 'closeTimeout': 0}
    with logging_to(host, **options) as (logger, handler):
        logged = []

        def go_on():
            while not handler._intake.is_closed:
                logger.info(os.urandom(200).hex())
                logged.append(1)

        thread = threading.Thread(target=go_on)
        thread.start()
        before = -1
        while before != len(logged):
            before = len(logged)
            time.sleep(0.2)
        handler.close()
        thread.join(TIMEOUT)
        assert not thread.is_alive()
        assert len(logged) == handler.counters.dropped
        assert 0 == handler.counters.waiting


def test_times_without_end():
    """Python cannot wait for so long; the handler works."""
    times = ('flushTimeout', 'blockTimeout', 'closeTimeout', 'requestTimeout')
    with (
        Peer() as peer,
        logging_to(peer.host, **dict.fromkeys(times, float('inf'))) as (logger, handler),
    ):
        logger.info('one')
        time.sleep(0.05)
        handler.flush()
        assert ['one'] == peer.messages


def test_a_handler_that_could_not_be_made_is_not_heard_of_again():
    """When the program ends, though the traceback still has it."""
    code = 'from chronologer.client import BatchJsonHandler; BatchJsonHandler("x", capacity=0)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (
        'ValueError: capacity: expected 1 to 1,000 records, got 0' == done.stderr.splitlines()[-1]
    )


def test_the_server_comes_back(own_log):
    """What was logged in between is sent, in its order."""
    peer = Peer()
    with peer:
        host = peer.host
        with logging_to(host, capacity=2) as (logger, handler):
            logger.info('0')
            handler.flush()
            peer.close()
            for number in range(1, 10):
                logger.info('%d', number)
            wait_for(lambda: handler.counters.retried > 2)
            with peer:
                handler.flush()
                assert [str(number) for number in range(10)] == peer.messages
                assert 10 == handler.counters.sent
                assert 0 == handler.counters.dropped
    assert 2 == len(own_log())


def test_the_oldest_below_the_level_are_dropped_first(own_log):
    """And it is said when that begins and when it is over."""
    with (
        Peer(answer(503)) as peer,
        logging_to(peer.host, capacity=20, maxBytes=40_000) as (
            logger,
            handler,
        ),
    ):
        for number in range(1000):
            logger.log(logging.ERROR if number % 20 == 7 else logging.INFO, '%d', number)
        counters = handler.counters
        assert counters.dropped + counters.waiting == 1000
        assert counters.dropped > 300
        peer.answers = [None]
        handler.flush()
        arrived = [int(message) for message in peer.messages]
        assert sorted(arrived) == arrived
        assert counters.dropped == 1000 - len(arrived)
        errors = [number for number in arrived if number % 20 == 7]
        assert list(range(7, 1000, 20)) == errors
        assert arrived[-1] == 999
    lines = own_log()
    assert 4 == len(lines), lines
    assert sum('are being lost: no room in memory (' in line for line in lines) == 1
    assert f'are no longer lost: {counters.dropped} were, since ' in lines[-1]


def test_then_the_oldest_of_any_level():
    """Memory is bounded whatever is logged."""
    with logging_to(f'127.0.0.1:{refused_port()}', capacity=20, maxBytes=20_000,
                    closeTimeout=0) as (logger, handler):  # fmt: skip
        for number in range(3000):
            logger.critical('%d', number)
            assert handler._intake._buffer.size <= 20_000
        assert 3000 == handler.counters.dropped + handler.counters.waiting


def test_a_record_larger_than_memory_is_dropped():
    """And nothing else for it, if that is of no use."""
    with Peer() as peer, logging_to(peer.host, maxBytes=20_000) as (logger, handler):
        logger.error('x' * 50_000)
        assert Counters(dropped=1) == handler.counters


def test_a_call_can_wait_for_room():
    """Up to a time; then nothing was dropped."""
    with (
        Peer(answer(503)) as peer,
        logging_to(peer.host, capacity=10, maxBytes=20_000, blockTimeout=TIMEOUT) as (
            logger,
            handler,
        ),
    ):
        thread = threading.Thread(
            target=lambda: [logger.info('%d', number) for number in range(500)]
        )
        thread.start()
        peer.wait_for(lambda: len(peer.requests) > 3)
        peer.answers = [None]
        thread.join(TIMEOUT)
        handler.flush()
        assert Counters(500, 0) == handler.counters._replace(retried=0)
        assert [str(number) for number in range(500)] == peer.messages


def test_many_threads():
    """Nothing lost, nothing doubled, each thread's records in their order."""
    with Peer() as peer, logging_to(peer.host, capacity=100) as (logger, handler):
        threads = [
            threading.Thread(target=lambda n=n: [logger.info('%d %d', n, i) for i in range(500)])
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        handler.flush()
        assert Counters(sent=4000) == handler.counters
    arrived = [tuple(map(int, message.split())) for message in peer.messages]
    for n in range(8):
        assert list(range(500)) == [i for thread, i in arrived if thread == n]


def test_what_is_logged_while_sending_is_not_sent(monkeypatch):
    """http.client's own debugging, turned into records as recipes do, makes no loop."""
    import http.client

    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        monkeypatch.setattr(http.client.HTTPConnection, 'debuglevel', 1)
        monkeypatch.setattr(
            http.client, 'print', lambda *args: logger.debug(' '.join(args)), raising=False
        )
        logger.info('one')
        handler.flush()
        handler.flush()
        assert ['one'] == peer.messages
        assert Counters(sent=1) == handler.counters


def test_what_is_logged_while_logging():
    """A repr that logs: its record is sent too; one that logs itself comes to an end."""
    with Peer() as peer, logging_to(peer.host) as (logger, handler):

        class Chatty:
            def __repr__(self):
                logger.info('asked')
                return 'chatty'

        class Endless:
            def __repr__(self):
                logger.info('%r', self)
                return 'endless'

        logger.info('hello', extra={'x': Chatty()})
        handler.flush()
        assert ['asked', 'hello'] == peer.messages
        logger.info('%r', Endless())
        handler.flush()
        assert 'endless' == peer.messages[-1]


def test_a_signal_handler_may_log():
    """Whatever it interrupts."""
    import signal

    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        before = signal.signal(signal.SIGALRM, lambda *_: logger.info('signal'))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            for number in range(3000):
                logger.info('%d', number)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        handler.flush()
        assert 0 == handler.counters.dropped
        numbers = [message for message in peer.messages if message != 'signal']
        assert [str(number) for number in range(3000)] == numbers
        assert len(numbers) < len(peer.messages)


def test_a_signal_handler_may_raise():
    """Whatever it interrupts: other threads can go on to log."""
    import signal

    def interrupt(*_):
        raise KeyboardInterrupt

    with Peer() as peer, logging_to(peer.host) as (logger, _):
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            for number in range(500):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.0003 + number % 97 * 1e-6)
                    while True:
                        logger.info('%d', number)
                except KeyboardInterrupt:
                    pass
        finally:
            signal.signal(signal.SIGALRM, before)
        thread = threading.Thread(target=logger.info, args=['other'], daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def test_losses_at_the_end_are_told(own_log):
    """When the time to close is over."""
    with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0.1) as (logger, handler):
        logger.info('one')
    assert Counters(dropped=1) == handler.counters._replace(retried=0)
    assert 'are being lost: the program ends ([Errno 111] Connection refused)' in own_log()[-1]


def test_flush_then_close_wait_once():
    """As logging.shutdown has it: the bound is that of both."""
    with Peer(lambda *_: None) as peer:
        with logging_to(peer.host, closeTimeout=0.3) as (logger, handler):
            logger.info('one')
            handler.flush()
            assert 0 == handler._sender._seconds_left()
        assert 1 == handler.counters.dropped


def test_what_it_says_reaches_standard_error(capsys):
    """When there is nobody else to say it: the handler's own server is away."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    handler = BatchJsonHandler(f'127.0.0.1:{refused_port()}', closeTimeout=0.1)
    root.addHandler(handler)
    try:
        root.warning('one')
        handler.close()
    finally:
        root.handlers = handlers
    lines = capsys.readouterr().err.splitlines()
    assert ['Records for http://127.0', 'Records for http://127.0'] == [line[:24] for line in lines]
    assert 'wait: [Errno 111] Connection refused' in lines[0]
    assert 'are being lost: the program ends' in lines[1]


def test_what_it_says_is_sent_too():
    """So that the log itself tells of the gap."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    with Peer(answer(503), None) as peer:
        handler = BatchJsonHandler(peer.host)
        root.addHandler(handler)
        try:
            root.warning('one')
            handler.flush()
            peer.wait_for(lambda: len(peer.messages) == 2)
        finally:
            root.handlers = handlers
            handler.close()
        assert [
            'one',
            f'Records for http://{peer.host}/api/v1/record wait: 503 Said',
        ] == peer.messages


@pytest.fixture(scope='module')
def certificates(tmp_path_factory):
    """Of a server on 127.0.0.1."""
    return make_certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture
def secure_peer(certificates):
    """A server that speaks TLS."""
    with Peer() as peer:
        peer.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        peer.context.load_cert_chain(certificates['cert'], certificates['key'])
        yield peer


def test_https(secure_peer, certificates):
    """With an authority of one's own."""
    context = ssl.create_default_context(cafile=str(certificates['ca']))
    with logging_to(f'https://{secure_peer.host}', context=context) as (logger, handler):
        for number in range(3):
            logger.info('%d', number)
            handler.flush()
        assert Counters(sent=3) == handler.counters
    assert 1 == secure_peer.connections


def test_a_certificate_that_is_not_trusted(secure_peer, own_log):
    """Nothing is sent, no password either; records wait."""
    with logging_to(f'https://bob:x@{secure_peer.host}', closeTimeout=0.3) as (logger, handler):
        logger.info('one')
        handler.flush()
        assert 1 == handler.counters.waiting
    assert not secure_peer.requests
    assert 'CERTIFICATE_VERIFY_FAILED' in own_log()[0]


def test_it_can_be_declared():
    """By dictConfig: names of levels, lists for pairs; a formatter has no say in the message."""
    with Peer() as peer:
        logging.config.dictConfig(
            {
                'version': 1,
                'disable_existing_loggers': False,
                'formatters': {'f': {'format': '%(levelname)s!'}},
                'filters': {'no': {'()': lambda: lambda record: 'no' not in record.msg}},
                'handlers': {
                    'chronologer': {
                        'class': 'chronologer.client.BatchJsonHandler',
                        'host': f'http://bob:x@{peer.host}/',
                        'capacity': 10,
                        'flushLevel': 'WARNING',
                        'keepLevel': 'ERROR',
                        'prefix': 'shop',
                        'formatter': 'f',
                        'filters': ['no'],
                        'level': 'INFO',
                    },
                },
                'loggers': {'declared': {'handlers': ['chronologer'], 'propagate': False}},
            }
        )
        logger = logging.getLogger('declared')
        logger.setLevel(logging.DEBUG)
        for level, text in ((10, 'debug'), (20, 'no'), (30, 'yes')):
            logger.log(level, text, extra={'suffix': 'end'})
        peer.wait_for(lambda: peer.requests)
        (handler,) = logger.handlers
        logger.removeHandler(handler)
        handler.close()
    (record,) = peer.requests[0].records
    assert ('yes', 'shop.declared.end') == (record['message'], record['name'])
    assert 'Basic Ym9iOng=' == peer.requests[0].headers['Authorization']


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        ({'capacity': 0}, 'capacity: expected 1 to 1,000 records, got 0'),
        ({'capacity': 1001}, 'capacity: '),
        ({'flushLevel': 'LOUD'}, "flushLevel: expected a level such as ERROR, got 'LOUD'"),
        ({'keepLevel': 'LOUD'}, 'keepLevel: '),
        ({'host': 'ftp://x'}, 'host: '),
        ({'flushTimeout': -1}, 'flushTimeout: expected a number from 0 on, got -1'),
        ({'closeTimeout': None}, 'closeTimeout: expected a number from 0 on, got None'),
        ({'requestTimeout': 0}, 'requestTimeout: '),
        ({'maxBytes': 0}, 'maxBytes: '),
    ],
)
def test_what_makes_no_sense_is_refused(options, problem):
    """When the handler is made, not when it is needed."""
    with pytest.raises(ValueError, match='^' + problem):
        BatchJsonHandler(**{'host': 'localhost', **options})


def test_it_shows_itself():
    """Without the password."""
    with Peer() as peer, logging_to(f'http://bob:secret@{peer.host}') as (_, handler):
        assert f'<Handler http://{peer.host}/api/v1/record (NOTSET)>' == repr(handler)


def test_an_error_in_emit_reaches_handle_error(monkeypatch):
    """Never the program."""
    from chronologer.client import batch_json

    def fail(record, prefix):
        raise RuntimeError('no')

    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        monkeypatch.setattr(batch_json, 'encode', fail)
        logger.info('one')
        assert [('one', 'RuntimeError: no')] == handler.errors
