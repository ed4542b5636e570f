"""The page of saved searches."""

import json
import time
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from test.servers.chronologer import AUTHORIZATION
from test.system.ui.conftest import signed_in
from test.system.ui.corpus import send

JSON = {**AUTHORIZATION, 'Content-Type': 'application/json'}
NAMES = ['Errors', 'bob', 'old']
STATES = {
    'Errors': 'q=level+>=+40&range=7d&order=asc&tail=1',
    'bob': "f=data.user+=+'bob'&f=level+<+50&level=INFO&name=app,worker.mail&col=data.user",
    'old': 'from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z&tz=UTC&q=nothing',
}


def save(server, name, state):
    """Save a search."""
    path = f'/api/v1/saved/{quote(name, safe="")}'
    response = server.request('PUT', path, json.dumps({'state': state}).encode(), JSON)
    assert response.status in (200, 201), response.data


def saved(server):
    """All saved searches: their states by name."""
    data = server.request('GET', '/api/v1/saved', headers=AUTHORIZATION).data
    return {entry['name']: entry['state'] for entry in json.loads(data)['saved']}


def record(level, user='bob', age=60):
    """One of the present, or as many seconds older."""
    return {'name': 'app', 'levelno': level, 'created': time.time() - age, 'msg': 'x', 'user': user}


@pytest.fixture
def server(own_server):
    """A server with saved searches and a few records."""
    send(
        own_server, [record(20), record(40), record(50), record(40, 'ann'), record(40, age=90_000)]
    )
    for name, state in STATES.items():
        save(own_server, name, state)
    return own_server


@pytest.fixture
def searches(server, page):
    """The page with these saved searches."""
    return open_page(page, server)


def open_page(page, server):
    """Sign in and open the page."""
    signed_in(page, server)
    page.goto(f'http://{server.host}/saved')
    return page


def entry(page, name):
    """A saved search on the page."""
    heading = page.get_by_role('heading', name=name, exact=True)
    return page.locator('saved-search').filter(has=heading)


def expect_names(page, names):
    """These are the saved searches, in their order."""
    expect(page.locator('saved-search h2')).to_have_text(names)


def test_none(own_server, page):
    """What saved searches are, and how to make one."""
    open_page(page, own_server)
    expect(page.get_by_role('heading', name='No searches are saved yet')).to_be_visible()
    page.get_by_role('link', name='Go to the log').click()
    log = signed_in(page, own_server)
    panel = log.panel('Saved')
    panel.get_by_label('Save this search as').fill('first')
    panel.get_by_role('button', name='Save', exact=True).click()
    panel.get_by_role('link', name='Manage saved searches').click()
    expect_names(page, ['first'])
    expect(page.get_by_role('heading', name='No searches are saved yet')).to_be_hidden()


def test_a_search_that_is_being_saved(own_log, page):
    """The page waits for it, also if it is entered while the server has not saved it yet."""
    own_log.open()
    kept = []
    page.route('**/api/v1/saved/first', lambda route: kept.append(route))
    panel = own_log.panel('Saved')
    panel.get_by_label('Save this search as').fill('first')
    panel.get_by_role('button', name='Save', exact=True).click()
    panel.get_by_role('link', name='Manage saved searches').click()
    expect(page.get_by_role('heading', name='Saved searches')).to_be_visible()
    page.wait_for_timeout(300)  # milliseconds, in which a page that does not wait has loaded
    kept[0].continue_()
    expect_names(page, ['first'])


def test_what_a_search_selects(searches):
    """In readable form: label and text of each part."""
    expect_names(searches, NAMES)
    expect(entry(searches, 'Errors').locator('.parts > div')).to_have_text(
        ['Searchlevel >= 40', 'Timelast 7d', 'Orderoldest first', 'Live tailon']
    )
    expect(entry(searches, 'bob').locator('.parts > div')).to_have_text(
        ["Filterdata.user = 'bob'", 'Filterlevel < 50', 'LevelINFO and above',
         'Loggerapp, worker.mail', 'Timelast 24h', 'Columnsdata.user']
    )  # fmt: skip
    expect(entry(searches, 'old').locator('.parts > div')).to_have_text(
        ['Searchnothing', 'Time2020-01-01 00:00:00 – 2020-01-02 00:00:00']
    )


def test_counts(searches, server):
    """Of the last 24 hours, whatever the time range of the search; loaded again each minute."""
    searches.clock.install()
    searches.reload()
    for name, text in zip(NAMES, ['3 records', '2 records', '0 records'], strict=True):
        expect(entry(searches, name).locator('.count')).to_contain_text(f'{text} in 24 h')
    bars = entry(searches, 'Errors').locator('.spark-line rect')
    assert {'error', 'critical'} == set(
        bars.evaluate_all('all => all.map((bar) => bar.classList[0])')
    )
    expect(entry(searches, 'old').locator('.spark-line rect')).to_have_count(0)
    send(server, [record(40)])
    searches.clock.run_for(61_000)
    expect(entry(searches, 'Errors').locator('.count')).to_contain_text('4 records')
    expect(entry(searches, 'bob').locator('.count')).to_contain_text('3 records')


def test_searches_that_cannot_be_counted(server, page, tolerated):
    """One with a mistake, one that the server refuses, and the context of a record."""
    tolerated.append('Failed to load resource: .* 400')
    save(server, 'a mistake', 'q=level+>=')
    save(server, 'another', "f=id+=+'x'")
    save(server, 'context', 'around=2&scope=logger')
    open_page(page, server)
    expect(entry(page, 'a mistake').locator('.problem').first).to_contain_text('at the end')
    expect(entry(page, 'another').locator('.problem').first).to_contain_text('types differ')
    expect(entry(page, 'another').locator('.count')).to_have_text('Not counted')
    expect(entry(page, 'context').locator('.count')).to_have_text('Context of one record')
    expect(entry(page, 'context').locator('.parts')).to_have_text('Contextrecord #2, same logger')
    expect(entry(page, 'Errors').locator('.count')).to_contain_text('3 records')


def test_opening(searches, server):
    """The name is a link to the log."""
    searches.get_by_role('link', name='bob').click()
    log = signed_in(searches, server)
    log.expect_count(2)
    assert ["data.user = 'bob'", 'level < 50'] == log.state['f']
    expect(log.chips).to_have_text(['logger app,worker.mail', "data.user = 'bob'", 'level < 50'])


def test_renaming(searches, server):
    """By keyboard; Escape leaves the name as it was, and no other search is overwritten."""
    button = searches.get_by_role('button', name='Rename bob')
    button.press('Enter')
    name = searches.get_by_label('New name of bob')
    expect(name).to_be_focused()
    name.fill('x')
    name.press('Escape')
    expect(button).to_be_focused()
    button.press('Enter')
    name.fill('Errors')
    name.press('Enter')
    problem = searches.get_by_role('alert').filter(has_text='already a saved search “Errors”')
    expect(problem).to_be_visible()
    assert STATES == saved(server)
    name.fill(' a/b of bob? ')
    name.press('Enter')
    expect_names(searches, ['Errors', 'a/b of bob?', 'old'])
    expect(searches.get_by_role('link', name='a/b of bob?')).to_be_focused()
    expect(searches.locator('#notice')).to_have_text('Renamed')
    wanted = {'Errors': STATES['Errors'], 'a/b of bob?': STATES['bob'], 'old': STATES['old']}
    assert wanted == saved(server)


def test_deleting(searches, server):
    """After a confirmation; Escape and Cancel leave the search."""
    button = searches.get_by_role('button', name='Delete Errors')
    dialog = searches.get_by_role('dialog', name='Delete saved search')
    for leave in (lambda: searches.keyboard.press('Escape'),
                  lambda: dialog.get_by_role('button', name='Cancel').click()):  # fmt: skip
        button.press('Enter')
        expect(dialog).to_contain_text('Delete “Errors”?')
        expect(dialog.get_by_role('button', name='Cancel')).to_be_focused()
        leave()
        expect(dialog).to_have_count(0)
    assert STATES == saved(server)
    button.press('Enter')
    dialog.get_by_role('button', name='Delete').click()
    expect_names(searches, ['bob', 'old'])
    expect(searches.get_by_role('link', name='bob')).to_be_focused()
    assert ['bob', 'old'] == sorted(saved(server))
    for name in ('bob', 'old'):
        searches.get_by_role('button', name=f'Delete {name}').click()
        dialog.get_by_role('button', name='Delete').click()
        expect(entry(searches, name)).to_have_count(0)
    expect(searches.get_by_role('heading', name='No searches are saved yet')).to_be_visible()


def refuse(route):
    """Answer as the server does if something is not allowed."""
    error = {'type': 'ForbiddenError', 'message': 'readers cannot <b>change</b> searches'}
    route.fulfill(status=403, content_type='application/json', body=json.dumps({'error': error}))


def test_changes_that_are_refused(searches, tolerated):
    """The error of the server is shown at the search."""
    tolerated.append('Failed to load resource: .* 403')
    searches.route('**/api/v1/saved/*', refuse)
    searches.get_by_role('button', name='Delete old').click()
    searches.get_by_role('dialog').get_by_role('button', name='Delete').click()
    problem = entry(searches, 'old').get_by_role('alert')
    expect(problem).to_have_text('readers cannot <b>change</b> searches')
    searches.get_by_role('button', name='Rename bob').click()
    name = searches.get_by_label('New name of bob')
    name.fill('z')
    name.press('Enter')
    expect(searches.get_by_role('alert').filter(has_text='readers cannot')).to_have_count(2)
    expect_names(searches, ['Errors', 'old'])  # the third has a form instead of its name


def test_a_server_that_is_away(searches, tolerated):
    """The page says so, and loads when it is back."""
    tolerated.append(r'Failed to load resource: net::')
    searches.route('**/api/v1/saved', lambda route: route.abort())
    searches.reload()
    expect(searches.locator('saved-page > .problem')).to_contain_text('cannot be reached. Retrying')
    searches.unroute('**/api/v1/saved')
    expect_names(searches, NAMES)
    expect(searches.locator('saved-page > .problem')).to_be_empty()


def test_names_are_texts(own_server, page):
    """Markup in names and searches is shown as it is."""
    name = '<img src=x onerror="alert(1)">\u202ex'
    save(own_server, name, 'q="<b>x</b>"')
    open_page(page, own_server)
    shown = name.replace('\u202e', '⟨202E⟩')
    expect_names(page, [shown])
    expect(page.locator('.parts')).to_contain_text('"<b>x</b>"')
    page.get_by_role('button', name='Delete').click()
    expect(page.get_by_role('dialog')).to_contain_text(shown)
    assert 0 == page.locator('saved-search :is(img, b), dialog :is(img, b)').count()


@pytest.mark.parametrize('width', [360, 400, 1280])
def test_it_fits_any_width(searches, server, width):
    """With long names and searches too."""
    save(server, 'n' * 200, f'q={"x" * 300}&f={"data.a = 1 AND " * 20}data.b=2')
    searches.set_viewport_size({'width': width, 'height': 700})
    searches.reload()
    expect(searches.locator('saved-search')).to_have_count(4)
    for box in ('document.documentElement', 'document.querySelector("main")'):
        assert width == searches.evaluate(f'{box}.scrollWidth')
    for button in searches.get_by_role('button', name='Delete').all():
        box = button.bounding_box()
        assert 0 <= box['x'] < box['x'] + box['width'] <= width
