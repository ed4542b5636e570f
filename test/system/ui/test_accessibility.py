"""Narrow windows, keyboards, and those who listen."""

import os
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import SIZE, send
from test.system.ui.log_page import LogPage
from test.system.ui.test_saved import save

AXE = Path(__file__).parents[3] / 'node_modules/axe-core/axe.min.js'
CHECK = """async () => {
  const {violations} = await axe.run(document, {resultTypes: ['violations']});
  return violations
    .filter(({impact}) => ['serious', 'critical'].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(({target}) => target).join(', ')}`);
}"""


@pytest.fixture
def axe(page):
    """A function that returns what axe-core finds serious or critical."""
    if not AXE.exists():
        message = 'axe-core is missing: run npm install'
        if os.environ.get('CHRONOLOGER_TEST_REQUIRE') == 'all':
            pytest.fail(message)
        pytest.skip(message)
    page.add_init_script(path=str(AXE))
    return lambda: page.evaluate(CHECK)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [1400, 360])
def test_axe_finds_nothing(log, axe, scheme, width):
    """In list, record, panels and help sheet."""
    log.page.set_viewport_size({'width': width, 'height': 800})
    log.page.emulate_media(color_scheme=scheme)
    log.open('range=all&q=request&f=level+>=+10&col=data.user', SIZE)
    expect(log.row(SIZE)).to_be_visible()
    assert [] == axe()
    log.open('range=all&id=590', SIZE)
    expect(log.detail).to_be_visible()
    expect(log.row(590)).to_be_visible()
    assert [] == axe()
    log.page.keyboard.press('?')
    expect(log.page.get_by_role('dialog', name='Keyboard shortcuts')).to_be_visible()
    assert [] == axe()
    log.page.keyboard.press('Escape')
    log.open_range()
    assert [] == axe()


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [1400, 360])
def test_axe_finds_nothing_in_saved_searches(own_log, axe, scheme, width):
    """Nor while there are none."""
    page = own_log.page
    page.set_viewport_size({'width': width, 'height': 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(f'http://{own_log.server.host}/saved')
    expect(page.locator('saved-page .card')).to_be_visible()
    assert [] == axe()
    save(own_log.server, 'errors', 'q=level+>=+40&f=data.x=1&level=INFO')
    send(own_log.server, [{'name': 'a', 'levelno': 40, 'created': time.time(), 'msg': 'x', 'x': 1}])
    page.reload()
    expect(page.locator('saved-search strong')).to_have_text('1')
    assert [] == axe()
    page.get_by_role('button', name='Rename').click()
    assert [] == axe()
    page.get_by_role('button', name='Delete').click()
    expect(page.get_by_role('dialog')).to_be_visible()
    assert [] == axe()


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_axe_finds_nothing_before_signing_in(page, corpus, axe, scheme):
    """Nor at a problem."""
    page.emulate_media(color_scheme=scheme)
    LogPage(page, corpus).open()
    page.get_by_label('User name').fill('x')
    page.get_by_role('button', name='Sign in').click()
    expect(page.get_by_role('alert').filter(has_text='wrong')).to_be_visible()
    assert [] == axe()


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_axe_finds_nothing_on_an_empty_store(own_log, axe, scheme):
    """Where the snippet is."""
    own_log.page.emulate_media(color_scheme=scheme)
    own_log.open()
    expect(own_log.page.locator('first-record pre')).to_be_visible()
    assert [] == axe()


@pytest.mark.parametrize(
    'query',
    [
        'range=all',
        'range=all&id=599',
        'range=all&id=590&tail=1',
        'range=all&q=nowhere',
        'range=all&col=data.user&col=data.item',
    ],
)
@pytest.mark.parametrize('width', [360, 700, 1100])
def test_it_fits_any_width(log, query, width):
    """Only boxes within the page scroll sideways."""
    log.page.set_viewport_size({'width': width, 'height': 700})
    log.open(query)
    expect(log.page.locator('.row[data-id], no-records p').first).to_be_visible()
    if 'id=' in query:
        expect(log.detail).to_be_visible()
    assert width == log.page.evaluate('document.documentElement.scrollWidth')
    assert width >= log.page.evaluate('document.body.scrollWidth')
    box = log.scroller.bounding_box() or {'height': 200}
    assert box['height'] >= 200


def test_the_list_of_a_phone(log):
    """Shows message and level without scrolling sideways; the record below its row fits too."""
    log.page.set_viewport_size({'width': 360, 'height': 700})
    log.open(count=SIZE)
    assert log.scroller.evaluate('box => box.scrollWidth <= box.clientWidth')
    box = log.row(SIZE).locator('.message').bounding_box()
    assert 150 < box['width']
    assert 360 >= box['x'] + box['width']
    log.row(598).click()
    expect(log.detail).to_be_visible()
    box = log.detail.bounding_box()
    assert 360 >= box['x'] + box['width']
    assert log.scroller.evaluate('box => box.scrollWidth <= box.clientWidth')


@pytest.mark.parametrize('panel', ['Saved', 'Columns', 'Export', 'View'])
def test_panels_of_a_phone(log, panel):
    """Are within the window."""
    log.page.set_viewport_size({'width': 360, 'height': 700})
    log.open(count=SIZE)
    box = log.panel(panel).bounding_box()
    assert box['x'] >= 0
    assert 360 >= box['x'] + box['width']


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_the_focus_is_seen(log, scheme):
    """Wherever Tab leads: an outline, within the window."""
    log.page.emulate_media(color_scheme=scheme)
    log.open(count=SIZE)
    seen = set()
    for _ in range(25):
        log.page.keyboard.press('Tab')
        name, style, width = log.page.evaluate(
            """() => {
              const {activeElement: element} = document;
              const {outlineStyle, outlineWidth} = getComputedStyle(element);
              return [element.outerHTML.slice(0, 120), outlineStyle, parseFloat(outlineWidth)];
            }"""
        )
        assert 'none' != style, name
        assert width >= 2, name
        seen.add(name)
    assert 20 < len(seen)


def test_columns_and_rows_are_named(log):
    """For those who listen: a grid with heads, rows and cells; levels are more than a colour."""
    log.open(count=SIZE)
    grid = log.page.get_by_role('grid', name='Records')
    expect(grid.get_by_role('columnheader')).to_have_count(4)
    expect(grid.get_by_role('row').nth(1).get_by_role('gridcell')).to_have_count(4)
    expect(log.row(590).locator('.level')).to_have_text('E ERROR')
    expect(log.number).to_have_role('status')
