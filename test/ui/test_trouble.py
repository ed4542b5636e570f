"""What is shown when the server is slow, away, or says no."""

import json

from playwright.sync_api import expect

from test.ui.corpus import SIZE, record, send

AWAY = r'Failed to load resource: (net::|the server responded with a status of 5)'


def test_a_server_that_is_away(own_log, own_server, tolerated):
    """Is said, and what was loaded stays; when it is back, the page goes on by itself."""
    tolerated.append(AWAY)
    log = own_log
    send(own_server, [record(1), record(2)])
    log.open(count=2)
    own_server.__exit__()
    log.ask('request')
    expect(log.problem).to_have_text('The server does not answer. Trying again…')
    expect(log.rows).to_have_count(2)
    own_server.start()
    log.expect_count(2)
    expect(log.problem).to_be_empty()


def test_a_page_that_opens_while_it_is_away(own_log, own_server, tolerated):
    """From the first question on."""
    tolerated.append(AWAY)
    log = own_log
    send(own_server, [record(1)])
    log.page.route('**/api/v1/**', lambda route: route.abort())
    log.open()
    expect(log.problem).to_contain_text('Trying again')
    log.page.unroute('**/api/v1/**')
    log.expect_count(1)
    expect(log.problem).to_be_empty()


def test_trying_again(log, tolerated):
    """At once, by a button."""
    tolerated.append(AWAY)
    log.open(count=SIZE)
    log.page.route('**/api/v1/record?*', lambda route: route.abort())
    log.ask('timeout')
    expect(log.problem).not_to_be_empty()
    log.page.unroute('**/api/v1/record?*')
    log.page.get_by_role('button', name='Try again').click()
    log.expect_count(60)
    expect(log.problem).to_be_empty()


def test_a_slow_question_gives_way(log):
    """To the next one, whose answer is the one that stays."""
    held = []
    log.open(count=SIZE)
    log.page.route('**/api/v1/record?*search=timeout*', lambda route: held.append(route))
    log.ask('timeout')
    expect(log.page.get_by_role('progressbar', name='Loading')).to_be_visible()
    with log.page.expect_event('requestfailed', lambda request: 'search=timeout' in request.url):
        log.ask("data.user = 'bob'")
    log.expect_count(86)
    for route in held:
        route.abort()
    log.expect_ids([596, 589, 582], is_all=False)
    log.expect_count(86)


def test_cancelling(log):
    """Ends the waiting."""
    held = []
    log.open(count=SIZE)
    log.page.route('**/api/v1/record?*search=timeout*', lambda route: held.append(route))
    log.ask('timeout')
    cancel = log.page.get_by_role('button', name='Cancel')
    with log.page.expect_event('requestfailed', lambda request: 'search=timeout' in request.url):
        cancel.click()
    expect(cancel).to_be_hidden()
    expect(log.page.get_by_role('progressbar', name='Loading')).to_be_hidden()
    for route in held:
        route.abort()


def test_an_error_of_the_server(log, tolerated):
    """Is shown in its words."""
    tolerated.append(AWAY)
    log.open(count=SIZE)
    message = 'the question takes too long; narrow it by <b>time</b>'
    log.page.route(
        '**/api/v1/record?*',
        lambda route: route.fulfill(
            status=503,
            content_type='application/json',
            body=json.dumps({'error': {'type': 'QueryTimeoutError', 'message': message}}),
        ),
    )
    log.ask("message LIKE '%x%'")
    expect(log.problem).to_have_text(message)
    expect(log.page.get_by_role('progressbar', name='Loading')).to_be_hidden()


def test_a_filter_that_is_refused(log, tolerated):
    """From a link; it can be taken away."""
    tolerated.append('Failed to load resource: .* 400')
    log.open("range=all&f=level+=+'x'")
    expect(log.problem).to_contain_text('types differ')
    log.page.get_by_role('button', name='Take away').click()
    log.expect_count(SIZE)
    expect(log.problem).to_be_empty()
