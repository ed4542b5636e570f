"""The address says what is shown, and the other way round."""

import csv
import json

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import CORPUS, SIZE, numbers

ERRORS = numbers(lambda record: record['levelno'] >= 40)
BOBS = numbers(lambda record: record['user'] == 'bob')


def test_back_and_forward(log):
    """Take the way of the clicks."""
    log.open(count=SIZE)
    log.search_for('timeout')
    log.expect_count(len(ERRORS))
    log.page.get_by_role('button', name='Newest first').click()
    log.expect_ids(ERRORS[::-1])
    log.row(ERRORS[-1]).click()
    expect(log.detail).to_be_visible()
    log.page.go_back()
    expect(log.detail).to_have_count(0)
    log.page.go_back()
    log.expect_ids(ERRORS)
    log.page.go_back()
    log.expect_count(SIZE)
    expect(log.search).to_have_value('')
    for _ in range(3):
        log.page.go_forward()
    expect(log.detail).to_have_attribute('aria-label', f'Record {ERRORS[-1]}')
    log.expect_ids(ERRORS[::-1])
    expect(log.search).to_have_value('timeout')


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ('range=all&q=timeout&level=CRITICAL', [n for n in ERRORS if n % 100 == 0]),
        ("range=all&f=data.user+=+'bob'", BOBS),
        ("range=all&f=data.user%20=%20'bob'&f=level%20%3E=%2040", [n for n in ERRORS if n in BOBS]),
        ('range=all&name=worker', numbers(lambda r: r['name'].startswith('worker'))),
        ('range=all&order=asc&q=%22bob%22', BOBS[::-1]),
        ('from=2026-03-02T11:00:00Z&to=2026-03-02T11:30:00Z', [*range(586, 570, -1)]),
        ('range=all&col=data.user&col=data.item&tz=Asia/Kolkata', [*range(SIZE, 0, -1)]),
        ('range=all&nonsense=1&q=%22request%20387%20for%22&level=', [387]),
    ],
)
def test_a_link_shows_the_same(each_log, query, expected):
    """In another window too."""
    each_log.open(query, len(expected))
    each_log.expect_ids(expected)
    each_log.page.reload()
    each_log.expect_count(len(expected))
    each_log.expect_ids(expected)


def test_what_was_done_is_in_the_address(log):
    """Filters, columns, level and order, done by hand, are there when the page is loaded again."""
    log.open(count=SIZE)
    log.page.get_by_label('Lowest level').select_option('WARNING')
    log.row(600).click()
    log.choose('data.status', 'Filter for this value')
    log.choose('data.item', 'Show as column')
    log.choose('data.flow_id', 'Show as column')
    log.choose('data.host', 'Filter for this value')
    log.page.locator('body').press('Escape')
    expect(log.detail).to_have_count(0)
    log.page.get_by_role('button', name='Newest first').click()
    log.expect_count(len(ERRORS))
    log.expect_ids(ERRORS[::-1])
    rows = log.rows.all_inner_texts()
    log.page.goto('about:blank')
    log.page.go_back()
    log.expect_count(len(ERRORS))
    expect(log.chips).to_have_count(2)
    log.expect_ids(ERRORS[::-1], is_all=False)
    assert rows == log.rows.all_inner_texts()


@pytest.mark.parametrize(
    'query', ['range=%00', 'q=%FF%FE', 'range=5x', 'tz=Mars', 'order=up', 'id=x', 'from=never']
)
def test_a_broken_link(log, query, tolerated):
    """Shows the page all the same, and the problem if there is one."""
    tolerated.append('Failed to load resource: .* 40[04]')
    log.open(query)
    expect(log.search).to_be_visible()
    expect(
        log.page.locator('.row[data-id], .problem:not(:empty), no-records p').first
    ).to_be_visible()


def links(log):
    """Those of the panel, by format."""
    panel = log.panel('Export')
    names = {'ndjson': 'NDJSON, with all fields', 'csv': 'CSV', 'text': 'Text'}
    return {kind: panel.get_by_role('link', name=name, exact=True) for kind, name in names.items()}


def download(log, link):
    """The text that a link leads to."""
    with log.page.expect_download() as info:
        link.click()
    return info.value.path().read_text(encoding='utf-8')


@pytest.mark.parametrize('order', ['desc', 'asc'])
def test_exports(each_log, order):
    """Have all that is shown, and no more, in its order."""
    log = each_log.open(f"range=all&q=timeout&f=data.user+=+'bob'&col=data.item&order={order}")
    wanted = [n for n in ERRORS if n in BOBS][:: 1 if order == 'desc' else -1]
    log.expect_count(len(wanted))
    files = links(log)
    expect(log.page.get_by_role('dialog', name='Export')).to_contain_text(f'{len(wanted)} records')
    records = [json.loads(line) for line in download(log, files['ndjson']).splitlines()]
    assert wanted == [record['id'] for record in records]
    assert 'bob' == records[0]['logrec']['data']['user']
    head, *rows = csv.reader(download(log, files['csv']).splitlines())
    assert ['id', 'ts', 'name', 'level', 'message', 'data.item'] == head
    assert [[str(n), CORPUS[n]['item']] for n in wanted] == [[row[0], row[5]] for row in rows]
    text = download(log, files['text'])
    assert [CORPUS[n]['msg'] for n in wanted] == [
        line.split(': ', 1)[1].split(' data.item=')[0]
        for line in text.splitlines()
        if line.startswith('2026-')
    ]


@pytest.mark.parametrize(
    'part', ['from=foo', 'to=99', 'range=99x', 'tz=Mars', 'order=up', 'levl=ERROR']
)
def test_what_is_not_understood_is_said(log, part):
    """Until something else is asked."""
    log.open(f'q=request&{part}', SIZE)
    note = log.page.locator('status-line .ignored')
    expect(note).to_contain_text(f'The address has {part}')
    log.search_for('timeout')
    log.expect_count(60)
    expect(note).to_be_hidden()


def test_a_link_can_be_pasted_into_a_shell(log):
    """In quotes of either kind: it has nothing that ends them."""
    query = "(data.user = 'bob' OR message LIKE '%$x;*') AND \"a b\" = `c`!"
    log.open(count=SIZE)
    log.search_for(query)
    log.page.wait_for_url('**q=*')
    assert [] == [character for character in '\'"$`;()!*\\ ' if character in log.page.url]
    assert query == log.state['q']
