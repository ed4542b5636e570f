"""Widths, keyboards, colours, and what axe-core finds."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

AXE = Path(__file__).parents[2] / 'node_modules/axe-core/axe.min.js'

CHECK = """async () => {
  const {violations} = await axe.run(document, {resultTypes: ['violations']});
  return violations.filter(({impact}) => ['serious', 'critical'].includes(impact)).map(
    ({id, nodes}) => `${id}: ${nodes.map(({target}) => target.join(' ')).slice(0, 5).join(' | ')}`);
}"""


@pytest.fixture(params=['light', 'dark'])
def checked(request, log):
    """The page, with the checker in it, in both colour schemes."""
    assert AXE.exists(), 'axe-core is missing: run npm install'
    log.page.emulate_media(color_scheme=request.param)
    log.page.add_init_script(path=AXE)
    return log


def violations(log):
    return log.page.evaluate(CHECK)


def test_nothing_serious_in_the_list(checked):
    """With facets, chips, a mark, a column, and an open record beside it."""
    checked.open('range=all&q=timeout&f=level+>=+40&name=app&col=data.user&id=590')
    checked.detail.wait_for()
    checked.page.locator('.facet .count').first.wait_for()
    assert [] == violations(checked)


def test_nothing_serious_in_panels(checked):
    """Of the toolbar, and the help sheet."""
    checked.open(count=600)
    for name in ('Saved', 'Columns', 'Export', 'View'):
        checked.panel(name)
        assert [] == violations(checked), name
        checked.page.keyboard.press('Escape')
    checked.open_range()
    assert [] == violations(checked)
    checked.page.keyboard.press('Escape')
    checked.page.locator('body').press('?')
    expect(checked.page.get_by_role('dialog', name='Keys')).to_be_visible()
    assert [] == violations(checked)


def test_nothing_serious_where_one_signs_in(checked):
    """On the form, and on an error."""
    checked.page.context.clear_cookies()
    checked.page.goto(f'http://{checked.server.host}/')
    checked.page.get_by_role('button', name='Sign in').wait_for()
    assert [] == violations(checked)


def test_nothing_serious_in_a_narrow_list(checked):
    """With a record open in it."""
    checked.page.set_viewport_size({'width': 400, 'height': 800})
    checked.open('range=all&id=590')
    checked.detail.wait_for()
    assert [] == violations(checked)


@pytest.mark.parametrize('width', [360, 400, 768, 1400, 3840])
def test_the_page_fits_any_width(log, width):
    """Nothing sticks out, with a record open and without."""
    log.page.set_viewport_size({'width': width, 'height': 800})
    for query in ('range=all', 'range=all&id=590'):
        log.open(query, count=600)
        assert width >= log.page.evaluate('document.documentElement.scrollWidth')
    expect(log.detail).to_be_visible()


def test_rows_are_reached_by_keyboard(log):
    """The focus is seen, and Enter opens what has it."""
    log.open(count=600)
    log.row(600).wait_for()
    log.page.keyboard.press('j')
    log.page.keyboard.press('ArrowDown')
    row = log.row(599)
    expect(row).to_be_focused()
    assert '2px' == row.evaluate('row => getComputedStyle(row).outlineWidth')
    row.press('Enter')
    expect(log.detail).to_contain_text('request 599')


def test_colours_can_be_chosen(log):
    """Light, dark, or what the system has; remembered."""
    ground = 'getComputedStyle(document.body).backgroundColor'
    log.page.emulate_media(color_scheme='light')
    log.open(count=600)
    assert 'rgb(255, 255, 255)' == log.page.evaluate(ground)
    log.panel('View').get_by_label('Colours').select_option('dark')
    dark = log.page.evaluate(ground)
    assert 'rgb(255, 255, 255)' != dark
    log.open(count=600)
    assert dark == log.page.evaluate(ground)
