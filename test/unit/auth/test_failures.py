"""The log of failed sign-ins."""

import logging

import pytest

from chronologer.auth.failures import INTERVAL, Failures


@pytest.fixture
def clock(monkeypatch):
    """Timers that end when the test says so."""
    timers = []

    class Timer:
        def __init__(self, seconds, function):
            assert seconds == INTERVAL
            timers.append(function)

        def start(self):
            pass

    monkeypatch.setattr('chronologer.auth.failures.Timer', Timer)
    return timers


def test_the_first_is_logged_and_others_are_summed_up(clock, caplog):
    """After a minute without any, the next one is logged by itself again."""
    failures = Failures()
    for number in range(1000):
        failures.add('bob\n', f'10.0.0.{number % 3}', {})
    assert ["Sign-in of 'bob\\n' failed, from 10.0.0.0"] == caplog.messages
    clock.pop()()
    assert '999 more sign-ins failed within 60 s, from 3 addresses such as 10.0.0.0' in caplog.text
    clock.pop()()
    assert [] == clock
    assert 2 == len(caplog.messages)
    failures.add('x', '10.0.0.9', {'x-forwarded-for': '1.2.3.4'})
    assert "Sign-in of 'x' failed, from 10.0.0.9 for '1.2.3.4'" == caplog.messages[-1]
    assert {logging.WARNING} == {record.levelno for record in caplog.records}


def test_addresses_are_bounded(clock, caplog):
    """An attacker with many addresses costs no memory."""
    failures = Failures()
    for number in range(3000):
        failures.add('bob', str(number), {})
    clock.pop()()
    assert '2,999 more' in caplog.messages[-1]
    assert 'at least 1,000 addresses' in caplog.messages[-1]


@pytest.mark.parametrize('how', ['basic', 'session', 'door'])
def test_every_failure_is_logged(anonymous, caplog, how):
    """By HTTP Basic and by the form of the page."""
    if how == 'session':
        user = {'username': 'eve', 'password': 'x'}
        anonymous.post_json('/api/v1/session', user, status=401)
    else:
        headers = {'Authorization': 'Basic ZXZlOng='}
        method = 'POST' if how == 'door' else 'GET'
        anonymous.request('/api/v1/record', method=method, headers=headers, status=401)
    anonymous.get('/api/v1/record', status=401)  # nobody tries to sign in
    warnings = [record.message for record in caplog.records if record.levelname == 'WARNING']
    assert ["Sign-in of 'eve' failed, from 127.0.0.1"] == warnings
