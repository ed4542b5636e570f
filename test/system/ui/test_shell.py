"""The shell: navigation between pages without loading the document again."""

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import SIZE, send
from test.system.ui.log_page import LogPage
from test.system.ui.test_tail import follow, record


def link(page, name):
    """A link of the navigation."""
    return page.get_by_role('navigation', name='Pages').get_by_role('link', name=name, exact=True)


def expect_saved(page):
    """The page of saved searches is shown, and no other."""
    expect(page.get_by_role('heading', name='Saved searches', level=1)).to_be_visible()
    expect(page.locator('main > *')).to_have_count(1)
    expect(page).to_have_title('Saved searches – Chronologer')
    expect(link(page, 'Saved searches')).to_have_attribute('aria-current', 'page')
    expect(page.locator('[aria-current]')).to_have_count(1)


def expect_log(page):
    """The log is shown, and no other page."""
    expect(page.locator('log-page')).to_be_visible()
    expect(page.locator('main > *')).to_have_count(1)
    expect(page).to_have_title('Chronologer')
    expect(link(page, 'Log')).to_have_attribute('aria-current', 'page')


def test_links_back_and_forward(log):
    """Change the page and keep the document; the log comes back as it was."""
    page = log.open('range=all&q=timeout&id=590', 60).page
    page.evaluate('window.isSameDocument = true')
    link(page, 'Saved searches').click()
    expect_saved(page)
    assert f'http://{log.server.host}/saved' == page.url
    expect(page.get_by_role('main')).to_be_focused()
    page.go_back()
    expect_log(page)
    log.expect_count(60)
    expect(log.search).to_have_value('timeout')
    expect(log.detail).to_have_attribute('aria-label', 'Record 590')
    page.keyboard.press('Escape')
    log.expect_state(range='all', q='timeout')
    page.go_back()
    expect(log.detail).to_be_visible()
    expect_log(page)
    page.go_forward()
    expect(log.detail).to_have_count(0)
    assert page.evaluate('window.isSameDocument')


def test_the_link_to_a_page_keeps_its_state(log):
    """While another page is shown; on the log itself it leads to a new search."""
    page = log.open("range=all&f=data.user+=+'bob'", 86).page
    log.search_for('timeout')
    log.expect_state(range='all', q='timeout', f="data.user = 'bob'")
    link(page, 'Saved searches').click()
    expect_saved(page)
    link(page, 'Log').click()
    log.expect_state(range='all', q='timeout', f="data.user = 'bob'")
    expect(log.search).to_have_value('timeout')
    link(page, 'Log').click()
    log.expect_state()
    expect(log.search).to_have_value('')
    log.expect_count(SIZE)


@pytest.mark.parametrize('path', ['saved', 'saved/'])
def test_a_page_can_be_loaded_directly(log, path):
    """And again; its links work."""
    page = log.page
    page.goto(f'http://{log.server.host}/{path}')
    expect_saved(page)
    page.reload()
    expect_saved(page)
    link(page, 'Log').click()
    expect_log(page)
    assert f'http://{log.server.host}/' == page.url


@pytest.mark.parametrize('click', [{'button': 'middle'}, {'modifiers': ['Control']}])
def test_another_tab(log, click):
    """Opens where the browser opens one for any link; the page stays."""
    page = log.open(count=SIZE).page
    with page.context.expect_page() as opened:
        link(page, 'Saved searches').click(**click)
    expect_saved(opened.value)
    expect_log(page)
    log.expect_state(range='all')


def test_shortcuts_are_those_of_the_page(log):
    """The keys of a page that was left do nothing."""
    page = log.open(count=SIZE).page
    link(page, 'Saved searches').click()
    expect_saved(page)
    for key in ('/', 't', 'c', 'j', 'd'):
        page.keyboard.press(key)
    expect(page.get_by_role('main')).to_be_focused()
    expect(log.notice).to_be_empty()
    assert page.url.endswith('/saved')
    page.keyboard.press('?')
    sheet = page.get_by_role('dialog', name='Keyboard shortcuts')
    expect(sheet.locator('kbd')).to_have_text(['?'])
    page.keyboard.press('Escape')
    link(page, 'Log').click()
    log.expect_ids([SIZE, SIZE - 1], is_all=False)
    page.keyboard.press('j')
    expect(log.row(SIZE)).to_be_focused()


def test_the_live_tail_stops_when_the_page_is_left(own_log, own_server):
    """It starts again when a person returns, and has missed nothing."""
    log, page = own_log, own_log.page
    ids = send(own_server, [record(0)])
    page.clock.install()
    follow(log, 'range=15m&tail=1&refresh=5')
    log.expect_ids(ids)
    with page.expect_request(lambda request: 'after_id=' in request.url):
        page.clock.run_for(5000)
    link(page, 'Saved searches').click()
    expect_saved(page)
    with log.requests('/api/v1/record?') as found:
        page.clock.run_for(60_000)
        page.evaluate('fetch("api/v1/session")')  # a request that follows all others
    assert [] == found
    ids += send(own_server, [record(1)])
    page.go_back()
    log.expect_ids(ids[::-1])
    ids += send(own_server, [record(2)])
    log.expect_ids(ids[::-1])


def modules(urls):
    """The paths of modules below the versioned directory, from their addresses."""
    return {url.split('/static/')[1].split('/', 1)[1] for url in urls if url.endswith('.js')}


def test_modules_are_loaded_when_a_page_is_visited(log):
    """Those of the shell and the page at first, and those of another when it is visited."""
    page = log.page
    with log.requests('/static/') as requested:
        log.open(count=SIZE)
    links = page.locator('link[rel=modulepreload]').evaluate_all('all => all.map((it) => it.href)')
    assert modules(requested) == modules(links)
    assert 'saved/saved-page.js' not in modules(requested)
    with log.requests('/static/') as requested:
        link(page, 'Saved searches').click()
        expect_saved(page)
    assert {'saved/saved-page.js', 'saved/saved-search.js'} <= modules(requested)
    with log.requests('/static/') as requested:
        page.reload()
        expect_saved(page)
    assert 'saved/saved-page.js' in modules(requested)
    assert 'log/log-page.js' not in modules(requested)


def test_a_page_that_cannot_be_loaded(log, tolerated):
    """Says so, and can be loaded again."""
    tolerated.append('Failed to load resource')
    page = log.open(count=SIZE).page
    page.route('**/saved/saved-page.js', lambda route: route.abort())
    link(page, 'Saved searches').click()
    expect(page.get_by_role('alert').filter(has_text='could not be loaded')).to_be_visible()
    page.unroute('**/saved/saved-page.js')
    page.get_by_role('button', name='Reload').click()
    expect_saved(page)


def test_signing_in_leads_to_the_page(page, corpus):
    """Whose address was opened; likewise when the session ends later."""
    page.goto(f'http://{corpus.host}/saved')
    page.get_by_label('User name').fill('logger')
    page.keyboard.press('Enter')
    expect_saved(page)
    page.context.clear_cookies()
    link(page, 'Log').click()
    page.get_by_label('User name').fill('logger')
    expect(page.locator('main > *')).to_have_count(0)
    page.keyboard.press('Enter')
    LogPage(page, corpus).expect_state()
    expect_log(page)


def test_colours_hold_on_each_page(log):
    """They are chosen in the account panel."""
    page = log.open(count=SIZE).page
    log.account().get_by_label('Colours').select_option('Dark')
    scheme = 'getComputedStyle(document.documentElement).colorScheme'
    assert 'dark' == page.evaluate(scheme)
    page.goto(f'http://{log.server.host}/saved')
    expect_saved(page)
    assert 'dark' == page.evaluate(scheme)
