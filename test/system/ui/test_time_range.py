"""Which time is shown, as it is chosen and as it is written."""

import pytest
from playwright.sync_api import expect

from test.system.ui.corpus import NOW, SIZE, moment, numbers


def within(seconds):
    """How many records are that new."""
    return len(numbers(lambda record: record['created'] >= NOW.timestamp() - seconds))


def choose(log, start='', end=''):
    """Type a range."""
    log.open_range()
    log.page.get_by_label('From', exact=True).fill(start)
    log.page.get_by_label('To', exact=True).fill(end)
    log.page.get_by_label('To', exact=True).press('Enter')


@pytest.mark.parametrize(
    ('preset', 'seconds'),
    [('15m', 900), ('1h', 3600), ('6h', 21600), ('24h', 86400), ('7d', 7e5), ('all', 1e9)],
)
def test_presets(each_log, preset, seconds):
    """Each is relative, also in the address, and said on the button."""
    each_log.open('range=30d', SIZE)
    each_log.open_range()
    each_log.page.get_by_role('dialog').get_by_role('button', name=preset, exact=True).click()
    each_log.expect_count(within(seconds))
    each_log.expect_state(**{} if preset == '24h' else {'range': preset})
    expect(each_log.range).to_have_text('all time' if preset == 'all' else f'last {preset}')


def test_a_relative_range_moves_on(log):
    """The page of an hour later shows the last hour of then."""
    log.open('range=1h', within(3600))
    log.page.clock.set_fixed_time(NOW.timestamp() + 1800)
    log.search.press('Enter')
    log.expect_count(within(1800))
    log.expect_state(range='1h')


@pytest.mark.parametrize(
    ('start', 'end', 'expected'),
    [
        ('3 hours ago', '', within(3 * 3600)),
        ('2026-03-02T11:00:00Z', '', within(3600)),
        ('2026-03-02 12:00', '', within(3600)),  # in Berlin
        ('12:00', 'now', within(3600)),
        ('monday 12:00', '', within(3600)),
        (str(int(NOW.timestamp()) - 3600), '', within(3600)),
        (str((int(NOW.timestamp()) - 3600) * 1000), '', within(3600)),
        ('yesterday 17:30', '', within(19.5 * 3600)),
        ('', '1 h ago', SIZE + 1 - within(3600)),
        ('2026-03-02 12:00', '2026-03-02T11:30:00+00:00', 16),
        ('12:00 - 12:30', '', 16),
        ('2026-03-02 12:00 – 2026-03-02T11:30:00+00:00', '', 16),
        ('today 12:00 to now', '', within(3600)),
        ('2026-03-02', '2026-03-02', within(13 * 3600)),
        ('today', 'today', within(13 * 3600)),
        ('', '', SIZE),
    ],
)
def test_typed_moments(log, start, end, expected):
    """As people write them, in the zone that is shown."""
    log.open(count=SIZE)
    choose(log, start, end)
    log.expect_count(expected)


@pytest.mark.parametrize(
    ('start', 'end', 'problem'),
    [
        ('some day', '', 'Unknown time'),
        ('', '2026-02-30', 'Unknown time'),
        ('25:00', '', 'Unknown time'),
        ('1 h ago', '2 h ago', 'end is before the start'),
    ],
)
def test_a_wrong_moment_is_said(log, start, end, problem):
    """The panel stays open, and the list as it is."""
    log.open(count=SIZE)
    choose(log, start, end)
    alert = log.page.get_by_role('dialog').get_by_role('alert')
    expect(alert).to_contain_text(problem)
    log.expect_count(SIZE)
    log.expect_state(range='all')


def test_another_zone(log):
    """Changes the times that are shown, in the head of the record too, and nothing else."""
    log.open(count=SIZE)
    time = log.row(600).locator('.time')
    expect(time).to_have_text('03-02 12:58:00.000')
    expect(time).to_have_attribute('title', '2026-03-02T12:58:00.000+01:00')
    for zone, text, iso in (
        ('UTC', '03-02 11:58:00.000', '2026-03-02T11:58:00.000Z'),
        ('Asia/Kolkata', '03-02 17:28:00.000', '2026-03-02T17:28:00.000+05:30'),
    ):
        log.open_range()
        log.page.get_by_label('Time zone').fill(zone)
        log.page.get_by_label('Time zone').press('Tab')
        expect(time).to_have_text(text)
        expect(time).to_have_attribute('title', iso)
        log.expect_state(range='all', tz=zone)
        log.page.keyboard.press('Escape')
        log.expect_count(SIZE)
    log.row(600).click()
    expect(log.detail.locator('time')).to_have_text('2026-03-02T17:28:00.000+05:30')


def test_a_zone_that_is_none(log):
    """Said, with the one that is meant by local."""
    log.open(count=SIZE)
    log.open_range()
    log.page.get_by_label('Time zone').fill('Mars/Olympus')
    log.page.get_by_label('Time zone').press('Tab')
    expect(log.page.get_by_role('dialog').get_by_role('alert')).to_have_text(
        'Unknown time zone Mars/Olympus; yours is Europe/Berlin.'
    )
    log.expect_state(range='all')


def test_a_zone_moves_no_range(log):
    """Neither a relative one nor an absolute one, when the panel is then applied."""
    absolute = {'from': '2026-03-02T10:00:00.000Z', 'to': '2026-03-02T11:00:00.500Z'}
    for query, state in (('range=1h', {'range': '1h'}), ('&'.join(f'{name}={value}'
                         for name, value in absolute.items()), absolute)):  # fmt: skip
        log.open(query)
        log.open_range()
        log.page.get_by_label('Time zone').fill('Asia/Kolkata')
        log.page.get_by_label('Time zone').press('Tab')
        log.expect_state(**state, tz='Asia/Kolkata')
        start = log.page.get_by_label('From', exact=True)
        expect(start).to_have_value(
            '2026-03-02 16:30:00' if 'range' in state else '2026-03-02 15:30:00'
        )
        log.page.get_by_role('button', name='Apply').click()
        expect(start).to_be_hidden()
        log.expect_state(**state, tz='Asia/Kolkata')


def test_a_typed_range_is_of_the_typed_zone(log):
    """Also when the zone is typed last."""
    log.open(count=SIZE)
    log.open_range()
    log.page.get_by_label('From', exact=True).fill('2026-03-02 16:30')
    log.page.get_by_label('Time zone').fill('kolk')
    log.page.get_by_label('Time zone').press('Enter')
    log.expect_state(**{'from': '2026-03-02T11:00:00.000Z', 'tz': 'Asia/Kolkata'})


def test_a_part_of_a_zone(log):
    """Is enough if it is clear; else it is said what it may be."""
    log.open(count=SIZE)
    log.open_range()
    zone = log.page.get_by_label('Time zone')
    zone.fill('lon')
    zone.press('Enter')
    alert = log.page.get_by_role('dialog').get_by_role('alert')
    expect(alert).to_contain_text('Time zone lon may be ')
    expect(zone).to_be_visible()
    zone.fill('kolk')
    zone.press('Enter')
    expect(zone).to_be_hidden()
    log.expect_state(range='all', tz='Asia/Kolkata')


def test_what_ends_now_is_relative(log):
    """The page of an hour later shows the last 20 minutes of then."""
    log.open(count=SIZE)
    choose(log, '20 minutes ago')
    log.expect_state(range='20m')
    expect(log.range).to_have_text('last 20m')
    choose(log, 'last 2 hours', 'now')
    log.expect_state(range='2h')
    log.expect_count(within(7200))


def test_years(log):
    """Of another year the whole date is shown."""
    log.open(count=SIZE)
    assert 2026 == moment(1).year
    log.page.clock.set_fixed_time(NOW.timestamp() + 365 * 86400)
    log.search.press('Enter')
    expect(log.row(600).locator('.time')).to_have_text('2026-03-02 12:58:00.000')


def test_asking_again(log):
    """As often as is chosen, which the address says."""
    log.open('range=1h', within(3600))
    log.open_range()
    log.page.get_by_label('Refresh every').select_option('5')
    log.expect_state(range='1h', refresh='5')
    with log.page.expect_request(lambda request: request.method == 'HEAD'):
        log.page.clock.fast_forward(5000)
