"""Who is there: signing in and out; and the empty store, where the first record is awaited."""

import subprocess
import sys

from playwright.sync_api import expect

from test.servers.chronologer import Server
from test.test_server import wait_until_free
from test.ui.conftest import seeded
from test.ui.corpus import NOW, send
from test.ui.log_page import LogPage


def sign_in(page, password):
    page.get_by_label('User name').fill('logger')
    page.get_by_label('Password').fill(password)
    page.get_by_role('button', name='Sign in').click()


def test_who_does_not_know_the_password_sees_nothing(page, tmp_path):
    """The form says what was wrong; with the right one it gives way to the log."""
    seeded(tmp_path).__exit__()
    with Server(tmp_path, password='s e c r ä t') as server:
        log = LogPage(page, server)
        challenges = []
        page.on('response', lambda answer: challenges.append(answer.headers))
        page.goto(f'http://{server.host}/?range=all')
        sign_in(page, 'guess')
        expect(
            page.get_by_role('alert').filter(has_text='wrong user name or password')
        ).to_be_visible()
        expect(log.rows).to_have_count(0)
        sign_in(page, 's e c r ä t')
        log.expect_count(600)
        expect(page.locator('sign-in')).to_have_count(0)
        assert not any('www-authenticate' in headers for headers in challenges)
        page.goto('about:blank')  # asks nothing of a server that is gone


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


def test_who_signs_out_sees_nothing_any_more(log):
    """Neither on the page nor by what it asks."""
    log.open(count=600)
    log.panel('View').get_by_role('button', name='Sign out').click()
    expect(log.page.locator('sign-in')).to_be_visible()
    expect(log.rows).to_have_count(0)
    answer = log.page.request.get(
        f'http://{log.server.host}/api/v1/record', headers={'X-Requested-With': 'Chronologer'}
    )
    assert 401 == answer.status


def test_the_view_says_who_is_there(log):
    """And which version the server has."""
    log.open(count=600)
    expect(log.panel('View')).to_contain_text('Signed in as logger · Chronologer 1.')


def test_the_first_record(own_log):
    """The snippet has this server's address; run as it stands, it turns the page into the list."""
    page, server = own_log.page, own_log.server
    page.goto(f'http://{server.host}/')
    code = page.locator('first-record code')
    expect(code).to_contain_text(server.host)
    expect(code).not_to_contain_text('secure=True')
    subprocess.run([sys.executable, '-c', code.inner_text()], check=True)
    expect(own_log.row(1)).to_contain_text('Hello, Chronologer')
    own_log.expect_count(1)


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
