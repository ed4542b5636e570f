"""Keys: each one that the help sheet names."""

import re

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import SIZE, numbers

ERRORS = numbers(lambda record: record['levelno'] >= 40)
WARNINGS = numbers(lambda record: record['levelno'] >= 30)
KEYS = ['/', 'j', 'k', 'Enter', 'e', 'E', 'w', 'W', 't', 'd', 'c', '?']


@pytest.fixture
def keys(log):
    """Press keys where the focus is."""
    log.open(count=SIZE)
    expect(log.row(SIZE)).to_be_visible()

    def press(*names):
        for name in names:
            log.page.keyboard.press(name)

    return press


def expect_at(log, number):
    """A record's row has the focus."""
    expect(log.row(number)).to_be_focused()


def test_the_sheet(log, keys):
    """Names them; Escape closes it."""
    keys('?')
    sheet = log.page.get_by_role('dialog', name='Keyboard shortcuts')
    expect(sheet).to_be_visible()
    shown = sheet.locator('kbd').all_inner_texts()
    assert {key.replace('Arrow', '') for key in [*KEYS, 'Escape', 'Up', 'Down']} == set(shown)
    keys('j', 't')
    log.expect_state(range='all')
    keys('Escape')
    expect(sheet).to_have_count(0)
    log.page.get_by_role('button', name='Keyboard shortcuts').click()
    sheet.get_by_role('button', name='Close').click()
    expect(sheet).to_have_count(0)


@pytest.mark.parametrize('name', ['Columns', 'View', 'Export', 'Saved', 'Account'])
def test_keys_are_for_a_menu_that_is_open(log, keys, name):
    """And not for what is behind it."""
    log.page.get_by_role('button', name=name, exact=True).click()
    panel = log.page.get_by_role('dialog', name=name, exact=True)
    expect(panel).to_be_visible()
    keys('t', 'e', 'j', 'd', '?')
    expect(panel).to_be_visible()
    log.expect_state(range='all')
    expect(log.page.locator('.rows > .row:focus')).to_have_count(0)
    keys('Escape')
    expect(panel).to_be_hidden()
    keys('j')
    expect_at(log, SIZE)


@pytest.mark.parametrize(('key', 'level'), [('e', 'ERROR'), ('w', 'WARNING')])
def test_the_first_row_is_not_skipped(log, key, level):
    """If it is an error itself; after it comes the next."""
    found = ERRORS if key == 'e' else WARNINGS
    log.open(f'range=all&level={level}', len(found))
    expect(log.row(found[0])).to_be_visible()
    log.page.keyboard.press(key)
    expect_at(log, found[0])
    log.page.keyboard.press(key)
    expect_at(log, found[1])


@pytest.mark.parametrize(('down', 'up'), [('j', 'k'), ('ArrowDown', 'ArrowUp')])
def test_next_and_previous(log, keys, down, up):
    """From the first in sight; an open record goes along."""
    keys(down)
    expect_at(log, SIZE)
    keys(down, down)
    expect_at(log, SIZE - 2)
    keys(up)
    expect_at(log, SIZE - 1)
    keys('Enter')
    expect(log.detail).to_have_attribute('aria-label', f'Record {SIZE - 1}')
    keys(down)
    expect(log.detail).to_have_attribute('aria-label', f'Record {SIZE - 2}')
    keys(up, up, up)  # there is nothing before the first
    expect(log.detail).to_have_attribute('aria-label', f'Record {SIZE}')


def test_far_down(log, keys):
    """Beyond the first page, each row comes into sight."""
    keys('j')
    for _ in range(5):
        keys(*['j'] * 50)
        expect(log.page.locator('.rows > .row:focus')).to_be_in_viewport()
    expect_at(log, SIZE - 250)


def test_escape(log, keys):
    """Closes the record, whose row keeps the focus."""
    keys('j', 'j', 'Enter')
    expect(log.detail).to_be_visible()
    keys('Escape')
    expect(log.detail).to_have_count(0)
    expect_at(log, SIZE - 1)
    log.expect_state(range='all')


@pytest.mark.parametrize(('forth', 'back', 'wanted'), [('e', 'E', ERRORS), ('w', 'W', WARNINGS)])
def test_next_error_and_warning(log, keys, forth, back, wanted):
    """To where they are, on pages that are not loaded too."""
    log.open('range=all&id=599', SIZE)
    expect(log.row(599)).to_be_visible()
    wanted = [number for number in wanted if number < 599]
    for number in wanted[:3]:
        keys(forth)
        expect(log.detail).to_have_attribute('aria-label', f'Record {number}')
        expect(log.row(number)).to_be_in_viewport()
    for number in wanted[1::-1]:
        keys(back)
        expect(log.detail).to_have_attribute('aria-label', f'Record {number}')


def test_an_error_far_away(log, keys):
    """Loads what is around it."""
    log.open('range=all&id=599', SIZE)
    expect(log.row(599)).to_be_visible()
    for number in [number for number in ERRORS if number < 599][:45]:
        keys('e')
        expect(log.detail).to_have_attribute('aria-label', f'Record {number}')
    expect(log.row(number)).to_be_in_viewport()


def test_no_further_error(log, keys):
    """Is said."""
    log.open('range=all&id=10', SIZE)
    expect(log.row(10)).to_be_visible()
    keys('e')
    expect(log.notice).to_have_text('No error after this record')


def test_tail(log, keys):
    """On and off."""
    keys('t')
    log.expect_state(range='all', tail='1')
    expect(log.page.locator('.rate')).to_contain_text('Following')
    keys('t')
    log.expect_state(range='all')


def test_time(log, keys):
    """Opens the panel with the focus in it; Escape closes it and nothing else."""
    log.open('range=all&id=599', SIZE)
    keys('d')
    expect(log.page.locator('#range-from')).to_be_focused()
    keys('Escape')
    expect(log.page.locator('#range-panel')).to_be_hidden()
    expect(log.detail).to_be_visible()


def test_a_link(log, keys):
    """To what is shown, in absolute time."""
    log.open('range=24h&q=timeout', len(ERRORS))
    keys('c')
    log.expect_copied(
        f'http://{log.server.host}/?q=timeout'
        '&from=2026-03-01T12:00:00.000Z&to=2026-03-02T12:00:00.000Z'
    )


def test_none_fires_while_typing(log, keys):
    """They are text there."""
    text = ''.join(key for key in KEYS if len(key) == 1)
    log.open('range=all&id=599', SIZE)
    log.search.press_sequentially(text)
    expect(log.search).to_have_value(text)
    log.open_range()
    start = log.page.get_by_label('From', exact=True)
    start.press_sequentially(text)
    expect(start).to_have_value(text)
    log.expect_state(range='all', id='599')
    expect(log.page.locator('dialog')).to_have_count(0)


def test_none_fires_with_ctrl(log, keys):
    """Those are the browser's."""
    keys('Alt+t', 'Control+e', 'Control+/', 'Meta+d')
    log.expect_state(range='all')
    expect(log.search).not_to_be_focused()


def test_enter_on_a_button(log, keys):
    """Is the button's."""
    log.page.get_by_role('button', name='Newest first').focus()
    keys('Enter')
    log.expect_state(range='all', order='asc')


@pytest.mark.parametrize(
    ('menu', 'label'), [('Saved', 'Save this search as'), ('Columns', 'Add a column')]
)
def test_enter_in_a_menu(own_log, menu, label):
    """Keeps the focus where it was, for the next one."""
    own_log.open()
    panel = own_log.panel(menu)
    panel.get_by_label(label).fill('data.user')
    own_log.page.keyboard.press('Enter')
    expect(panel.get_by_role('listitem')).to_have_text(re.compile('data.user'))
    expect(panel.get_by_label(label)).to_be_focused()
    expect(panel.get_by_label(label)).to_have_value('')
