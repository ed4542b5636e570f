"""Following the log."""

import time

import pytest
from playwright.sync_api import expect

from test.servers.chronologer import Server
from test.system.ui.conftest import signed_in
from test.system.ui.corpus import send

BURSTS, BURST = 30, 100
AWAY = r'Failed to load resource: (net::|the server responded with a status of 50)'


def record(number):
    """One of now."""
    return {'name': 'tail', 'levelno': 20, 'created': time.time(), 'msg': f'line {number}'}


def follow(log, query='range=15m&tail=1'):
    """Open the page where the clock goes on."""
    log.page.goto(f'http://{log.server.host}/?{query}')
    expect(log.page.locator('.rate')).to_contain_text('Following')


@pytest.mark.parametrize('engine', ['sqlite', 'mysql'])
def test_neither_gap_nor_duplicate(page, tmp_path, tolerated, request, engine):
    """While thousands of records come in bursts, and the server is started again in between."""
    tolerated.append(AWAY)
    dsn = request.getfixturevalue('mysql').empty_dsn() if engine == 'mysql' else ''
    with Server(tmp_path, dsn=dsn) as server:
        page.set_viewport_size({'width': 1400, 'height': 2000})
        log = signed_in(page, server)
        ids = send(server, [record(0)])
        follow(log)
        log.expect_ids(ids)
        for burst in range(BURSTS):
            if burst == BURSTS // 2:
                server.__exit__()
                expect(log.problem).to_contain_text('Retrying')
                server.start()
            ids += send(server, [record(n) for n in range(BURST)])
        log.expect_ids(ids[::-1], is_all=False)
        expect(log.problem).to_be_empty()
        log.expect_count(len(ids))
        result = log.scroll_through()
        assert ids[::-1] == result['ids']
        assert 0 == result['twice']


def test_it_stands_still_while_somebody_reads(own_log, own_server):
    """Counts what waits, and one button shows it."""
    log = own_log
    ids = send(own_server, [record(n) for n in range(150)])
    follow(log)
    log.expect_ids(ids[::-1], is_all=False)
    log.scroller.evaluate('scroller => { scroller.scrollTop = 600; }')
    log.row(ids[-26]).wait_for()
    place = log.row(ids[-30]).bounding_box()
    ids += send(own_server, [record(n) for n in range(7)])
    resume = log.page.locator('.resume')
    expect(resume).to_have_text('Show 7 new records')
    ids += send(own_server, [record(n) for n in range(3)])
    expect(resume).to_have_text('Show 10 new records')
    assert place == log.row(ids[-40]).bounding_box()
    resume.click()
    expect(resume).to_be_hidden()
    log.expect_ids(ids[::-1], is_all=False)
    ids += send(own_server, [record(n) for n in range(2)])
    log.expect_ids(ids[::-1], is_all=False)


def test_oldest_first(own_log, own_server):
    """The list sticks to its end."""
    log = own_log
    ids = send(own_server, [record(n) for n in range(100)])
    follow(log, 'range=15m&tail=1&order=asc')
    log.scroller.evaluate('scroller => { scroller.scrollTop = scroller.scrollHeight; }')
    expect(log.row(ids[-1])).to_be_in_viewport()
    ids += send(own_server, [record(n) for n in range(40)])
    expect(log.row(ids[-1])).to_be_in_viewport()


OVERLAPS = """() => {
  const tops = [...document.querySelectorAll('.rows > .row')].map(row => row.offsetTop
    + new DOMMatrix(getComputedStyle(row).transform).f);
  return tops.some((top, index) => index && top <= tops[index - 1]);
}"""


@pytest.mark.parametrize('width', [1400, 1280, 400])
def test_each_row_has_its_own_place(own_log, own_server, width):
    """The row of an open record moves on with the others, in the order of the document."""
    log = own_log
    log.page.set_viewport_size({'width': width, 'height': 900})
    ids = send(own_server, [record(n) for n in range(60)])
    follow(log)
    log.row(ids[-3]).click()
    expect(log.detail).to_be_visible()
    for _ in range(3):
        ids += send(own_server, [record(n) for n in range(60)])
        log.row(ids[-1]).wait_for()
        assert not log.page.evaluate(OVERLAPS)
    log.page.keyboard.press('Escape')
    expect(log.detail).to_have_count(0)
    assert not log.page.evaluate(OVERLAPS)


def test_only_what_matches(own_log, own_server):
    """Words and filters hold for what arrives."""
    log = own_log
    ids = send(own_server, [record(n) for n in range(3)])
    follow(log, 'range=15m&tail=1&q="line 2"')
    log.expect_ids([ids[2]])
    more = send(own_server, [record(n) for n in (1, 2, 3, 2)])
    log.expect_ids([more[3], more[1], ids[2]])


def test_on_and_off(own_log, own_server):
    """By the button; what comes later is not shown until it is asked for."""
    log = own_log
    send(own_server, [record(0)])
    log.page.goto(f'http://{own_server.host}/')
    log.expect_count(1)
    button = log.page.locator('button.tail')
    button.click()
    expect(button).to_have_attribute('aria-pressed', 'true')
    log.expect_state(tail='1')
    expect(log.page.locator('.rate')).to_contain_text('Following')
    send(own_server, [record(1)])
    expect(log.rows).to_have_count(2)
    button.click()
    expect(button).to_have_attribute('aria-pressed', 'false')
    log.expect_state()
    expect(log.page.locator('.rate')).to_be_empty()
