"""What is typed into the box: how it runs, what is offered, and what is kept."""

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import numbers

ERRORS = numbers(lambda record: record['levelno'] >= 40)
BOBS = numbers(lambda record: record['user'] == 'bob')


@pytest.mark.parametrize(
    ('text', 'kind', 'expected'),
    [
        ('timeout', 'Words', ERRORS),
        ('timeout -bob', 'Words', [n for n in ERRORS if n not in BOBS]),
        ('"request 387 for"', 'Words', [387]),
        ("data.user = 'bob'", 'Expression', BOBS),
        ("level >= 40 AND data.user = 'bob'", 'Expression', [n for n in ERRORS if n in BOBS]),
        ('nowhere', 'Words', []),
    ],
)
def test_enter_asks(each_log, text, kind, expected):
    """Words and expressions alike, and the badge says how they were read."""
    each_log.open(count=600)
    each_log.search_for(text)
    each_log.expect_count(len(expected))
    expect(each_log.badge).to_have_text(kind)
    each_log.expect_state(range='all', q=text)
    if expected:
        each_log.expect_ids(expected)
    else:
        expect(each_log.page.get_by_text('No records match')).to_be_visible()


def test_a_slash_goes_to_the_box(log):
    """And marks what is there, so that typing replaces it."""
    log.open('range=all&q=timeout', len(ERRORS))
    log.page.keyboard.press('/')
    expect(log.search).to_be_focused()
    log.page.keyboard.type('bob')
    expect(log.search).to_have_value('bob')


def test_a_mistake_is_shown_at_its_place(log):
    """Its column in the badge and under the caret, the reason below; the box stays as it is."""
    log.open(count=600)
    text = 'level >= 40 AND data.user = bob'
    log.search_for(text)
    expect(log.badge).to_have_text('Error at column 29')
    expect(log.problem).to_contain_text('column 29')
    expect(log.search).to_have_attribute('aria-invalid', 'true')
    expect(log.search).to_have_js_property('selectionStart', 28)
    log.search_for(text.replace('bob', "'bob'"))
    expect(log.badge).to_have_text('Expression')
    expect(log.problem).to_be_empty()
    expect(log.search).to_have_attribute('aria-invalid', 'false')


def test_the_badge_follows_the_typing(log):
    """Before anything is asked."""
    log.open(count=600)
    for text, kind in (
        ('tim', 'Words'),
        ('level >', 'Expression'),
        ('level > x', 'Expression'),
        ('id > 3', 'Expression'),
    ):
        log.search.fill(text)
        expect(log.badge).to_have_text(kind)
    log.search.fill('')
    expect(log.badge).to_be_empty()
    log.expect_count(600)


def test_a_mistake_is_none_while_somebody_types(log):
    """It is one when the box is left, or asked for."""
    log.open(count=600)
    for text in ('level >', 'level > 20 AND', "level > 20 AND data.user = 'b"):
        log.search.fill('')
        expect(log.badge).to_be_empty()
        log.search.press_sequentially(text)
        expect(log.badge).not_to_be_empty()
        expect(log.badge).to_have_text('Expression')
        expect(log.search).not_to_have_attribute('aria-invalid', 'true')
    log.search.blur()
    expect(log.badge).to_contain_text('Error')
    log.search.press('End')
    log.search.press_sequentially('o')
    expect(log.badge).to_have_text('Expression')
    log.search.press('Enter')
    expect(log.badge).to_contain_text('Error')


def test_tab_accepts_the_first(log):
    """Without arrows; where nothing is offered it leaves the box. Blanks are not doubled."""
    log.open(count=600)
    log.search.press_sequentially('data.us')
    expect(log.suggestions.first).to_have_text('data.usertext')
    log.search.press('Tab')
    expect(log.search).to_have_value('data.user ')
    log.search.press_sequentially(" = 'bo")
    expect(log.search).to_have_value("data.user = 'bo")
    expect(log.suggestions).to_have_count(1)
    log.search.press('Tab')
    log.search.press_sequentially(' AND level > 3')
    expect(log.search).to_have_value("data.user = 'bob' AND level > 3")
    log.search.press('Escape')
    log.search.focus()
    log.search.fill('timeout')
    log.search.press('Tab')
    expect(log.search).not_to_be_focused()


def test_a_completion_of_another_text_is_not_accepted(log):
    """The list stays until there is another one, but what was typed since is not replaced."""
    log.open(count=600)
    log.search.press_sequentially('data.us')
    expect(log.suggestions.first).to_have_text('data.usertext')
    log.search.fill('timeout')
    log.search.press('Tab')
    expect(log.search).to_have_value('timeout')
    expect(log.search).not_to_be_focused()


def test_the_rest_of_a_word_is_replaced(log):
    """That the caret is in."""
    log.open(count=600)
    log.search.fill("data.usxy = 'carol'")
    log.search.evaluate('input => input.setSelectionRange(7, 7)')
    log.search.dispatch_event('input')
    expect(log.suggestions.first).to_have_text('data.usertext')
    log.search.press('Tab')
    expect(log.search).to_have_value("data.user = 'carol'")


def test_fields_are_completed(log):
    """With their types; arrows and Enter choose, and what comes next can be typed at once."""
    log.open(count=600)
    log.search.press_sequentially('data.us')
    expect(log.suggestions.first).to_have_text('data.usertext')
    log.search.press('ArrowDown')
    expect(log.suggestions.first).to_have_attribute('aria-selected', 'true')
    expect(log.search).to_have_attribute('aria-activedescendant', 'suggestion-0')
    log.search.press('Enter')
    expect(log.search).to_have_value('data.user ')
    log.search.press_sequentially("= 'bo")
    expect(log.suggestions).to_have_count(1)
    log.search.press('ArrowDown')
    log.search.press('Tab')
    expect(log.search).to_have_value("data.user = 'bob' ")
    log.search.press('Enter')
    log.expect_count(len(BOBS))


def test_values_with_quotes_are_completed(log):
    """So that the expression is one."""
    log.open(count=600)
    log.search.press_sequentially("data.user = 'o")
    expect(log.suggestions.locator('span')).to_have_text(['Äsop', "o'brien", 'carol', 'bob'])
    log.suggestions.nth(1).click()
    expect(log.search).to_have_value("data.user = 'o''brien' ")
    log.search.press('Enter')
    log.expect_count(86)


def test_at_most_twenty_values_are_offered(log):
    """Of sixty; typing narrows them."""
    log.open(count=600)
    log.search.press_sequentially('data.item = ')
    expect(log.suggestions).to_have_count(20)
    log.search.press_sequentially("'item-3")
    expect(log.suggestions).to_have_count(10)


def test_loggers_are_completed(log):
    """As values of the column."""
    log.open(count=600)
    log.search.press_sequentially("name = 'app.")
    expect(log.suggestions).to_have_count(3)
    log.suggestions.filter(has_text='pool').click()
    log.search.press('Enter')
    log.expect_count(120)


def test_escape_closes_what_is_offered(log):
    """And then leaves the box."""
    log.open(count=600)
    log.search.press_sequentially('data.us')
    expect(log.suggestions).not_to_have_count(0)
    log.search.press('Escape')
    expect(log.suggestions).to_have_count(0)
    expect(log.search).to_be_focused()
    log.search.press('Escape')
    expect(log.search).not_to_be_focused()


def test_past_searches_are_offered(log):
    """Newest first, at arrow down in an empty box; they outlive the page."""
    log.open(count=600)
    log.search_for('timeout')
    log.expect_count(len(ERRORS))
    log.search_for("data.user = 'bob'")
    log.expect_count(len(BOBS))
    log.open(count=600)
    log.search.press('ArrowDown')
    expect(log.suggestions.locator('span')).to_have_text(["data.user = 'bob'", 'timeout'])
    log.search.press('ArrowDown')
    log.search.press('ArrowDown')
    log.search.press('Enter')
    log.expect_count(len(ERRORS))
    expect(log.search).to_have_value('timeout')


def test_searches_are_saved_for_everybody(each_log):
    """Save one, and come back to it."""
    log, name = each_log, 'Bob / “50 %” <b>ü</b>'
    log.open('range=all&q=timeout&level=ERROR&col=data.user', len(ERRORS))
    panel = log.panel('Saved')
    expect(panel).to_contain_text('No searches are saved yet')
    panel.get_by_label('Save this search as').fill(name)
    panel.get_by_role('button', name='Save').click()
    expect(panel.get_by_role('link', name=name, exact=True)).to_be_visible()
    log.open(count=600)
    log.panel('Saved').get_by_role('link', name=name, exact=True).click()
    log.expect_count(len(ERRORS))
    log.expect_state(range='all', q='timeout', level='ERROR', col='data.user')
    log.panel('Saved').get_by_role('link', name='Manage saved searches').click()
    log.page.get_by_role('button', name=f'Delete {name}').click()
    log.page.get_by_role('dialog').get_by_role('button', name='Delete').click()
    expect(log.page.locator('saved-search')).to_have_count(0)
