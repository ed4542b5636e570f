"""The timeline above the list."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import CORPUS, NOW, SIZE, level, numbers, send

DAY = 'from=2026-03-01T12:00:00.000Z&to=2026-03-02T12:00:00.000Z'


def legend(log):
    """The sums by level."""
    texts = log.page.locator('.legend button').all_inner_texts()
    return {name: int(count.replace(',', '')) for name, count in map(str.split, texts)}


def described(log):
    """How many records the tip speaks of."""
    return int(re.search(r': ([\d,]+) records?', log.page.locator('.tip').inner_text())[1])


def times(log):
    """From and to of the address, in seconds."""
    script = (
        'names => names.map(name => Date.parse(new URLSearchParams(location.search).get(name)))'
    )
    return [time / 1000 for time in log.page.evaluate(script, ['from', 'to'])]


@pytest.mark.parametrize('query', ['range=all', 'range=24h', DAY, 'range=all&q=timeout'])
def test_bars_are_of_all_that_matches(each_log, query):
    """Not of the page that is loaded; the legend has their sums, and the table too."""
    count = len(numbers(lambda r: 'q' not in query or r['levelno'] >= 40))
    each_log.open(query, count)
    names = {50: 'CRITICAL', 40: 'ERROR', 30: 'WARNING', 20: 'INFO', 10: 'DEBUG'}
    wanted = {
        name: len(numbers(lambda r, value=value: r['levelno'] == value))
        for value, name in names.items()
    }
    if 'q=' in query:
        wanted = {name: wanted[name] for name in ('CRITICAL', 'ERROR')}
    expect(each_log.page.locator('.legend li')).to_have_count(len(wanted))
    assert wanted == legend(each_log)
    each_log.page.locator('.as-table summary').click()
    cells = each_log.page.locator('.as-table tbody td')
    expect(cells.first).to_be_visible()
    assert count == sum(map(int, cells.all_inner_texts()))


def test_a_click_zooms_into_a_bar(each_log):
    """The list is then of what the tip had said, and Escape leads back."""
    each_log.open(DAY, SIZE)
    bar = each_log.page.locator('.bar').nth(5)
    bar.hover()
    expect(each_log.page.locator('.tip')).to_contain_text('record')
    count = described(each_log)
    assert 0 < count < SIZE
    bar.click()
    each_log.expect_count(count)
    start, end = times(each_log)
    assert count == len(numbers(lambda record: start <= record['created'] <= end))
    each_log.page.locator('body').press('Escape')
    each_log.expect_count(SIZE)
    each_log.expect_state(**{'from': '2026-03-01T12:00:00.000Z', 'to': '2026-03-02T12:00:00.000Z'})


def test_a_week_has_many_bars(log):
    """As any range has."""
    with log.requests('timeline?') as urls:
        log.open('range=7d', SIZE)
    assert 'group=2hour' in urls[0]


def test_one_record_is_a_small_part(log):
    """It is in the middle of a chart, whatever its range."""
    log.open('range=all&q=data.request_id+=+"r-00300"'.replace('"', "'"), 1)
    width = log.chart.bounding_box()['width']
    assert log.chart.locator('.bar').bounding_box()['width'] < width / 20
    log.open('from=2026-03-02T11:00:00.000Z&to=2026-03-02T11:00:00.999Z', 1)
    assert log.chart.locator('.bar').bounding_box()['width'] < width / 20


@pytest.mark.parametrize('query', ['range=all', 'from=1969-12-31T00:00:00.000Z'])
def test_a_record_of_1970_is_seen(own_log, query):
    """Beside one of today, each has a bar that is as wide as in any range."""
    record = {'name': 'a', 'levelno': 20, 'msg': 'm'}
    send(own_log.server, [record | {'created': at} for at in (0, NOW.timestamp() - 60)])
    own_log.open(query, 2)
    expect(own_log.chart.locator('.bar')).to_have_count(2)
    width = own_log.chart.bounding_box()['width']
    for bar in own_log.chart.locator('.bar').all():
        bar.hover()
        expect(own_log.page.locator('.tip')).to_contain_text('1 record')
    assert own_log.chart.locator('.bar').first.bounding_box()['width'] > width / 130


def test_the_tip_is_of_what_is_shown(log):
    """Also after a zoom, when the pointer rests on another bar."""
    log.open(DAY, SIZE)
    bar = log.page.locator('.bar').nth(5)
    bar.hover()
    expect(log.page.locator('.tip')).to_contain_text('record')
    before, count = log.page.locator('.tip').inner_text(), described(log)
    log.page.mouse.down()
    log.page.mouse.up()
    log.expect_count(count)
    expect(log.page.locator('.tip')).not_to_have_text(before)


@pytest.mark.parametrize('width', [1400, 1280, 400])
@pytest.mark.parametrize(
    'query', [DAY, 'range=7d', 'range=15m', 'range=all&tz=UTC', 'range=30d', 'range=28d']
)
def test_each_label_can_be_read(log, width, query):
    """It is within the chart, and does not overlap the one before."""
    log.page.set_viewport_size({'width': width, 'height': 900})
    log.open(query)
    log.expect_timeline()
    box = log.chart.bounding_box()
    labels = log.chart.locator('text').evaluate_all(
        'texts => texts.map(text => text.getBoundingClientRect())'
    )
    assert labels
    assert max(label['right'] for label in labels) <= box['x'] + box['width']
    assert all(before['right'] <= label['left'] for before, label in pairwise(labels))


def test_the_zone_of_the_chart_is_said(log):
    """With its offset then."""
    log.open(DAY, SIZE)
    expect(log.page.locator('.zone')).to_have_text('Europe/Berlin (UTC+01:00)')
    log.open(f'{DAY}&tz=UTC', SIZE)
    expect(log.page.locator('.zone')).to_have_text('UTC')


def test_dragging_zooms(log):
    """From where the pointer was pressed to where it was let go, in either direction."""
    log.open(DAY, SIZE)
    box = log.chart.bounding_box()
    mouse, y = log.page.mouse, box['y'] + 30
    for first, second in ((0.5, 0.75), (0.75, 0.5)):
        mouse.move(box['x'] + first * box['width'], y)
        mouse.down()
        mouse.move(box['x'] + second * box['width'], y, steps=5)
        assert abs(float(log.chart.locator('.brush').get_attribute('width')) - box['width'] / 4) < 3
        mouse.up()
        log.page.wait_for_url(re.compile('from=2026-03-0(2T00|1T23:5)'))
        start, end = times(log)
        assert 6 * 3600 == pytest.approx(end - start, abs=300)
        log.expect_count(len(numbers(lambda record: start <= record['created'] <= end)))  # noqa: B023
        log.page.locator('body').press('Escape')
        log.expect_count(SIZE)


def test_widening(log):
    """Twice the time, around the middle."""
    log.open('from=2026-03-02T06:00:00.000Z&to=2026-03-02T08:00:00.000Z', 61)
    log.page.get_by_role('button', name='Zoom out').click()
    log.expect_count(121)
    log.expect_state(**{'from': '2026-03-02T05:00:00.000Z', 'to': '2026-03-02T09:00:00.000Z'})


def test_keys_of_the_chart(log):
    """Arrows go from bar to bar and say what it is; Enter zooms; minus widens."""
    log.open(DAY, SIZE)
    log.chart.focus()
    log.chart.press('ArrowLeft')
    expect(log.page.locator('.tip')).to_contain_text('records (')
    last = log.page.locator('.tip').inner_text()
    log.chart.press('ArrowLeft')
    expect(log.page.locator('.tip')).not_to_have_text(last)
    expect(log.chart.locator('.bar.at')).to_have_count(1)
    log.chart.press('ArrowRight')
    expect(log.page.locator('.tip')).to_have_text(last)
    count = described(log)
    log.chart.press('Enter')
    log.expect_count(count)
    start, end = times(log)
    log.chart.press('-')
    log.page.wait_for_function(
        "start => Date.parse(new URLSearchParams(location.search).get('from')) / 1000 < start",
        arg=start,
    )
    wider_start, wider_end = times(log)
    assert 2 * (end - start) == pytest.approx(
        min(wider_end, NOW.timestamp()) - wider_start, abs=1000
    )


def test_the_wheel_with_ctrl(log):
    """Zooms in and out where the pointer is; alone it does not."""
    log.open(DAY, SIZE)
    log.chart.hover()
    log.page.mouse.wheel(0, -100)
    log.page.keyboard.down('Control')
    log.page.mouse.wheel(0, -100)
    log.page.keyboard.up('Control')
    log.page.wait_for_url(re.compile('from=2026-03-01T(17|18)'))
    start, end = times(log)
    assert 12 * 3600 == pytest.approx(end - start, abs=2)


def test_a_level_of_the_legend(log):
    """Shows it and worse."""
    log.open(count=SIZE)
    log.page.locator('.legend button', has_text='WARNING').click()
    log.expect_count(sum(level(number) >= 30 for number in CORPUS))
    log.expect_state(range='all', level='WARNING')


def test_days_are_those_of_the_zone(log):
    """The bars of days begin at its midnight."""
    log.open('range=all&tz=Asia/Kolkata', SIZE)
    log.page.locator('.as-table summary').click()
    start = log.page.locator('.as-table tbody th').first
    expect(start).to_be_visible()
    assert re.fullmatch(r'2026-03-0[12] \d\d:[03]0:00', start.inner_text())


def test_the_chart_is_busy_until_it_is_drawn(log):
    """The number of records may be there before; keys would find no bar."""
    held = []
    log.page.route('**/api/v1/timeline*', lambda route: held.append(route))
    log.open(DAY)
    log.expect_count(SIZE)
    timeline = log.page.locator('record-timeline')
    expect(timeline).to_have_attribute('aria-busy', 'true')
    held[0].continue_()
    log.expect_timeline()
    expect(log.chart.locator('.bar')).not_to_have_count(0)


def test_the_chart_is_not_busy_when_there_will_be_none(log, tolerated):
    """An error is said by the status line."""
    tolerated.append('Failed to load resource.*500')
    log.page.route('**/api/v1/timeline*', lambda route: route.fulfill(status=500, json={}))
    log.open(DAY)
    expect(log.problem).not_to_be_empty()
    log.expect_timeline()
