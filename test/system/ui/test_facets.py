"""Counts beside the list."""

from collections import Counter

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import CORPUS, NOW, SIZE, level, numbers, send

NAMES = {50: 'CRITICAL', 40: 'ERROR', 30: 'WARNING', 20: 'INFO', 10: 'DEBUG'}
LEVELS = Counter(map(level, CORPUS))


@pytest.fixture
def facets(each_log):
    """The facets of the corpus."""
    each_log.open(count=SIZE)
    return each_log.page.locator('facet-list')


def section(facets, title):
    """One of them."""
    heading = facets.page.get_by_role('heading', name=title, exact=True)
    return facets.locator('.facet').filter(has=heading)


def item(facets, title, text):
    """A value of one of them."""
    button = facets.page.get_by_role('button', name=text, exact=True)
    return section(facets, title).locator('.value-item').filter(has=button)


def test_levels(each_log, facets):
    """Worst first; each, it and worse, or all others."""
    items = section(facets, 'Level').locator('.value-item')
    expect(items).to_have_text(
        [f'{NAMES[value]}=≠{LEVELS[value]}' for value in sorted(LEVELS)[::-1]]
    )
    item(facets, 'Level', 'WARNING').get_by_role('button', name='Only this level').click()
    each_log.expect_count(LEVELS[30])
    expect(each_log.chips).to_have_text(['level = 30'])
    each_log.page.get_by_role('button', name='Remove filter').click()
    each_log.expect_count(SIZE)
    item(facets, 'Level', 'WARNING').get_by_role('button', name='Exclude this level').click()
    each_log.expect_count(SIZE - LEVELS[30])
    expect(items).to_have_count(4)
    item(facets, 'Level', 'ERROR').get_by_role('button', name='ERROR', exact=True).click()
    each_log.expect_count(LEVELS[40] + LEVELS[50])


def test_loggers_are_a_tree(each_log, facets):
    """With sums; a branch is filtered for or out as a whole."""
    app = item(facets, 'Logger', 'app')
    expect(app.locator('.count')).to_have_text('360')
    expect(item(facets, 'Logger', 'worker').locator('.count')).to_have_text('240')
    app.get_by_role('button', name='Loggers below app', exact=True).click()
    item(facets, 'Logger', 'db').get_by_role('button', name='db', exact=True).click()
    each_log.expect_count(240)
    expect(each_log.chips).to_have_text(['logger app.db'])
    each_log.page.get_by_role('button', name='Remove filter').click()
    each_log.expect_count(SIZE)
    item(facets, 'Logger', 'app').get_by_role('button', name='Exclude app').click()
    each_log.expect_count(240)
    each_log.expect_ids(numbers(lambda record: record['name'].startswith('worker')))


def test_values(each_log, facets):
    """Filter for one, or filter it out; counts follow."""
    bob = item(facets, 'data.user', 'bob')
    expect(bob.locator('.count')).to_have_text('86')
    bob.get_by_role('button', name='bob', exact=True).click()
    each_log.expect_count(86)
    expect(each_log.chips).to_have_text(["data.user = 'bob'"])
    each_log.page.get_by_role('button', name='Remove filter').click()
    each_log.expect_count(SIZE)
    item(facets, 'data.user', "o'brien").get_by_role(
        'button', name="Exclude data.user = o'brien"
    ).click()
    each_log.expect_count(SIZE - len(numbers(lambda record: record['user'] == "o'brien")))
    expect(item(facets, 'data.user', "o'brien")).to_have_count(0)


def test_at_most_twenty_values(facets):
    """And how many more there are."""
    item_facet = section(facets, 'data.item')
    expect(item_facet.locator('.value-item')).to_have_count(20)
    expect(item_facet.locator('.hint')).to_have_text('40 more values')


def test_what_tells_nothing_is_folded_away(each_log, facets):
    """Fields with one value, or with one for each record; they can be counted all the same."""
    folded = section(facets, 'Other fields')
    expect(folded.locator('li', has_text='data.host')).to_have_count(1)
    expect(folded.locator('li', has_text='data.request_id')).to_have_count(1)
    for field in ('data.host', 'data.request_id'):
        expect(section(facets, field)).to_have_count(0)
    folded.locator('summary').click()
    folded.get_by_role('button', name='data.host').click()
    expect(item(facets, 'data.host', 'web-1').locator('.count')).to_have_text(str(SIZE))
    expect(folded.locator('li', has_text='data.host')).to_have_count(0)


def test_counts_are_of_what_is_shown(each_log):
    """Also of time."""
    each_log.open('from=2026-03-02T11:00:00Z', 30)
    facets = each_log.page.locator('facet-list')
    counts = section(facets, 'Level').locator('.count')
    expect(counts.first).to_be_visible()
    assert 30 == sum(map(int, counts.all_inner_texts()))


def test_they_can_be_hidden(log):
    """And then are not asked for."""
    log.open(count=SIZE)
    log.panel('View').get_by_label('Show facets').uncheck()
    expect(log.page.locator('facet-list')).to_be_hidden()
    log.page.goto('about:blank')
    with log.requests('/api/v1/facet') as asked:
        log.open(count=SIZE)
        expect(log.row(SIZE)).to_be_visible()
    assert [] == asked


def test_useful_fields_are_counted(own_log, own_server):
    """Those that most records have and that have few values, wherever they are in the alphabet."""
    send(
        own_server,
        [
            {
                'name': 'app', 'levelno': 20, 'created': NOW.timestamp() - n, 'msg': 'x',
                **{f'a{i:02}': f'{i}-{n}' for i in range(15)},  # another value in each record
                **({'rare': n % 2} if n < 4 else {}),
                'zone': f'z{n % 3}', 'host': f'h{n % 2}',
            }
            for n in range(60)
        ],
    )  # fmt: skip
    own_log.open(count=60)
    fields = own_log.page.locator('.fields .facet h2')
    expect(fields).to_have_text(['data.host', 'data.zone', 'data.rare'])


def test_fields_are_ranked(page, corpus):
    """Few values before many, many before one or a different one in each record."""
    page.goto(f'http://{corpus.host}/health')
    rows = [
        {
            'once': 1 if n == 3 else None,
            'two': n % 2,
            'id': n,
            'many': n % 30,
            'half': n % 3 or None,
        }
        for n in range(90)
    ]
    script = """async ([names, rows]) =>
        (await import('/static/log/facet-list.js')).ranked(names, rows)"""
    names = ['half', 'id', 'many', 'none', 'once', 'two']
    assert ['two', 'half', 'many'] == page.evaluate(script, [names, rows])[:3]
