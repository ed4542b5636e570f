"""What is shown when the server is slow, away, or says no."""

import json

from playwright.sync_api import expect

from test.system.ui.corpus import SIZE, record, send

AWAY = r'Failed to load resource: (net::|the server responded with a status of 5)'


def test_a_server_that_is_away(own_log, own_server, tolerated):
    """Is said, and what was loaded stays; when it is back, the page goes on by itself."""
    tolerated.append(AWAY)
    log = own_log
    send(own_server, [record(1), record(2)])
    log.open(count=2)
    own_server.__exit__()
    log.search_for('request')
    expect(log.problem).to_have_text('The server cannot be reached. Retrying…')
    expect(log.rows).to_have_count(2)
    own_server.start()
    log.expect_count(2)
    expect(log.problem).to_be_empty()


def test_an_open_record_comes_back(log, tolerated):
    """When the server does, like the list."""
    tolerated.append(AWAY)
    log.open(count=SIZE)
    log.page.route('**/api/v1/record/*', lambda route: route.abort())
    log.row(598).click()
    problem = log.page.locator('record-detail').get_by_role('alert')
    expect(problem).to_have_text('The server cannot be reached. Retrying…')
    log.page.unroute('**/api/v1/record/*')
    expect(log.detail).to_have_attribute('aria-label', 'Record 598')
    expect(problem).to_have_count(0)


def test_a_menu_without_its_searches(log, tolerated):
    """Does not say that there are none."""
    tolerated.append(AWAY)
    log.open(count=SIZE)
    log.page.route('**/api/v1/saved', lambda route: route.abort())
    panel = log.panel('Saved')
    expect(panel.get_by_role('alert').first).to_have_text('The server cannot be reached.')
    expect(panel.get_by_text('No searches are saved yet.')).to_have_count(0)


def test_a_page_that_opens_while_it_is_away(own_log, own_server, tolerated):
    """From the first question on."""
    tolerated.append(AWAY)
    log = own_log
    send(own_server, [record(1)])
    log.page.route('**/api/v1/**', lambda route: route.abort())
    log.open()
    expect(log.problem).to_contain_text('Retrying')
    log.page.unroute('**/api/v1/**')
    log.expect_count(1)
    expect(log.problem).to_be_empty()


def test_trying_again(log, tolerated):
    """At once, by a button."""
    tolerated.append(AWAY)
    log.open(count=SIZE)
    log.page.route('**/api/v1/record?*', lambda route: route.abort())
    log.search_for('timeout')
    expect(log.problem).not_to_be_empty()
    log.page.unroute('**/api/v1/record?*')
    log.page.get_by_role('button', name='Retry').click()
    log.expect_count(60)
    expect(log.problem).to_be_empty()


def test_a_slow_question_gives_way(log):
    """To the next one, whose answer is the one that stays."""
    held = []
    log.open(count=SIZE)
    log.page.route('**/api/v1/record?*search=timeout*', lambda route: held.append(route))
    log.search_for('timeout')
    expect(log.page.get_by_role('progressbar', name='Loading')).to_be_visible()
    with log.page.expect_event('requestfailed', lambda request: 'search=timeout' in request.url):
        log.search_for("data.user = 'bob'")
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
    log.search_for('timeout')
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
    log.search_for("message LIKE '%x%'")
    expect(log.problem).to_have_text(message)
    expect(log.page.get_by_role('progressbar', name='Loading')).to_be_hidden()


def test_a_filter_that_is_refused(log, tolerated):
    """From a link; it can be taken away."""
    tolerated.append('Failed to load resource: .* 400')
    log.open("range=all&f=id+=+'x'")
    expect(log.problem).to_contain_text('types differ')
    log.page.get_by_role('button', name='Remove filter').click()
    log.expect_count(SIZE)
    expect(log.problem).to_be_empty()
