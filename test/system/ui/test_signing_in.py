"""Who is there, and what there is to do before the first record."""

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from test.servers.chronologer import Server, wait_until_free
from test.system.ui.conftest import signed_in
from test.system.ui.corpus import NOW, SIZE, send
from test.system.ui.log_page import LogPage


def form(page):
    """Name, password and button."""
    return (
        page.get_by_label('User name'),
        page.get_by_label('Password'),
        page.get_by_role('button', name='Sign in'),
    )


def test_signing_in_and_out(page, corpus):
    """The page stays where it was asked for."""
    log = LogPage(page, corpus).open('range=all&q=timeout&id=590')
    name, password, button = form(page)
    expect(name).to_be_focused()
    expect(log.rows).to_have_count(0)
    for user, secret in (('logger', 'wrong'), ('somebody', '')):
        name.fill(user)
        password.fill(secret)
        button.click()
        expect(page.get_by_role('alert').filter(has_text='wrong user name')).to_be_visible()
    name.fill('logger')
    password.fill('')
    password.press('Enter')
    log.expect_count(60)
    expect(page.locator('sign-in')).to_have_count(0)
    expect(log.detail).to_have_attribute('aria-label', 'Record 590')
    log.expect_state(range='all', q='timeout', id='590')
    page.reload()
    log.expect_count(60)
    log.account().get_by_role('button', name='Sign out').click()
    expect(name).to_be_visible()
    expect(log.rows).to_have_count(0)
    expect(page.get_by_text('timeout of request')).to_have_count(0)
    page.reload()
    expect(name).to_be_visible()
    expect(log.rows).to_have_count(0)


def test_the_browser_does_not_ask(page, corpus):
    """Nothing that the page asks is answered with a challenge, which would open a dialog."""
    challenges = []
    page.on(
        'response',
        lambda response: 'www-authenticate' in response.headers and challenges.append(response.url),
    )
    LogPage(page, corpus).open()
    name, password, button = form(page)
    name.fill('logger')
    password.fill('wrong')
    button.click()
    expect(page.get_by_role('alert').filter(has_text='wrong')).to_be_visible()
    assert [] == challenges


def test_a_session_that_ends(log):
    """Is asked for again, and the page goes on."""
    log.open(count=SIZE)
    log.page.wait_for_load_state('networkidle')  # so that nothing but this asks who is there
    log.page.context.clear_cookies()
    log.search_for('timeout')
    name, _, button = form(log.page)
    name.fill('logger')
    button.click()
    log.expect_count(60)


@pytest.mark.parametrize('before', ['help', 'menu', 'nothing'])
def test_signing_out_elsewhere(log, corpus, before):
    """Nothing of the records stays, in any tab, behind the form or before it."""
    log.open('range=all&id=599', SIZE)
    expect(log.detail).to_be_visible()
    if before == 'help':
        log.page.keyboard.press('?')
        expect(log.page.get_by_role('dialog')).to_be_visible()
    elif before == 'menu':
        log.page.get_by_role('button', name='Actions for data.user', exact=True).click()
        expect(log.page.get_by_role('menu')).to_be_visible()
    other = signed_in(log.page.context.new_page(), corpus).open(count=SIZE)
    other.account().get_by_role('button', name='Sign out').click()
    expect(log.page.locator('sign-in')).to_be_visible()
    expect(log.page.locator('log-page, dialog, [role=menu]')).to_have_count(0)
    expect(log.page.get_by_label('User name')).to_be_editable()
    expect(other.page.locator('sign-in')).to_be_visible()  # a page that reloads may never close
    other.page.close()


def test_a_session_that_ends_meanwhile(log):
    """Is noticed when somebody comes back to the tab, before anything is asked."""
    log.open(count=SIZE)
    log.page.wait_for_load_state('networkidle')
    log.page.context.clear_cookies()
    log.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(log.page.locator('sign-in')).to_be_visible()
    expect(log.page.locator('log-page')).to_have_count(0)


def test_the_first_record(own_log, own_server):
    """What is shown can be pasted and works, with this server's address; then it is a log."""
    page = own_log.page
    page.goto(f'http://{own_server.host}/')
    expect(page.get_by_role('heading', name='Waiting for the first record')).to_be_visible()
    page.get_by_role('button', name='Copy', exact=True).click()
    code = page.locator('first-record pre').inner_text()
    own_log.expect_copied(code)
    assert own_server.host in code
    assert 'secure=True' not in code
    subprocess.run([sys.executable, '-c', code], check=True)
    own_log.expect_count(1)
    expect(own_log.rows).to_contain_text(['Hello, Chronologer'])
    expect(page.locator('first-record')).to_be_hidden()


def test_a_user_of_another_name(page, tmp_path):
    """Is the one of the snippet."""
    with Server(tmp_path, username='ann') as server:
        page.goto(f'http://{server.host}/')
        name, _, button = form(page)
        name.fill('ann')
        button.click()
        expect(page.locator('first-record pre')).to_contain_text("credentials=('ann', '')")
        page.goto('about:blank')


def test_a_session_outlives_the_page_and_the_server(page, tmp_path, tolerated):
    """Its cookie is signed with what the database keeps."""
    tolerated.append('Failed to load resource: net::ERR_')
    with Server(tmp_path) as server:
        send(server, [{'name': 'a', 'levelno': 20, 'created': NOW.timestamp()}])
        log = LogPage(page, server).sign_in().open(count=1)
        server.kill()
        wait_until_free(server.port)
        server.start()
        log.open(count=1)
        expect(page.locator('sign-in')).to_have_count(0)
        page.goto('about:blank')


def test_the_account_panel(log):
    """Shows the user name and the version of the server."""
    log.open(count=600)
    panel = log.account()
    expect(panel).to_contain_text('Signed in as logger')
    expect(panel).to_contain_text('Chronologer 1.')


def test_a_cookie_alone_changes_nothing(page, tmp_path):
    """What a form of another site could send is refused."""
    with Server(tmp_path) as server:
        LogPage(page, server).sign_in()
        url = f'http://{server.host}/api/v1/record'
        assert (
            403
            == page.request.post(url, form={'name': 'a', 'levelno': '20', 'created': '1'}).status
        )
        send(server, [{'name': 'a', 'levelno': 20, 'created': 1.5}])
        assert 1 == server.count()
