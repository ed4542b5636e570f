"""The list of records."""

import pytest
from playwright.sync_api import expect

from test.system.ui.conftest import signed_in
from test.system.ui.corpus import CORPUS, NOW, SIZE, moment, numbers, send

MANY = 5500
ROWS = 150  # that are in the document at once, whatever there is


@pytest.fixture(scope='module')
def large(tmp_path_factory):
    """A server with many records."""
    from test.servers.chronologer import Server

    with Server(tmp_path_factory.mktemp('large')) as server:
        start = NOW.timestamp() - MANY
        send(
            server,
            [
                {'name': 'bulk', 'levelno': 20, 'created': start + i, 'msg': f'line {i}'}
                for i in range(MANY)
            ],
        )
        yield server


def test_all_records_can_be_scrolled_to(page, large):
    """Each once, in order, with few of them in the document at any time; and back to the first."""
    page.set_viewport_size({'width': 1400, 'height': 2000})
    log = signed_in(page, large).open(count=MANY)
    result = log.scroll_through()
    assert result['most'] < ROWS
    assert 0 == result['twice']
    assert [*range(MANY, 0, -1)] == result['ids']
    # The first ones have been let go; they come again.
    page.evaluate(
        """async () => {
          const scroller = document.querySelector('.scroller');
          for (let i = 0; i < 400 && !document.querySelector('[data-id="5500"]'); i++) {
            scroller.scrollTop -= scroller.clientHeight * 2;
            await new Promise(done => setTimeout(done, 10));
          }
        }"""
    )
    log.expect_ids([MANY, MANY - 1, MANY - 2], is_all=False)


@pytest.mark.parametrize('wrap', [False, True])
def test_rows_do_not_overlap(log, wrap):
    """Each is below the one before, wrapped or not, wherever the list has been scrolled to."""
    log.open(count=SIZE)
    if wrap:
        log.page.set_viewport_size({'width': 900, 'height': 700})
        log.panel('View').get_by_label('Wrap lines').check()
        log.page.keyboard.press('Escape')
    log.scroller.evaluate('scroller => { scroller.scrollTop = 3000; }')
    log.page.wait_for_function(
        "() => [...document.querySelectorAll('.rows > .row')].every(row => row.dataset.id < 550)"
    )
    gaps = log.page.evaluate(
        """() => {
          const rows = [...document.querySelectorAll('.rows > .row')];
          const boxes = rows.map(row => row.getBoundingClientRect());
          boxes.sort((a, b) => a.top - b.top);
          return boxes.slice(1).map((box, i) => Math.round(box.top - boxes[i].bottom));
        }"""
    )
    assert {0} == set(gaps)


def test_order(each_log):
    """Newest first, or oldest first; the address says which."""
    each_log.open(count=SIZE)
    each_log.expect_ids([*range(SIZE, 0, -1)])
    each_log.page.get_by_role('button', name='Newest first').click()
    each_log.expect_ids([*range(1, SIZE + 1)])
    each_log.expect_state(range='all', order='asc')
    each_log.expect_count(SIZE)
    each_log.page.get_by_role('button', name='Oldest first').click()
    each_log.expect_ids([*range(SIZE, 0, -1)])


def test_a_row_says_what_it_is(log):
    """Time, level, logger and message."""
    log.open(count=SIZE)
    row = log.row(590)
    cells = row.get_by_role('gridcell').all_inner_texts()
    time, level, name, message = cells
    assert f'03-02 {moment(590).hour + 1}:38:00.000' == time
    assert 'E' == level.strip()[0]
    assert 'ERROR' in level
    assert [CORPUS[590]['name'], CORPUS[590]['msg']] == [name, message]


def test_columns(each_log):
    """Added, moved and taken away; what has no value says so."""
    log = each_log.open(count=SIZE)
    panel = log.panel('Columns')
    for field in ('data.user', 'data.tree.whole'):
        panel.get_by_label('Add a column').fill(field)
        panel.get_by_role('button', name='Add').click()
        expect(panel.locator('ol')).to_contain_text(field)
    log.expect_state(range='all', col=['data.user', 'data.tree.whole'])
    panel.get_by_role('button', name='Move data.tree.whole left').click()
    expect(log.page.get_by_role('columnheader')).to_have_text(
        ['Time', 'Level', 'Logger', 'Message', 'data.tree.whole', 'data.user']
    )
    expect(log.row(599).locator('.field')).to_have_text(['387', CORPUS[599]['user']])
    expect(log.row(600).locator('.field')).to_have_text(['–', CORPUS[600]['user']])
    assert ['data.tree.whole', 'data.user'] == log.state['col']
    panel.get_by_role('button', name='Remove data.tree.whole').click()
    expect(log.row(599).locator('.field')).to_have_text([CORPUS[599]['user']])
    log.expect_state(range='all', col='data.user')


def test_columns_of_a_link(log):
    """With keys that are no words; also where the list opens at a record."""
    log.open('range=all&col=data.tree."a-b c"&col=data.user&id=599', SIZE)
    expect(log.row(599).locator('.field')).to_have_text(['quoted', CORPUS[599]['user']])


def test_the_width_of_a_column(log):
    """Is dragged, and kept when the page is opened again."""
    log.open(count=SIZE)
    head = log.page.get_by_role('columnheader', name='Logger')
    width = head.bounding_box()['width']
    for _ in range(2):
        box = head.locator('.grip').bounding_box()
        log.page.mouse.move(box['x'] + 3, box['y'] + 5)
        log.page.mouse.down()
        log.page.mouse.move(box['x'] + 53, box['y'] + 5, steps=5)
        log.page.mouse.up()
        width += 50
        assert width == pytest.approx(head.bounding_box()['width'], abs=4)
    log.open(count=SIZE)
    assert width == pytest.approx(head.bounding_box()['width'], abs=4)


def test_density(log):
    """Rows are higher when they are not dense; that is kept too."""
    log.open(count=SIZE)
    height = log.row(600).bounding_box()['height']
    log.panel('View').get_by_label('Compact rows').uncheck()
    expect(log.page.locator('record-list.roomy')).to_be_visible()
    assert height < log.row(600).bounding_box()['height']
    log.open(count=SIZE)
    assert height < log.row(600).bounding_box()['height']


def test_matches_are_highlighted(log):
    """In any case, in the row and in the open record; those of an expression are none."""
    log.open('range=all&q=TIMEOUT "request 590"', 1)
    expect(log.row(590).locator('mark')).to_have_text(['timeout', 'request 590'])
    log.row(590).click()
    expect(log.detail.locator('.whole-message mark')).to_have_text(['timeout', 'request 590'])
    log.search_for("data.user = 'bob'")
    log.expect_count(len(numbers(lambda record: record['user'] == 'bob')))
    expect(log.page.locator('mark')).to_have_count(0)


def test_a_text_can_be_selected(log):
    """Without opening the record."""
    log.open(count=SIZE)
    log.row(600).locator('.message').dblclick(position={'x': 20, 'y': 8})
    assert 'timeout' == log.page.evaluate('String(getSelection())').strip()


def test_a_double_click_beside_words(log):
    """Opens the record, as the click that began it would."""
    log.open(count=SIZE)
    box = log.row(600).bounding_box()
    log.row(600).dblclick(position={'x': box['width'] - 40, 'y': 8})
    expect(log.detail).to_have_attribute('aria-label', 'Record 600')
    log.row(599).dblclick(position={'x': 500, 'y': 8})
    expect(log.detail).to_have_attribute('aria-label', 'Record 599')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_the_list_is_opaque(log, scheme):
    """Or Chromium leaves rows blank where a link leads to, until the pointer moves over them."""
    log.page.emulate_media(color_scheme=scheme)
    log.open('range=all&id=300', SIZE)
    expect(log.row(300)).to_be_in_viewport()
    expect(log.scroller).to_have_css(
        'background-color',
        log.page.locator('body').evaluate('body => getComputedStyle(body).backgroundColor'),
    )
