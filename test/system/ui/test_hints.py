"""What is offered where nothing is found, and what the list shows meanwhile."""

import json

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import SIZE, level, numbers

BOBS = len(numbers(lambda record: record['user'] == 'bob'))
BAD = len(numbers(lambda record: record['levelno'] >= 40))
AWAY = r'Failed to load resource: (net::|the server responded with a status of [45])'


@pytest.mark.parametrize('width', [1400, 1280, 400])
@pytest.mark.parametrize(
    ('search', 'button', 'count'),
    [
        ('level:error', 'Show ERROR and above', BAD),
        ('level:warn', 'Show WARNING and above', len(numbers(lambda r: r['levelno'] >= 30))),
        ('levelname = error', 'Show ERROR and above', BAD),
        ('severity < WARNING', 'Search level < 30', sum(level(n) < 30 for n in range(1, SIZE + 1))),
        ('user:bob', "Search data.user = 'bob'", BOBS),
        ('user = bob', "Search data.user = 'bob'", BOBS),
        ("data.usr = 'bob'", "Search data.user = 'bob'", BOBS),
        ("data.status > '200'", 'Search data.status > 200', BAD),
        ('status:500', 'Search data.status = 500', BAD),
        ('data.user = 5', "Search data.user = '5'", 0),
        ('app.db.pool', 'Show logger app.db.pool', 120),
        ('logger:worker.mail', 'Show logger worker.mail', 120),
        ('mail', 'Show logger worker.mail', 120),
        (
            'user:bob status:200',
            "Search data.user = 'bob' AND data.status = 200",
            len(numbers(lambda r: r['user'] == 'bob' and r['status'] == 200)),
        ),
        (
            'user:bob AND level:error',
            "Search data.user = 'bob'; Show ERROR and above",
            len(numbers(lambda r: r['user'] == 'bob' and r['levelno'] >= 40)),
        ),
    ],
)
def test_what_may_be_meant(log, width, search, button, count):
    """A button does it."""
    log.page.set_viewport_size({'width': width, 'height': 900})
    log.open(count=SIZE)
    log.search_for(search)
    log.expect_count(0)
    log.page.get_by_role('button', name=button, exact=True).click()
    log.expect_count(count)


@pytest.mark.parametrize(
    ('search', 'button', 'count'),
    [
        ('data.user = bob', "Search data.user = 'bob'", BOBS),
    ],
)
def test_what_may_be_meant_by_a_mistake(log, search, button, count):
    """It is offered beside the mistake."""
    log.open(count=SIZE)
    log.search_for(search)
    expect(log.problem).not_to_be_empty()
    log.page.get_by_role('button', name=button, exact=True).click()
    log.expect_count(count)
    expect(log.problem).to_be_empty()
    expect(log.page.locator('status-line .meant')).to_be_hidden()


def test_nothing_is_offered_without_reason(log):
    """For a search that is what it should be."""
    log.open(count=SIZE)
    log.search_for("data.user = 'nobody'")
    log.expect_count(0)
    expect(log.page.get_by_role('button', name='Remove all filters')).to_be_visible()
    expect(log.page.locator('.meant:visible')).to_have_count(0)


@pytest.mark.parametrize('search', ['timeout', 'level >'])
def test_rows_of_before_are_dimmed_under_an_error(log, tolerated, search):
    """They are not what is asked for; the next success undoes it."""
    tolerated.append(AWAY)
    log.open(count=SIZE)
    log.page.route(
        '**/api/v1/record?*search=*',
        lambda route: route.fulfill(
            status=500, content_type='application/json', body=json.dumps({'error': {}})
        ),
    )
    rows = log.page.locator('.rows')
    expect(rows).to_have_css('opacity', '1')
    log.search_for(search)
    expect(log.problem).not_to_be_empty()
    expect(rows).to_have_css('opacity', '0.45')
    expect(log.chart).to_have_css('opacity', '0.45')
    log.search_for("data.user = 'bob'")
    log.expect_count(BOBS)
    expect(rows).to_have_css('opacity', '1')


def test_rows_of_before_keep_their_marks(log):
    """Words of the next search are marked in what it finds, not in what is shown meanwhile."""
    held = []
    log.open('range=all&q=timeout', BAD)
    expect(log.page.locator('mark').first).to_have_text('timeout')
    log.page.route('**/api/v1/record?*search=served*', lambda route: held.append(route))
    log.page.route('**/api/v1/record?*search=request*', lambda route: held.append(route))
    log.search_for('request')
    expect(log.page.get_by_role('progressbar', name='Loading')).to_be_visible()
    assert {'timeout'} == set(log.page.locator('mark').all_inner_texts())
    for route in held:
        route.continue_()
    log.page.unroute_all()
    log.expect_count(SIZE)
    expect(log.page.locator('mark').first).to_have_text('request')
