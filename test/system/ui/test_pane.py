"""The room that an open record leaves to the list."""

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import SIZE

CHARACTERS = 45  # of a message, at least

# How many characters of the message are in sight, and whether the list scrolls sideways.
SEEN = """() => {
  const cell = document.querySelector('.row[data-id="598"] .message');
  const scroller = document.querySelector('.scroller');
  const style = getComputedStyle(cell);
  const context = document.createElement('canvas').getContext('2d');
  context.font = style.font;
  const room = cell.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return [Math.floor(room / context.measureText('0').width),
    scroller.scrollWidth > scroller.clientWidth];
}"""

COLUMNS = 'range=all&col=data.user&id=598'


@pytest.mark.parametrize('width', [1100, 1280, 1400, 1599, 1600, 1920])
@pytest.mark.parametrize('query', ['range=all&id=598', COLUMNS, 'range=all&id=598&other=590'])
def test_messages_can_be_read_beside_it(log, width, query):
    """The facets give way first, then the logger, then the record."""
    log.page.set_viewport_size({'width': width, 'height': 900})
    log.open(query, SIZE)
    expect(log.detail.first).to_be_visible()
    log.row(598).wait_for()
    characters, is_cut = log.page.evaluate(SEEN)
    assert characters >= CHARACTERS
    assert not is_cut
    if 'other' not in query:
        expect(log.page.locator('.facets')).to_be_visible(visible=width >= 1600)
    log.detail.first.get_by_role('button', name='Close (Esc)').click()
    if 'other' not in query:
        expect(log.page.locator('.facets')).to_be_visible()
        expect(log.row(598).locator('.name')).to_be_visible()


def test_wrapped_lines_are_whole(log):
    """Nothing of them is behind the record."""
    log.page.set_viewport_size({'width': 1280, 'height': 900})
    log.open(count=SIZE)
    log.panel('View').get_by_label('Wrap lines').check()
    log.page.keyboard.press('Escape')
    log.row(598).click()
    expect(log.detail).to_be_visible()
    assert not log.page.evaluate(SEEN)[1]


@pytest.mark.parametrize('query', [COLUMNS, 'range=all&id=598&other=590'])
def test_its_edge_can_be_moved(log, query):
    """By the pointer and by keys, within bounds; it is kept, and a double click resets it."""
    log.open(query, SIZE)
    edge, pane = log.page.get_by_role('separator', name='Width'), log.page.locator('aside')
    log.detail.first.wait_for()
    usual = pane.bounding_box()['width']
    box = edge.bounding_box()
    log.page.mouse.move(box['x'] + 3, box['y'] + 99)
    log.page.mouse.down()
    log.page.mouse.move(box['x'] + 63, box['y'] + 99, steps=4)
    log.page.mouse.up()
    assert usual - 60 == pytest.approx(pane.bounding_box()['width'], abs=2)
    edge.press('ArrowRight')
    assert usual - 84 == pytest.approx(pane.bounding_box()['width'], abs=2)
    expect(edge).to_have_attribute('aria-valuenow', str(round(pane.bounding_box()['width'])))
    log.page.reload()
    log.detail.first.wait_for()
    assert usual - 84 == pytest.approx(pane.bounding_box()['width'], abs=2)
    for _ in range(30):
        edge.press('ArrowLeft')
    assert log.page.evaluate(SEEN)[0] >= CHARACTERS
    edge.dblclick()
    assert usual == pytest.approx(pane.bounding_box()['width'], abs=2)


def test_its_edge_is_there_with_it(log):
    """Without an open record, or where it is in the list, there is none."""
    log.open(count=SIZE)
    edge = log.page.get_by_role('separator', name='Width')
    expect(edge).to_be_hidden()
    log.page.set_viewport_size({'width': 400, 'height': 800})
    log.row(598).click()
    expect(log.detail).to_be_visible()
    expect(edge).to_be_hidden()


@pytest.mark.parametrize('width', [1280, 1400])
def test_facets_that_are_asked_for(log, width):
    """Are shown beside it, until it is closed; messages can still be read."""
    log.page.set_viewport_size({'width': width, 'height': 900})
    log.open('range=all&id=598', SIZE)
    facets = log.page.locator('.facets')
    log.detail.wait_for()
    expect(facets).to_be_hidden()
    for _ in range(2):
        box = log.panel('View').get_by_label('Show facets')
        box.set_checked(not box.is_checked())
        log.page.keyboard.press('Escape')
    expect(facets).to_be_visible()
    assert log.page.evaluate(SEEN)[0] >= CHARACTERS - 1
    log.page.keyboard.press('Escape')
    log.row(598).click()
    log.detail.wait_for()
    expect(facets).to_be_hidden()


def test_facets_where_there_is_no_room(log):
    """The menu says why there are none."""
    log.page.set_viewport_size({'width': 400, 'height': 800})
    log.open(count=SIZE)
    box = log.panel('View').get_by_label('Show facets')
    expect(box).to_be_disabled()
    expect(log.page.get_by_role('dialog', name='View')).to_contain_text('too narrow')
