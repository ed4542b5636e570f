"""An open record."""

import json
import logging

import pytest
from playwright.sync_api import expect

from chronologer.client import BatchJsonHandler
from test.system.ui.corpus import CORPUS, SIZE, TRACEBACK, numbers

LINK_RANGE = {'from': '2026-03-01T12:00:00.000Z', 'to': '2026-03-02T12:00:00.000Z'}


def of(user):
    """How many records a user has."""
    return len(numbers(lambda record: record['user'] == user))


def test_it_opens_beside_the_list(each_log):
    """Where there is room; a second click closes it."""
    each_log.open(count=SIZE)
    each_log.row(598).click()
    expect(each_log.detail).to_have_attribute('aria-label', 'Record 598')
    expect(each_log.page.locator('aside record-detail[role=region]')).to_be_visible()
    expect(each_log.row(598)).to_have_class('row info open')
    expect(each_log.detail.locator('.whole-message')).to_have_text(CORPUS[598]['msg'])
    each_log.expect_state(range='all', id='598')
    assert each_log.row(598).bounding_box()['x'] < each_log.detail.bounding_box()['x']
    each_log.row(598).click()
    expect(each_log.detail).to_have_count(0)
    each_log.expect_state(range='all')


def test_it_opens_within_the_list(log):
    """Where there is none, below its row; the rows after it move down."""
    log.page.set_viewport_size({'width': 400, 'height': 800})
    log.open(count=SIZE)
    log.row(598).click()
    expect(log.row(598).locator('record-detail')).to_be_visible()
    expect(log.page.locator('aside')).to_be_hidden()
    expanded, following = log.row(598), log.row(597)
    log.scroller.evaluate('scroller => { scroller.scrollTop = 400; }')
    following.wait_for()
    box = expanded.bounding_box()
    assert box['y'] + box['height'] == pytest.approx(following.bounding_box()['y'], abs=1)
    log.detail.get_by_role('button', name='Close (Esc)').evaluate('button => button.click()')
    expect(log.detail).to_have_count(0)


def test_a_traceback_is_copied_as_it_was(log):
    """Whatever its lines look like."""
    log.open('range=all&id=590', SIZE)
    trace = log.detail.locator('.traceback')
    expect(trace.locator('.exception').last).to_have_text('RuntimeError: <b>cannot</b> fetch\tit')
    assert TRACEBACK == trace.evaluate('pre => pre.textContent')
    trace.click()
    text = trace.evaluate(
        """pre => {
          const selection = getSelection();
          selection.selectAllChildren(pre);
          return selection.toString();
        }"""
    )
    assert TRACEBACK == text
    log.page.keyboard.press('Control+c')
    assert TRACEBACK == log.clipboard


def test_values_have_types(log):
    """And nested ones are a tree."""
    log.open('range=all&id=599', SIZE)
    tree = log.detail.locator('section', has=log.page.get_by_role('heading', name='data'))
    for key, text, kind in (
        ('text', 'leaf', 'text'),
        ('whole', '387', 'number'),
        ('broken', '1.5', 'number'),
        ('yes', 'true', 'boolean'),
        ('nothing', 'null', 'null'),
        ('a-b c', 'quoted', 'text'),
        ('deep', 'x', 'text'),
    ):
        if key == 'deep':
            tree.locator('summary', has_text='object 1 field').click()
        leaf = tree.locator('.leaf', has=log.page.locator('.key').get_by_text(key, exact=True))
        expect(leaf.locator('.value')).to_have_text(text)
        expect(leaf.locator('.type')).to_have_text(kind)
    expect(tree.locator('summary', has_text='list')).to_contain_text('array 2 items')


@pytest.mark.parametrize(
    ('item', 'filters', 'count'),
    [
        ('Filter for this value', "data.user = '{}'", of),
        (
            'Exclude this value',
            "data.user IS NULL OR data.user != '{}'",
            lambda user: SIZE - of(user),
        ),
    ],
)
@pytest.mark.parametrize('number', [600, 598, 599])
def test_filters_of_values(each_log, item, filters, count, number):
    """Narrow the list, and are shown where they can be taken away."""
    user = CORPUS[number]['user']
    each_log.open(f'range=all&id={number}', SIZE)
    each_log.choose('data.user', item)
    expression = filters.format(user.replace("'", "''"))
    each_log.expect_count(count(user))
    expect(each_log.chips).to_have_text([expression])
    each_log.expect_state(range='all', id=str(number), f=expression)
    each_log.page.get_by_role('button', name='Remove filter').click()
    each_log.expect_count(SIZE)


@pytest.mark.parametrize(
    ('field', 'count'),
    [
        ('data.tree.whole', 1),
        ('data.tree.yes', 1),
        ('data.tree.broken', 1),
        ('data.tree."a-b c"', 1),
        ('data.tree.list[1].deep', 1),
        ('data.tree.nothing', SIZE),
        ('meta.process', SIZE // 2),
    ],
)
def test_filters_of_any_type(log, field, count):
    """The expression is one of the query language, and finds the record that it is of."""
    log.open('range=all&id=599', SIZE)
    if 'deep' in field:
        log.detail.locator('summary', has_text='object 1 field').click()
    log.choose(field, 'Filter for this value')
    log.expect_count(count)
    expect(log.row(599)).to_be_visible()


def test_several_filters(log):
    """All of them hold, and the page can be loaded again with them."""
    log.open('range=all&id=599', SIZE)
    log.choose('data.user', 'Filter for this value')
    expect(log.chips).to_have_count(1)
    log.choose('meta.process', 'Exclude this value')
    expect(log.chips).to_have_count(2)
    user = CORPUS[599]['user']
    count = len(numbers(lambda record: record['user'] == user and record['process'] != 101))
    log.expect_count(count)
    log.page.reload()
    log.expect_count(count)
    expect(log.chips).to_have_count(2)


def test_other_things_to_do_with_a_value(log):
    """Column, facet, copying of it and of its name."""
    log.open('range=all&id=599', SIZE)
    log.choose('data.tree.whole', 'Show as column')
    log.expect_state(range='all', id='599', col='data.tree.whole')
    expect(log.row(599).locator('.field')).to_have_text('387')
    log.choose('data.request_id', 'Show as facet')
    facets = log.page.locator('.facets .fields')
    expect(facets.get_by_role('heading', name='data.request_id')).to_be_visible()
    log.choose('data.tree."a-b c"', 'Copy value')
    log.expect_copied('quoted')
    expect(log.page.get_by_role('button', name='Actions for data.tree."a-b c"')).to_be_focused()
    log.choose('data.tree."a-b c"', 'Copy field name')
    expect(log.notice).to_have_text('Copied')
    assert 'data.tree."a-b c"' == log.clipboard


def test_a_menu_by_keys(log):
    """Arrows, around the ends, and Escape, which closes nothing else."""
    log.open('range=all&id=599', SIZE)
    button = log.page.get_by_role('button', name='Actions for data.user', exact=True)
    button.focus()
    button.press('Enter')
    items = log.page.get_by_role('menuitem')
    expect(items.first).to_be_focused()
    log.page.keyboard.press('ArrowUp')
    expect(items.last).to_be_focused()
    log.page.keyboard.press('ArrowDown')
    log.page.keyboard.press('ArrowDown')
    expect(items.nth(1)).to_be_focused()
    log.page.keyboard.press('Escape')
    expect(items).to_have_count(0)
    expect(button).to_be_focused()
    expect(log.detail).to_be_visible()


def test_copies(log):
    """As text, JSON, link and curl."""
    log.open('range=24h&id=590', SIZE)
    record = log.server.get('record/590')

    log.act('Copy the record', 'Text')
    log.expect_copied(f'{record["ts"]} ERROR app.web: {CORPUS[590]["msg"]}\n{TRACEBACK}')
    log.act('Copy the record', 'JSON')
    expect(log.page.get_by_role('menu')).to_have_count(0)
    assert record == json.loads(log.clipboard)
    log.act('Copy the record', 'curl command')
    expect(log.page.get_by_role('menu')).to_have_count(0)
    assert f"curl -u 'logger' 'http://{log.server.host}/api/v1/record/590'" == log.clipboard
    log.act('Copy the record', 'Link')
    expect(log.page.get_by_role('menu')).to_have_count(0)
    link = log.clipboard
    assert link == log.detail.get_by_role('link', name='#590').get_attribute('href')
    log.page.goto(link)
    log.expect_count(SIZE)
    expect(log.row(590)).to_be_visible()
    expect(log.detail).to_have_attribute('aria-label', 'Record 590')
    log.expect_state(**LINK_RANGE, id='590')


@pytest.mark.parametrize('number', [10, 300])
def test_a_permalink_of_a_record_on_another_page(each_log, number):
    """The list is there, with what was logged before and after; back at the top are the newest."""
    each_log.open(f'range=all&id={number}', SIZE)
    expect(each_log.detail).to_have_attribute('aria-label', f'Record {number}')
    expect(each_log.row(number)).to_be_in_viewport()
    expect(each_log.row(number + 1)).to_be_in_viewport()
    expect(each_log.row(number - 1)).to_be_in_viewport()
    each_log.page.wait_for_function(
        """() => {
          const scroller = document.querySelector('.scroller');
          scroller.scrollTop -= 2000;
          return document.querySelector('.row[data-id="600"]');
        }"""
    )
    each_log.expect_ids([600, 599, 598], is_all=False)


def test_a_link_of_time_passed(log):
    """A relative range is absolute in a link: it shows the same an hour later."""
    log.open('range=1h&id=590', 30)
    link = log.detail.get_by_role('link', name='#590').get_attribute('href')
    log.page.clock.set_fixed_time(1893456000)
    log.page.goto(link)
    log.expect_count(30)
    expect(log.row(590)).to_be_in_viewport()


def test_a_record_that_is_gone(log, tolerated):
    """Is said; the list is there."""
    tolerated.append('Failed to load resource: .* 404')
    log.open('range=all&id=4711', SIZE)
    expect(log.page.locator('record-detail').get_by_role('alert')).to_contain_text('4711')
    log.page.get_by_role('button', name='Close').click()
    log.expect_state(range='all')


def test_previous_and_next(log):
    """In the order of the list, which keeps the record in sight."""
    log.open('range=all&id=598', SIZE)
    expect(log.row(598)).to_be_visible()
    for name, number in (('Next record (j)', 597), ('Previous record (k)', 598)) * 2:
        log.detail.get_by_role('button', name=name).click()
        expect(log.detail).to_have_attribute('aria-label', f'Record {number}')
        expect(log.row(number)).to_be_in_viewport()


def test_comparing(log):
    """The next record that is opened is beside the first."""
    log.open('range=all&id=598', SIZE)
    log.detail.get_by_role('button', name='Keep this record beside').click()
    log.row(590).click()
    for number in (590, 598):
        expect(log.page.get_by_role('region', name=f'Record {number}')).to_be_visible()
    log.page.reload()
    expect(log.detail).to_have_count(2)
    log.page.locator('record-detail .close').first.click()
    expect(log.detail).to_have_count(0)


def test_an_exception_of_our_client(own_log, own_server):
    """The traceback as text, and its type to go on with."""
    handler = BatchJsonHandler(own_server.host, credentials=('logger', ''))
    logger = logging.Logger('shop')
    logger.addHandler(handler)
    for function in (lambda: int('12,50'), lambda: {}['key'], lambda: int('x')):
        try:
            function()
        except (KeyError, ValueError):
            logger.exception('failed')
    handler.close()
    own_log.open('range=all&id=1', 3)
    expect(own_log.detail.locator('.traceback .exception').last).to_contain_text('12,50')
    own_log.page.get_by_role('button', name='Actions for error.exc_info.type').click()
    own_log.page.get_by_role('menuitem', name='Filter').first.click()
    own_log.expect_count(2)
