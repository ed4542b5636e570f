"""The handler that sends records in batches, tested with scripted answers."""

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
from test.servers.database import make_certificates
from test.system.client.conftest import logging_to, wait_for
from test.system.client.peer import (
    TIMEOUT,
    Peer,
    Tunnel,
    answer,
    hang_up,
    refusal,
    refused_port,
)

pytestmark = pytest.mark.usefixtures('short_delays')


def test_a_batch_is_sent_when_it_is_full():
    """Records are in the order of logging; each batch has its own key; one connection is used."""
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


def test_a_record_of_the_flush_level_sends_the_batch():
    """A record of flushLevel is sent immediately, with those before it."""
    with Peer() as peer, logging_to(peer.host, flushLevel=logging.ERROR) as (logger, _):
        logger.info('one')
        logger.error('two')
        peer.wait_for(lambda: peer.messages == ['one', 'two'])
        logger.warning('three')
        assert 1 == len(peer.requests)


def test_a_batch_is_sent_after_flush_timeout():
    """A batch is sent after flushTimeout though nothing more is logged; so is the next one."""
    with Peer() as peer, logging_to(peer.host, flushTimeout=0.05) as (logger, _):
        for wanted in (['one'], ['one', 'two']):
            logger.info(wanted[-1])
            peer.wait_for(lambda wanted=wanted: peer.messages == wanted)


def test_flush_waits():
    """flush returns when all records are stored; without records it returns immediately."""
    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        handler.flush()
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages


def test_close_sends_waiting_records():
    """A second close does nothing; later records are counted as dropped, without an error."""
    with Peer() as peer:
        with logging_to(peer.host) as (logger, handler):
            logger.info('one')
        handler.close()
        logger.info('late')
        assert Counters(sent=1, dropped=1) == handler.counters
    assert ['one'] == peer.messages


@pytest.mark.parametrize(
    'fault',
    [answer(200), answer(302), answer(408), answer(429), answer(500),
     answer(502), answer(503), answer(504), answer(507), refusal(404), refusal(500),
     answer(201), answer(201, [1]), hang_up],
)  # fmt: skip
def test_a_failed_request_is_repeated(fault, own_log):
    """A retry has the same key and body, until the batch is stored."""
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


PROXIES = [
    pytest.param(b'<html><h1>No</h1></html>', id='page'),
    pytest.param(b'', id='empty'),
    pytest.param(b'{"message": "no"}', id='message'),
    pytest.param(b'{"error": "no"}', id='text'),
    pytest.param(b'{"error": {"code": 400, "message": "no"}}', id='code'),
    pytest.param(b'{"error": {"type": "illegal_argument", "message": "no"}}', id='type'),
    pytest.param(b'[' * 100_000, id='deep'),
]


def said(status: int, body: bytes) -> bytes:
    """Return an answer with any body."""
    return b'HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%b' % (status, len(body), body)


@pytest.mark.parametrize('body', PROXIES)
@pytest.mark.parametrize('status', [400, 401, 403, 404, 405, 407, 409, 411, 413, 415, 451, 500])
def test_a_refusal_of_a_proxy_does_not_count(status, body, monkeypatch):
    """Only an answer with an error of Chronologer is a refusal: others are repeated forever."""
    monkeypatch.setattr(backoff, 'MAX_FAULTS', 3)
    replies = [*[said(status, body)] * 8, None]
    with Peer(*replies) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages
        assert Counters(sent=1, retried=8) == handler.counters
        assert not handler.errors


def test_a_batch_that_is_too_large_for_a_proxy_is_split():
    """The halves fit. A record that does not fit alone waits."""

    def accept_two_records(connection, request):
        if len(request.lines) > 2:
            connection.sendall(said(413, b'<html>'))
        else:
            request.records = [json.loads(line) for line in request.lines]
            connection.sendall(answer(201, [0] * len(request.lines)))

    with Peer(accept_two_records) as peer, logging_to(peer.host) as (logger, handler):
        for text in 'abcdefg':
            logger.info(text)
        handler.flush()
        assert list('abcdefg') == peer.messages
        peer.answers = [said(413, b'<html>'), None]
        logger.info('h')
        handler.flush()
        assert 'h' == peer.messages[-1]
        assert Counters(sent=8, retried=1) == handler.counters


@pytest.mark.parametrize(
    'body', [[None], [True], [1.5], ['1'], [[1]], {'1': 1}, '1', 1, None, [1, 2], []]
)
def test_an_acknowledgement_is_a_list_of_ids(body):
    """Other bodies of a 201 come from other programs: the batch is repeated."""
    with Peer(answer(201, body), None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages
        assert Counters(sent=1, retried=1) == handler.counters


@pytest.mark.parametrize(
    'records',
    [
        None,
        [1, 2],
        [{'line': 1, 'id': None}, {'line': 2, 'id': 8}],
        [{'line': 1, 'id': 7}, {'line': 2, 'error': 'no'}],
        [{'line': 1, 'id': 7}, {'line': 3, 'id': 8}],
        [{'line': '1', 'id': 7}, {'line': '2', 'id': 8}],
    ],
)
def test_a_partial_acknowledgement_has_an_outcome_for_each_record(records):
    """Else the answer was cut, or comes from another program: the batch is repeated."""
    reply = answer(207, {'records': records})
    with Peer(reply, None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        logger.info('two')
        handler.flush()
        assert ['one', 'two'] == peer.messages
        assert Counters(sent=2, retried=1) == handler.counters


def test_retry_after_is_followed(monkeypatch):
    """``Retry-After`` is in seconds or a date; after this delay the request is repeated."""
    monkeypatch.setattr(delivery, 'MAX_RETRY_AFTER', 0.3)
    date = time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime(time.time() + 3600))
    with Peer(answer(503, Retry_After='60'), answer(429, Retry_After=date), None) as peer:
        with logging_to(peer.host) as (logger, handler):
            logger.info('one')
            handler.flush()
        assert ['one'] == peer.messages


def test_flush_and_close_do_not_shorten_retry_after():
    """Neither flush nor close repeats a request before the delay of Retry-After."""
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
    """Any value results in a limited delay, or in none."""
    assert wanted == delivery._delay(text)


@pytest.mark.parametrize('status', [400, 401, 403, 405, 409, 411, 415])
def test_refused_records_reach_handle_error(status):
    """handleError is called once per batch, with the text of the answer; then the next is sent."""
    error = {'error': {'type': 'AuthenticationError', 'message': 'unknown user'}}
    with Peer(answer(status, error), None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('%s', 'one')
        logger.info('two')
        handler.flush()
        logger.info('three')
        handler.flush()
        text = f'RefusedError: 2 records refused: {status} Said: AuthenticationError: unknown user'
        assert [('one', text)] == handler.errors
        assert ['one', 'two'] == [json.loads(line)['message'] for line in handler.refused]
        assert Counters(sent=1, dropped=2) == handler.counters
    assert ['three'] == peer.messages


@pytest.mark.parametrize('status', [207, 400])
def test_only_refused_records_are_dropped(status):
    """The other records are stored, and the error has the reason."""
    error = {'type': 'InputError', 'message': 'no field created'}
    outcomes = [{'line': 1, 'id': 7}, {'line': 2, 'error': error}, {'line': 3, 'id': 8}]
    reply = answer(status, {'error': error, 'records': outcomes})
    with Peer(reply) as peer, logging_to(peer.host) as (logger, handler):
        for number in range(3):
            logger.info('%d', number)
        handler.flush()
        why = '1 of 3 records refused: line 2: InputError: no field created'
        assert [('1', f'RefusedError: {why}')] == handler.errors
        assert Counters(sent=2, dropped=1) == handler.counters


def test_a_batch_that_is_too_large_is_split():
    """The batch is halved until it fits; a single record that is too large is rejected."""

    def accept_two_records(connection, request):
        messages = [json.loads(line)['message'] for line in request.lines]
        if len(messages) > 2 or 'large' in messages:
            connection.sendall(answer(413, {'error': {'type': 'LimitError', 'message': 'large'}}))
        else:
            request.records = [{'message': message} for message in messages]
            connection.sendall(answer(201, [0] * len(messages)))

    with Peer(accept_two_records) as peer, logging_to(peer.host) as (logger, handler):
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
    """The parts have the same keys again, so that stored ones are not stored twice."""
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


@pytest.mark.parametrize('status', [404, 500])
def test_a_permanent_error_is_not_repeated_forever(status, monkeypatch):
    """A batch for which the server always fails is dropped, and others are sent."""
    monkeypatch.setattr(backoff, 'MAX_FAULTS', 3)
    with Peer(*[refusal(status)] * 4, None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        handler.flush()
        logger.info('two')
        handler.flush()
        why = f'RefusedError: 1 record refused: {status} Said: InputError: no'
        assert [('one', why)] == handler.errors
        assert ['two'] == peer.messages
        assert Counters(sent=1, dropped=1, retried=3) == handler.counters


def test_an_error_of_the_server_after_an_outage(monkeypatch):
    """Retries while the server was unavailable do not count as faults of the batch."""
    monkeypatch.setattr(backoff, 'MAX_FAULTS', 3)
    with (
        Peer(*[answer(503)] * 5, refusal(500), None) as peer,
        logging_to(peer.host) as (logger, handler),
    ):
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages
        assert not handler.errors


def test_a_long_outage():
    """Thousands of failed requests do not stop the handler."""
    with Peer(answer(503), None) as peer, logging_to(peer.host) as (logger, handler):
        handler._sender._backoff.failures = 5000
        logger.info('one')
        handler.flush()
        assert ['one'] == peer.messages


def test_an_answer_about_some_records_only():
    """An answer that lacks records was truncated: the batch is repeated with its key."""
    part = answer(207, {'records': [{'line': 1, 'id': 7}]})
    with Peer(part, None) as peer, logging_to(peer.host) as (logger, handler):
        logger.info('one')
        logger.info('two')
        handler.flush()
        assert ['one', 'two'] == peer.messages
        assert Counters(sent=2, retried=1) == handler.counters


def test_handle_error_may_raise():
    """handleError of logging raises if standard error is closed; it is called once nevertheless."""
    calls = []

    def fail(record):
        calls.append(record.getMessage())
        raise ValueError('I/O operation on closed file')

    with Peer(refusal(400), None) as peer, logging_to(peer.host) as (logger, handler):
        handler.handleError = fail
        for text in ('one', 'two'):
            logger.info(text)
            handler.flush()
        assert ['two'] == peer.messages
    assert ['one'] == calls


def test_other_handlers_may_raise(own_log):
    """Other handlers may raise when they get a report of the client."""

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


def test_reports_after_dict_config(own_log, monkeypatch):
    """dictConfig disables existing loggers by default; the client reports losses nevertheless."""
    monkeypatch.setattr(logging.getLogger('chronologer.client'), 'disabled', True)
    with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0) as (logger, _):
        logger.info('one')
    assert any('are being lost' in line for line in own_log())


def test_reports_are_printed_once(capsys):
    """Without any handler, logging itself prints the report to standard error."""
    own = logging.getLogger('chronologer.client')
    try:
        with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0) as (logger, _):
            own.propagate = False
            logger.info('one')
    finally:
        own.propagate = True
    lines = capsys.readouterr().err.splitlines()
    assert 1 == sum('are being lost' in line for line in lines)


def test_flush_after_close_does_not_wait():
    """`logging.shutdown` flushes handlers that the program has closed."""
    with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0.1) as (logger, handler):
        logger.info('one')
        handler.close()
        assert handler._sender.flush(TIMEOUT)


def test_a_call_does_not_wait_for_a_record_that_never_fits(monkeypatch):
    """The record is dropped immediately, whatever blockTimeout is."""

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


def test_closing_ends_waiting_calls():
    """The waiting call returns, and its record is counted as dropped."""
    host = f'127.0.0.1:{refused_port()}'
    options = {'capacity': 5, 'maxBytes': 20_000, 'blockTimeout': TIMEOUT, 'closeTimeout': 0}
    with logging_to(host, **options) as (logger, handler):
        logged = []

        def log_on():
            while not handler._intake.is_closed:
                logger.info(os.urandom(200).hex())
                logged.append(1)

        thread = threading.Thread(target=log_on)
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


def test_infinite_timeouts():
    """Python cannot wait for an infinite time, but the handler accepts it."""
    times = ('flushTimeout', 'blockTimeout', 'closeTimeout', 'requestTimeout')
    with (
        Peer() as peer,
        logging_to(peer.host, **dict.fromkeys(times, float('inf'))) as (logger, handler),
    ):
        logger.info('one')
        time.sleep(0.05)
        handler.flush()
        assert ['one'] == peer.messages


def test_a_handler_that_could_not_be_created_is_not_closed():
    """The only output is the traceback; the end of the program causes no second error."""
    code = 'from chronologer.client import BatchJsonHandler; BatchJsonHandler("x", capacity=0)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (
        'ValueError: capacity: expected 1 to 1,000 records, got 0' == done.stderr.splitlines()[-1]
    )


def test_the_server_is_started_again(own_log):
    """Records logged in between are sent in their order."""
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
    """Records below keepLevel are dropped first; begin and end of the losses are reported."""
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


def test_records_of_any_level_are_dropped_to_bound_memory():
    """Memory is bounded also when all records are of keepLevel."""
    with logging_to(f'127.0.0.1:{refused_port()}', capacity=20, maxBytes=20_000,
                    closeTimeout=0) as (logger, handler):  # fmt: skip
        for number in range(3000):
            logger.critical('%d', number)
            assert handler._intake._buffer.size <= 20_000
        assert 3000 == handler.counters.dropped + handler.counters.waiting


def test_a_record_larger_than_memory_is_dropped():
    """No other record is dropped for a record that does not fit anyway."""
    with Peer() as peer, logging_to(peer.host, maxBytes=20_000) as (logger, handler):
        logger.error('x' * 50_000)
        assert Counters(dropped=1) == handler.counters


def test_a_call_can_wait_for_room():
    """With blockTimeout a call waits for room, and nothing is dropped."""
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
    """Nothing is lost or duplicated, and the records of each thread are in order."""
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


def test_records_logged_while_sending_are_not_sent(monkeypatch):
    """Debug output of http.client that is logged, as in recipes, does not cause a loop."""
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


def test_records_logged_by_a_repr():
    """A repr that logs another record works; one that logs its own object ends."""
    with Peer() as peer, logging_to(peer.host) as (logger, handler):

        class Chatty:
            def __repr__(self):
                logger.info('inner')
                return 'chatty'

        class Endless:
            def __repr__(self):
                logger.info('%r', self)
                return 'endless'

        logger.info('hello', extra={'x': Chatty()})
        handler.flush()
        assert ['inner', 'hello'] == peer.messages
        logger.info('%r', Endless())
        handler.flush()
        assert 'endless' == peer.messages[-1]
        assert len(peer.messages) < 50
        assert 0 == handler.counters.dropped


def test_signal_handlers_that_interrupt_each_other():
    """No record is lost, however deep the nesting is; the deepest are sent without objects."""
    import signal

    following = {signal.SIGUSR1: signal.SIGUSR2, signal.SIGUSR2: signal.SIGALRM}

    class Interrupted:
        """An object whose repr is interrupted by a signal."""

        def __init__(self, number):
            self.number = number

        def __repr__(self):
            if self.number is not None:
                os.kill(os.getpid(), self.number)
                time.sleep(0.05)
            return 'interrupted'

    def log_it(number, _):
        thing = Interrupted(following.get(number))
        logger.info('%s %s', signal.Signals(number).name, 'came', extra={'it': thing})

    numbers = [*following, signal.SIGALRM]
    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        before = [signal.signal(number, log_it) for number in numbers]
        try:
            logger.info('main', extra={'it': Interrupted(numbers[0])})
        finally:
            for number, earlier in zip(numbers, before, strict=True):
                signal.signal(number, earlier)
        handler.flush()
        assert ['SIGALRM came', 'SIGUSR2 came', 'SIGUSR1 came', 'main'] == peer.messages
        assert Counters(sent=4) == handler.counters
        shown = [record['it'] for record in peer.requests[0].records]
        assert [True, False, False, False] == ['in a nested record' in text for text in shown]


def test_a_signal_handler_may_log():
    """A signal handler that logs may interrupt any code of the client."""
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


@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')  # in __del__
def test_a_signal_handler_may_raise():
    """A signal handler that raises may interrupt any code; other threads can still log."""
    import signal

    is_logging = False

    def interrupt(*_):
        nonlocal is_logging
        is_logging = False  # because Python ignores an exception in __del__ or in a gc callback
        raise KeyboardInterrupt

    with Peer() as peer, logging_to(peer.host) as (logger, _):
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            for number in range(500):
                try:
                    is_logging = True
                    signal.setitimer(signal.ITIMER_REAL, 0.0003 + number % 97 * 1e-6)
                    while is_logging:
                        logger.info('%d', number)
                except KeyboardInterrupt:
                    pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        thread = threading.Thread(target=logger.info, args=['other'], daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def test_threading_is_patched_after_the_handler_was_made(monkeypatch):
    """As `gevent.monkey` does: the thread and its locks are of the same kind."""
    made = []

    class Lock(threading._PyRLock):  # as a replacement has it, not in C
        def __init__(self):
            made.append(self)
            super().__init__()

    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        monkeypatch.setattr(threading, 'RLock', Lock)
        get_ident = threading.get_ident
        monkeypatch.setattr(threading, 'get_ident', lambda: get_ident())
        logger.info('one')
        assert handler._intake.lock in made
        count = len(made)
        logger.info('two')
        handler.flush()
        assert count == len(made)
        assert ['one', 'two'] == peer.messages


def test_losses_at_the_end_are_reported(own_log):
    """Records that are not sent within closeTimeout are reported."""
    with logging_to(f'127.0.0.1:{refused_port()}', closeTimeout=0.1) as (logger, handler):
        logger.info('one')
    assert Counters(dropped=1) == handler.counters._replace(retried=0)
    assert 'are being lost: the program ends ([Errno 111] Connection refused)' in own_log()[-1]


def test_flush_and_close_share_the_timeout():
    """logging.shutdown calls both, so closeTimeout limits their sum."""
    with Peer(lambda *_: None) as peer:
        with logging_to(peer.host, closeTimeout=0.3) as (logger, handler):
            logger.info('one')
            handler.flush()
            assert 0 == handler._sender._seconds_left()
        assert 1 == handler.counters.dropped


def test_reports_reach_standard_error(capsys):
    """If the only handler is the client's, reports are printed to standard error."""
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


def test_reports_are_sent():
    """Reports are sent as records, so that the log explains its gap."""
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
    """Certificates of a server on 127.0.0.1."""
    return make_certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture
def secure_peer(certificates):
    """A server that uses TLS."""
    with Peer() as peer:
        peer.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        peer.context.load_cert_chain(certificates['cert'], certificates['key'])
        yield peer


def test_https(secure_peer, certificates):
    """`context` may trust an own authority."""
    context = ssl.create_default_context(cafile=str(certificates['ca']))
    with logging_to(f'https://{secure_peer.host}', context=context) as (logger, handler):
        for number in range(3):
            logger.info('%d', number)
            handler.flush()
        assert Counters(sent=3) == handler.counters
    assert 1 == secure_peer.connections


def test_https_by_a_proxy(secure_peer, certificates, monkeypatch):
    """The proxy connects, and learns neither the password nor the records."""
    context = ssl.create_default_context(cafile=str(certificates['ca']))
    context.check_hostname = False
    with Tunnel(secure_peer.port) as tunnel:
        monkeypatch.setenv('https_proxy', f'http://bob:y@127.0.0.1:{tunnel.port}')
        monkeypatch.setenv('no_proxy', '')
        with logging_to('https://u:x@logs.invalid:8443', context=context) as (logger, handler):
            for number in range(3):
                logger.info('%d', number)
                handler.flush()
            assert Counters(sent=3) == handler.counters
    (head,) = tunnel.heads
    assert head[0].startswith('CONNECT logs.invalid:8443 HTTP/1.')
    assert 'Proxy-Authorization: Basic Ym9iOnk=\r\n' in head
    assert not any(line.startswith('Authorization') for line in head)
    assert 'Proxy-Authorization' not in secure_peer.requests[0].headers


def test_a_proxy_that_refuses(own_log, monkeypatch):
    """Records wait; the report names the proxy, and not its password."""
    with Tunnel(0, b'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n') as tunnel:
        monkeypatch.setenv('https_proxy', f'http://bob:secret@127.0.0.1:{tunnel.port}')
        monkeypatch.setenv('no_proxy', '')
        with logging_to('https://logs.invalid', closeTimeout=0.3) as (logger, handler):
            logger.info('one')
            handler.flush()
            wait_for(own_log)
            assert 1 == handler.counters.waiting
    wanted = f'407 Proxy Authentication Required (by the proxy 127.0.0.1:{tunnel.port})'
    assert own_log()[0].endswith(wanted)
    assert 'secret' not in ''.join(own_log())


def test_a_proxy_that_is_not_supported(own_log, monkeypatch):
    """A warning is logged, and the proxy is not used."""
    monkeypatch.setenv('http_proxy', 'socks5://proxy:1')
    monkeypatch.setenv('no_proxy', '')
    with logging_to(f'logs.invalid:{refused_port()}', closeTimeout=0) as (logger, _):
        logger.info('one')
    assert 'http_proxy: expected http://host:port' in own_log()[0]


def test_a_certificate_that_is_not_trusted(secure_peer, own_log):
    """Without a trusted certificate nothing is sent, not even the password; records wait."""
    with logging_to(f'https://bob:x@{secure_peer.host}', closeTimeout=0.3) as (logger, handler):
        logger.info('one')
        handler.flush()
        wait_for(own_log)
        assert 1 == handler.counters.waiting
    assert not secure_peer.requests
    assert 'CERTIFICATE_VERIFY_FAILED' in own_log()[0]


def test_dict_config():
    """dictConfig may use names of levels and lists for pairs; a formatter has no effect."""
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
        ({'host': None}, 'host: expected a name or a URL'),
    ],
)
def test_invalid_options_are_refused(options, problem):
    """The error is raised when the handler is created."""
    with pytest.raises(ValueError, match='^' + problem):
        BatchJsonHandler(**{'host': 'localhost', **options})


@pytest.mark.parametrize(
    ('name', 'advice'),
    [
        ('flushTimeoutWatcher', 'flushTimeout'),
        ('requestAttemptLimit', 'spool'),
        ('requestAttemptDelayFn', '30 seconds'),
    ],
)
def test_former_arguments_are_refused_with_advice(name, advice):
    """The message has what to use instead."""
    with pytest.raises(TypeError, match=f'^{name}: an argument of 0.4.7; .*{advice}'):
        BatchJsonHandler('localhost', **{name: 4})
    with pytest.raises(TypeError, match="unexpected keyword argument 'capcity'"):
        BatchJsonHandler('localhost', capcity=4)


def test_capacity_as_the_first_argument():
    """It was the first in 0.4.7."""
    with pytest.raises(ValueError, match=r'^host: expected .* capacity=100; got 128'):
        BatchJsonHandler(128, 'localhost:8080', '/api/v1/record')


def test_arguments_that_have_stayed():
    """A configuration of 0.4.7 works."""
    with Peer() as peer:
        options = {
            'capacity': 128, 'host': peer.host, 'url': '/api/v1/record', 'flushLevel': 'ERROR',
            'flushTimeout': 60, 'credentials': ('logger', ''), 'secure': False, 'context': None,
            'requestTimeout': 30,
        }  # fmt: skip
        BatchJsonHandler(**options).close()


def test_repr():
    """The repr does not have the password."""
    with Peer() as peer, logging_to(f'http://bob:secret@{peer.host}') as (_, handler):
        assert f'<Handler http://{peer.host}/api/v1/record (NOTSET)>' == repr(handler)


def test_an_error_in_emit_reaches_handle_error(monkeypatch):
    """The program gets no error."""
    from chronologer.client import batch_json

    def fail(record, prefix):
        raise RuntimeError('no')

    with Peer() as peer, logging_to(peer.host) as (logger, handler):
        monkeypatch.setattr(batch_json, 'encode', fail)
        logger.info('one')
        assert [('one', 'RuntimeError: no')] == handler.errors
