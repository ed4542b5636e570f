"""What the page shows when an answer is late, empty, an error, or does not come."""

import json
import threading

from playwright.sync_api import expect

from test.test_server import wait_until_free
from test.ui.corpus import NOW, send

AWAY = r'Failed to load resource: (net::ERR_\w+|the server responded with a status of (400|503))'


def answer_with(route, status, kind, message):
    body = json.dumps({'error': {'type': kind, 'message': message}})
    route.fulfill(status=status, content_type='application/json', body=body)


def test_nothing_matches(log):
    """What to do about it: look in all time, or take filters away."""
    log.open('range=15m&q=request', count=7)
    log.ask('request-that-is-not-there')
    log.expect_count(0)
    log.page.get_by_role('button', name='Look in all time').click()
    log.expect_state(q='request-that-is-not-there', range='all')
    log.page.get_by_role('button', name='Take all filters away').click()
    log.expect_count(600)


def test_a_server_that_was_away_is_asked_again(own_log, tolerated):
    """The page says so, and goes on by itself."""
    tolerated.append(AWAY)
    page, server = own_log.page, own_log.server
    send(server, [{'name': 'a', 'levelno': 20, 'created': NOW.timestamp(), 'msg': 'here'}])
    own_log.open(count=1)
    server.kill()
    own_log.ask('here')
    expect(own_log.problem).to_contain_text('The server does not answer. Trying again')
    page.clock.resume()
    wait_until_free(server.port)
    server.start()
    own_log.expect_count(1)
    expect(own_log.problem).to_have_text('')


def test_a_slow_question_is_given_up_for_the_next(log):
    """Its answer, when it comes, is shown to nobody."""
    log.open(count=600)
    held = threading.Event()

    def hold(route):
        if 'search=slow' in route.request.url:
            held.set()  # and never answered
        else:
            route.continue_()

    log.page.route('**/api/v1/record?**', hold)
    log.ask('slow')
    expect(log.page.get_by_role('button', name='Cancel')).to_be_visible()
    log.ask('bob')
    log.expect_count(86)
    expect(log.page.get_by_role('button', name='Cancel')).to_be_hidden()
    assert held.is_set()


def test_waiting_can_be_cancelled(log):
    """The list stays what it was."""
    log.open(count=600)
    log.page.route('**/api/v1/record?**', lambda route: None)
    log.ask('bob')
    log.page.get_by_role('button', name='Cancel').click()
    expect(log.page.get_by_role('progressbar')).to_be_hidden()
    expect(log.row(600)).to_be_visible()


def test_what_the_server_says_is_shown(log, tolerated):
    """With a way to try again."""
    tolerated.append(AWAY)
    log.open(count=600)
    message = 'the question took longer than 10 s; narrow it, by time for instance'
    log.page.route(
        '**/api/v1/record?**', lambda route: answer_with(route, 503, 'QueryTimeoutError', message)
    )
    log.ask('bob')
    expect(log.problem).to_have_text(message)
    log.page.unroute('**/api/v1/record?**')
    log.page.get_by_role('button', name='Try again').click()
    log.expect_count(86)
    expect(log.problem).to_have_text('')
