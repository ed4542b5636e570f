"""What was logged around a record."""

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import CORPUS, SIZE, numbers

NUMBER = 300


def test_everything_around(each_log):
    """Whatever the list was narrowed by; the record is in the middle, and open."""
    each_log.open(f'range=1h&q=timeout&id={NUMBER}')
    each_log.act('Show the context of the record', 'All records')
    each_log.expect_count(SIZE)
    expect(each_log.chips).to_have_text([f'context of #{NUMBER}: all'])
    for number in range(NUMBER - 3, NUMBER + 4):
        expect(each_log.row(number)).to_be_in_viewport()
    expect(each_log.detail).to_have_attribute('aria-label', f'Record {NUMBER}')


@pytest.mark.parametrize(
    ('label', 'scope', 'fields'),
    [
        ('Same logger', 'logger', ['name']),
        ('Same process', 'process', ['process']),
        ('Same thread', 'thread', ['process', 'thread']),
        ('Same data.flow_id', 'data.flow_id', ['flow_id']),
        ('Same data.request_id', 'data.request_id', ['request_id']),
    ],
)
def test_scopes(log, label, scope, fields):
    """Only what belongs together with the record."""
    log.open(f'range=all&id={NUMBER}', SIZE)
    log.act('Show the context of the record', label)
    wanted = numbers(
        lambda record: (
            [record[name] for name in fields] == [CORPUS[NUMBER][name] for name in fields]
        )
    )
    log.expect_count(len(wanted))
    log.expect_state(range='all', id=str(NUMBER), around=str(NUMBER), scope=scope)
    place = wanted.index(NUMBER)
    log.page.wait_for_function(
        """([wanted, near]) => {
          const rows = [...document.querySelectorAll('.rows > .row')];
          const ids = rows.map(row => Number(row.dataset.id));
          return ids.every(id => wanted.includes(id)) && near.every(id => ids.includes(id));
        }""",
        arg=[wanted, wanted[max(0, place - 5) : place + 6]],
    )


def test_there_is_more(log):
    """To both sides, when it is scrolled to."""
    log.open(f'range=all&id={NUMBER}&around={NUMBER}', SIZE)
    expect(log.row(NUMBER)).to_be_in_viewport()
    for step, number in ((-2000, SIZE), (2000, 1)):
        log.page.wait_for_function(
            """([step, id]) => {
              document.querySelector('.scroller').scrollTop += step;
              return document.querySelector(`.row[data-id="${id}"]`);
            }""",
            arg=[step, number],
        )
        expect(log.row(number)).to_be_visible()


def test_the_way_back(log):
    """Escape closes the record, then leads back to what was asked."""
    count = len(numbers(lambda record: record['levelno'] >= 40))
    log.open(f'range=all&q=timeout&id={NUMBER}&around={NUMBER}', SIZE)
    log.page.locator('body').press('Escape')
    log.expect_state(range='all', q='timeout', around=str(NUMBER))
    log.page.locator('body').press('Escape')
    log.expect_count(count)
    log.expect_state(range='all', q='timeout')


def test_the_menu_only_opens(log):
    """Arrows and letters choose nothing and ask nothing; Escape closes it, and keys act again."""
    log.open(f'range=all&id={NUMBER}', SIZE)
    button = log.detail.get_by_role('button', name='Show the context of the record')
    entries = log.page.evaluate('history.length')
    with log.requests('meta.') as urls:
        button.click()
        items = log.page.get_by_role('menuitem')
        expect(items.first).to_be_focused()
        for key in ('ArrowDown', 'ArrowDown', 'ArrowUp', 's', 'End', 'Home'):
            log.page.keyboard.press(key)
        log.page.keyboard.press('Escape')
        expect(items).to_have_count(0)
        expect(button).to_be_focused()
    assert [] == urls
    assert entries == log.page.evaluate('history.length')
    log.expect_state(range='all', id=str(NUMBER))
    log.page.keyboard.press('j')
    expect(log.detail).to_have_attribute('aria-label', f'Record {NUMBER - 1}')
    log.page.keyboard.press('Escape')
    expect(log.detail).to_have_count(0)


def test_the_same_context_again(log):
    """After Back, as often as one likes; each is one step back."""
    log.open(f'range=all&id={NUMBER}', SIZE)
    count = len(numbers(lambda record: record['name'] == CORPUS[NUMBER]['name']))
    for _ in range(2):
        log.act('Show the context of the record', 'Same logger')
        log.expect_count(count)
        log.page.go_back()
        log.expect_count(SIZE)
        log.expect_state(range='all', id=str(NUMBER))


@pytest.mark.parametrize('width', [1400, 1280, 400])
def test_what_does_not_apply_is_not_lit(log, width):
    """A range, a level, a logger, a filter and a search, until one leads back."""
    log.page.set_viewport_size({'width': width, 'height': 900})
    query = 'range=1h&level=ERROR&name=app&f=data.status+=+500&q=timeout'
    log.open(f'{query}&around={NUMBER}', SIZE)
    expect(log.range).to_have_text('around a record')
    expect(log.page.get_by_label('Lowest level')).to_have_value('')
    expect(log.search).to_have_value('')
    expect(log.chips).to_have_text([f'context of #{NUMBER}: all'])
    log.open_range()
    expect(log.page.locator('.presets [aria-pressed=true]')).to_have_count(0)
    log.page.keyboard.press('Escape')
    log.page.get_by_role('button', name='Remove filter').click()
    expect(log.range).to_have_text('last 1h')
    expect(log.page.get_by_label('Lowest level')).to_have_value('ERROR')
    expect(log.search).to_have_value('timeout')
    expect(log.chips).to_have_count(2)


def test_what_narrows_leads_out_of_it(log):
    """A level that is chosen applies at once."""
    log.open(f'range=all&around={NUMBER}', SIZE)
    log.page.get_by_label('Lowest level').select_option('CRITICAL')
    log.expect_count(6)
    log.expect_state(range='all', level='CRITICAL')
