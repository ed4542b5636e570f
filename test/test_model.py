"""Record and Filter: what a parameter may say, and what it then means."""

from datetime import datetime, timedelta, timezone

import pytest

from chronologer.errors import InputError
from chronologer.model import Filter, Record, instant, microseconds

MOMENT = datetime(2018, 5, 10, 16, 36, 53, 377493, timezone.utc)


@pytest.mark.parametrize(
    'text',
    [
        '2018-05-10T16:36:53.377493Z',
        '2018-05-10T16:36:53.377493',
        '2018-05-10 16:36:53.377493+00:00',
        '2018-05-10T18:36:53.377493+02:00',
        '20180510T163653.377493Z',
        '20180510T113653.377493-0500',
        '2018-W19-4T16:36:53,377493Z',
    ],
)
def test_after_takes_every_form_of_iso_8601(text):
    """Basic and extended forms, offsets, and none for UTC, are the same instant."""
    assert Filter(after=MOMENT) == Filter.take({'after': text})


@pytest.mark.parametrize(
    'text',
    ['', 'yesterday', '1525970213', '2018-13-01', '2018-05-10T25:00', '0000-01-01', '10000-01-01',
     '0001-01-01T00:00+05:00', '9999-12-31T23:59-05:00', '2018-05-10T16:36:53+99:00', '２０１８'],
)  # fmt: skip
def test_before_refuses_what_is_no_instant(text):
    """A bad or out-of-range timestamp is named, with its parameter."""
    with pytest.raises(InputError, match=r'^before: '):
        Filter.take({'before': text})


def test_plus_that_became_a_space_is_explained():
    """A + that was not escaped arrives as a space, which is the usual mistake."""
    with pytest.raises(InputError, match='%2B'):
        Filter.take({'after': '2018-05-10T16:36:53 02:00'})


@pytest.mark.parametrize(
    ('text', 'level'),
    [('0', 0), ('20', 20), ('-5', -5), ('ERROR', 40), ('warn', 30), ('fatal', 50),
     ('2147483647', 2**31 - 1)],
)  # fmt: skip
def test_level_is_a_number_or_a_standard_name(text, level):
    """Names are taken in either case."""
    assert Filter(level=level) == Filter.take({'level': text})


@pytest.mark.parametrize(
    'text', ['', 'LOUD', '20.0', '0x10', '1_0', ' 20', '2147483648', str(2**70), '٣', '+20']
)
def test_level_refuses_anything_else(text):
    """Also what Python's int() would take."""
    with pytest.raises(InputError, match=r'^level: '):
        Filter.take({'level': text})


def test_names_are_prefixes_as_they_stand():
    """No wildcard, no trimming; doubles count once."""
    assert ('a%', ' b_', 'c\\') == Filter.take({'name': 'a%, b_,c\\,a%'}).names


@pytest.mark.parametrize('text', ['', 'a,', ',a', ',', ','.join(map(str, range(101)))])
def test_an_empty_prefix_is_not_everything(text):
    """Neither are more prefixes taken than a statement can hold."""
    with pytest.raises(InputError, match=r'^name: '):
        Filter.take({'name': text})


def test_filter_leaves_other_parameters():
    """What it does not know is for somebody else to take or refuse."""
    params = {'left': '0', 'level': '20'}
    Filter.take(params)
    assert {'left': '0'} == params


def test_within_narrows_and_never_widens():
    """The intersection of two time ranges."""
    hour = timedelta(hours=1)
    filter = Filter(after=MOMENT, level=40)
    narrowed = filter.within(MOMENT - hour, MOMENT + hour)
    assert Filter(after=MOMENT, before=MOMENT + hour, level=40) == narrowed


@pytest.mark.parametrize(
    ('ts', 'text'),
    [
        (MOMENT, '2018-05-10 16:36:53.377493+00:00'),
        (MOMENT.replace(microsecond=0), '2018-05-10 16:36:53.000000+00:00'),
        (datetime(1, 1, 1, tzinfo=timezone.utc), '0001-01-01 00:00:00.000000+00:00'),
    ],
)
def test_record_shows_its_time_with_microseconds(ts, text):
    """Always all six digits, so that texts sort like instants."""
    fields = Record(ts, 'a', 20, 'hello', id=1).as_dict()
    assert {'id': 1, 'ts': text, 'name': 'a', 'level': 20, 'message': 'hello'} == fields


@pytest.mark.parametrize('ts', [datetime.min, MOMENT.replace(tzinfo=None), datetime.max])
def test_instants_survive_as_integers(ts):
    """To the microsecond, at both ends of the calendar."""
    ts = ts.replace(tzinfo=timezone.utc)
    assert ts == instant(microseconds(ts))
