"""Modules of the page that have no page in them, run by the browser itself."""

import json

import pytest

from chronologer.query.parser import parse_field, parse_query
from chronologer.timeline import INTERVALS

NOW = 1_525_970_213_000  # 2018-05-10T16:36:53Z, a Thursday
HOUR, DAY = 3_600_000, 86_400_000


@pytest.fixture(scope='module')
def call(browser, server):
    """Call a function of a module: `call('lib/time', 'parseLength', '15m')`."""
    page = browser.new_page()
    page.goto(f'http://{server.host}/health')

    def call(module, function, *args):
        code = """async ([module, name, args]) =>
            (await import(`/static/${module}.js`))[name](...args)"""
        return page.evaluate(code, [module, function, args])

    call.page = page
    yield call
    page.close()


@pytest.mark.parametrize(
    ('text', 'moment'),
    [
        ('now', NOW),
        ('3 hours ago', NOW - 3 * HOUR),
        ('90s ago', NOW - 90_000),
        ('1.5 days ago', NOW - 36 * HOUR),
        ('1525970213', NOW),
        ('1525970213.5', NOW + 500),
        ('1525970213000', NOW),
        ('1525970213000000', NOW),
        ('1525970213000000000', NOW),
        ('2018-05-10T16:36:53Z', NOW),
        ('2018-05-10 16:36:53', NOW - 2 * HOUR),
        ('2018-05-10 16:36:53,250+0200', NOW - 2 * HOUR + 250),
        ('2018-05-10T16:36:53.377493-05:30', NOW + 377 + 5 * HOUR + HOUR // 2),
        ('2018-05-10', 1_525_903_200_000),
        ('today', 1_525_903_200_000),
        ('yesterday 17:30', 1_525_903_200_000 - DAY + 17 * HOUR + HOUR // 2),
        ('Monday at 9:00', 1_525_903_200_000 - 3 * DAY + 9 * HOUR),
        ('thu', 1_525_903_200_000),
        ('17:30', 1_525_903_200_000 + 17 * HOUR + HOUR // 2),
        # What would be in the future is of the day, week or year before.
        ('19:30', 1_525_903_200_000 - DAY + 19 * HOUR + HOUR // 2),
        ('thu 19:30', 1_525_903_200_000 - 7 * DAY + 19 * HOUR + HOUR // 2),
        ('today 19:30', 1_525_903_200_000 + 19 * HOUR + HOUR // 2),
        ('Nov 28 14:00', 1_511_874_000_000),
        ('28 November 2017, 14:00:00', 1_511_874_000_000),
        ('May 9', 1_525_903_200_000 - DAY),
        ('9. May', 1_525_903_200_000 - DAY),
        ('May 9th, 2018 at 0:30', 1_525_903_200_000 - DAY + HOUR // 2),
        ('05-09 00:30:00.5', 1_525_903_200_000 - DAY + HOUR // 2 + 500),
        ('1h', NOW - HOUR),
        ('-1h', NOW - HOUR),
        ('90 min', NOW - 90 * 60_000),
        ('last hour', NOW - HOUR),
        ('past 2 days', NOW - 2 * DAY),
        ('an hour ago', NOW - HOUR),
        ('2 months ago', NOW - 60 * DAY),
        ('1 year ago', NOW - 365 * DAY),
        ('2018-03-25 02:30', 1_521_941_400_000),  # there is no such time: clocks went forward
        ('', None),
        ('soon', None),
        ('hour', None),
        ('3 moons ago', None),
        ('Nov 31', None),
        ('Smarch 3', None),
        ('99-99', None),
        ('2018-02-30', None),
        ('2018-13-01', None),
        ('25:00', None),
        ('yesterday 17:61', None),
    ],
)
def test_moments_as_people_type_them(call, text, moment):
    """Times without an offset are meant in the zone that is shown."""
    assert moment == call('lib/time', 'parseInstant', text, NOW, 'Europe/Berlin')


@pytest.mark.parametrize(
    ('start', 'end', 'wanted'),
    [
        ('20 minutes ago', '', '20m'),
        ('1.5 hours ago', 'now', '90m'),
        ('last hour', ' ', '1h'),
        ('2 weeks ago', '', '14d'),
        ('', '', 'all'),
        ('17:00', '18:00', (NOW - 96 * 60_000 - 53_000, NOW - 36 * 60_000 - 53_000)),
        ('19:00', '20:00', (NOW - 24 * HOUR + 23 * 60_000 + 7_000,
                            NOW - 23 * HOUR + 23 * 60_000 + 7_000)),
        ('23:00', '01:00', (1_525_903_200_000 - HOUR, 1_525_903_200_000 + HOUR)),
        ('18:00', '19:00', (1_525_903_200_000 + 18 * HOUR, 1_525_903_200_000 + 19 * HOUR)),
    ],
)  # fmt: skip
def test_ranges_as_people_type_them(call, start, end, wanted):
    """They end after they begin, and are relative if they end now."""
    found = call('lib/time', 'parseRange', start, end, NOW, 'Europe/Berlin')
    assert wanted == (found['range'] or (found['from'], found['to']))


def test_parts_of_zones(call):
    """One if it is clear which."""
    for text, zones in (
        ('berl', ['Europe/Berlin']),
        ('europe/berlin', ['Europe/Berlin']),
        ('new york', ['America/New_York']),
        ('utc', ['UTC']),
        ('', ['local']),
        ('Mars', []),
    ):
        assert zones == call('lib/time', 'findZones', text)
    assert 1 < len(call('lib/time', 'findZones', 'lon'))


@pytest.mark.parametrize(
    ('time', 'zone', 'text'),
    [
        (NOW, 'UTC', '2018-05-10T16:36:53.000Z'),
        (NOW, 'Europe/Berlin', '2018-05-10T18:36:53.000+02:00'),
        (NOW, 'America/St_Johns', '2018-05-10T14:06:53.000-02:30'),
        (-62135596800000, 'UTC', '0001-01-01T00:00:00.000Z'),
    ],
)
def test_instants_as_zones_show_them(call, time, zone, text):
    """With the offset that held then."""
    assert text == call('lib/time', 'formatIso', time, zone)


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('plain\ttext\n', 'plain\ttext\n'),
        ('\x1b[31mred\x1b[0m', 'red'),
        ('\x1b]8;;http://x\x07link\x1b]8;;\x07', 'link'),
        ('user\u202egnp.exe', 'user⟨202E⟩gnp.exe'),
        ('a\u200bb\ufeff', 'a⟨200B⟩b⟨FEFF⟩'),
        ('\x07bell', '⟨0007⟩bell'),
        ('a\r\nb\rc', 'a\nb⟨000D⟩c'),
        ('\U000e0041', '⟨E0041⟩'),
    ],
)
def test_what_is_unseen_is_shown(call, text, shown):
    """No text looks like another, and colours of terminals are left out."""
    assert shown == call('lib/text', 'visible', text)


@pytest.mark.parametrize(
    ('text', 'terms', 'hits'),
    [
        ('Timeout of time', ['TIME'], ['Time', 'time']),
        (
            'a.b (c) [d] \\ ^$|?*+-',
            ['(c)', '.', '\\', '|', '-', '[d]'],
            ['.', '(c)', '[d]', '\\', '|', '-'],
        ),
        ('aaa', [], []),
        ('abcabc', ['abc', 'abcab'], ['abcab']),
        ('Straße', ['ß'], ['ß']),
    ],
)
def test_matches_are_marked(call, text, terms, hits):
    """Whatever characters they have, in any case, the longest first."""
    parts = call('lib/text', 'highlight', text, terms)
    assert text == ''.join(part['text'] for part in parts)
    assert hits == [part['text'] for part in parts if part['hit']]


PATHS = [
    ['data', 'user'],
    ['data', 'a-b', 'x y'],
    ['data', 'say "hi"'],
    ['data', "it's"],
    ['data', 'items', 0, 'price'],
    ['data', 'AND'],
    ['data', 'ключ'],
    ['data', 'back\\slash'],
    ['data', ''],
    ['data', '0'],
    ['meta', 'lineno'],
    ['user', 'id'],
    ['a "b"', "c'd", 3],
]


@pytest.mark.parametrize('path', PATHS, ids=json.dumps)
def test_every_place_has_a_name(call, path):
    """That the server reads as the same place."""
    assert tuple(path) == parse_field(call('log/filter', 'fieldName', path)).steps


@pytest.mark.parametrize('value', ["it's", '', 387, -1.5, True, False, None, 'a\\b', '%'])
@pytest.mark.parametrize('function', ['equals', 'differs'])
def test_every_value_has_an_expression(call, function, value):
    """That the server takes, alone and beside others."""
    expression = call('log/filter', function, 'data.user', value)
    parse_query(expression)
    parse_query(call('log/filter', 'all', [expression, 'level >= 40']))


def test_all_but_a_logger(call):
    """Itself and what is below it."""
    parse_query(call('log/filter', 'notBelow', "it's.app"))


STATE = {
    'q': "data.user = 'bob' AND a+b & c", 'level': 'ERROR', 'name': 'app.db,app.web',
    'filters': ['level = 40', "data.x = 'ü'"], 'range': '', 'from': '2018-05-10T16:36:53.000Z',
    'to': '', 'tz': 'Europe/Berlin', 'order': 'asc', 'cols': ['data.user', 'data."a,b"'], 'id': '7',
    'other': '8', 'around': '7', 'scope': 'data.request', 'tail': '', 'refresh': '15',
}  # fmt: skip


def test_the_address_has_the_state(call):
    """All of it, and nothing that goes without saying."""
    assert STATE == call(
        'log/url-state', 'parseState', '?' + call('log/url-state', 'formatState', STATE)
    )
    nothing = call('log/url-state', 'parseState', '')
    assert '' == call('log/url-state', 'formatState', nothing)
    assert '24h' == nothing['range']
    assert 'range=7d' == call('log/url-state', 'formatState', {**nothing, 'range': '7d'})


TRACE = """Traceback (most recent call last):
  File "/srv/app.py", line 3, in main
    load()
    ~~~~^^
  File "/usr/lib/python3.13/site-packages/db.py", line 9, in load
    raise KeyError(1)
KeyError: 1

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app.py", line 5, in <module>
ValueError: bad
second line of it"""


def test_tracebacks_are_read(call):
    """Frames, source, markers, exceptions, and what belongs to a library."""
    lines = call('log/traceback', 'readTraceback', TRACE)
    assert TRACE == '\n'.join(line['text'] for line in lines)
    kinds = (
        'head frame source marker frame source exception blank between blank head frame exception'
    )
    assert [*kinds.split(), 'exception'] == [line['kind'] for line in lines]
    assert ['frame', 'source'] == [line['kind'] for line in lines if line['foreign']]


@pytest.mark.parametrize(
    ('text', 'kind', 'field', 'typed', 'done'),
    [
        ('lev', 'field', 'lev', 'lev', 'x '),
        ('level >= 40 AND data.us', 'field', 'data.us', 'data.us', 'level >= 40 AND x '),
        ("data.user = 'bo", 'value', 'data.user', 'bo', "data.user = 'it''s' "),
        ('level >= 4', 'value', 'level', '4', "level >= 'it''s' "),
        ("name = '", 'value', 'name', '', "name = 'it''s' "),
        ('(meta.li', 'field', 'meta.li', 'meta.li', '(x '),
    ],
)
def test_what_is_completed(call, text, kind, field, typed, done):
    """The field or the value before the caret."""
    word = call('log/completion', 'wordAt', text, len(text))
    assert (kind, field, typed) == (word['kind'], word['field'], word['typed'])
    chosen = "it's" if kind == 'value' else 'x'
    result = call('log/completion', 'complete', text, len(text), word, chosen)
    assert {'text': done, 'caret': len(done)} == result


def test_ticks_are_round(call):
    """Hours of the zone that is shown."""
    span = {'start': NOW, 'end': NOW + DAY}
    labels = [tick['text'] for tick in call('chart/scale', 'ticks', span, 10, 'Asia/Kolkata')]
    assert ['05-11', '03:00', '06:00', '09:00', '12:00', '15:00', '18:00', '21:00'] == labels


def test_groups_are_those_of_the_server(call):
    """With their lengths."""
    code = 'async () => (await import("/static/chart/scale.js")).LENGTHS'
    lengths = call.page.evaluate(code)
    wanted = {name: interval.length * 1000 for name, interval in INTERVALS.items()}
    assert [*wanted.items()] == [*lengths.items()]


@pytest.mark.parametrize('now', [NOW, NOW + DAY])
def test_few_bars_do_not_fill_the_chart(call, now):
    """One record, or one second, is a small part of it."""
    for group, length in (('15minute', 900_000), ('second', 1000)):
        bucket = {'start': NOW - length, 'count': 1, 'levels': {}}
        for span in ({'after': None, 'before': None}, {'after': NOW - length, 'before': NOW}):
            found = call('chart/scale', 'spanOf', span, [bucket], group, now)
            assert found['start'] <= NOW - length
            assert NOW <= found['end'] <= now
            assert 50 * length == found['end'] - found['start']


def test_bars_are_fine_enough(call):
    """About as many as there is room for, whatever the range."""
    groups = [
        call('chart/scale', 'groupFor', {'after': NOW - length, 'before': None}, NOW, 120)
        for length in (900_000, HOUR, DAY, 30 * DAY, 4000 * DAY, 57 * 365 * DAY)
    ]
    assert ['10second', '30second', '15minute', '6hour', '2month', '6month'] == groups
    assert 'auto' == call('chart/scale', 'groupFor', {'after': None, 'before': NOW}, NOW, 120)
