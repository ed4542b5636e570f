"""What was logged around a record."""

import pytest
from playwright.sync_api import expect

from test.ui.corpus import CORPUS, SIZE, numbers

NUMBER = 300


def test_everything_around(each_log):
    """Whatever the list was narrowed by; the record is in the middle, and open."""
    each_log.open(f'range=1h&q=timeout&id={NUMBER}')
    each_log.detail.get_by_label('Show what was logged around it').select_option('everything')
    each_log.expect_count(SIZE)
    expect(each_log.chips).to_have_text([f'around #{NUMBER}: all'])
    for number in range(NUMBER - 3, NUMBER + 4):
        expect(each_log.row(number)).to_be_in_viewport()
    expect(each_log.detail).to_have_attribute('aria-label', f'Record {NUMBER}')


@pytest.mark.parametrize(
    ('label', 'scope', 'fields'),
    [
        ('same logger', 'logger', ['name']),
        ('same process', 'process', ['process']),
        ('same thread', 'thread', ['process', 'thread']),
        ('same data.flow_id', 'data.flow_id', ['flow_id']),
        ('same data.request_id', 'data.request_id', ['request_id']),
    ],
)
def test_scopes(log, label, scope, fields):
    """Only what belongs together with the record."""
    log.open(f'range=all&id={NUMBER}', SIZE)
    log.detail.get_by_label('Show what was logged around it').select_option(label)
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
