"""Record and Filter: valid values of parameters and their meaning."""

from datetime import datetime, timedelta, timezone

import pytest

from chronologer.errors import InputError
from chronologer.model import Filter, Record, instant, microseconds
from chronologer.web.declare import Parameters
from chronologer.web.params import FILTER, filter_of

INSTANT = datetime(2018, 5, 10, 16, 36, 53, 377493, timezone.utc)


def parse(params):
    """Return the filter of a request's parameters."""
    return filter_of(Parameters(*FILTER).parse(params))


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
def test_after_accepts_every_form_of_iso_8601(text):
    """Basic and extended forms, offsets and UTC as the default give the same instant."""
    assert Filter(after=INSTANT) == parse({'after': text})


@pytest.mark.parametrize(
    'text',
    ['yesterday', '1525970213', '2018-13-01', '2018-05-10T25:00', '0000-01-01', '10000-01-01',
     '0001-01-01T00:00+05:00', '9999-12-31T23:59-05:00', '2018-05-10T16:36:53+99:00', '２０１８'],
)  # fmt: skip
def test_before_refuses_invalid_timestamps(text):
    """The message has the bad or out-of-range timestamp and the parameter."""
    with pytest.raises(InputError, match=r'^before: '):
        parse({'before': text})


def test_plus_that_became_a_space_is_explained():
    """An unescaped + arrives as a space, a common mistake that the message explains."""
    with pytest.raises(InputError, match='%2B'):
        parse({'after': '2018-05-10T16:36:53 02:00'})


@pytest.mark.parametrize(
    ('text', 'level'),
    [('0', 0), ('20', 20), ('-5', -5), ('ERROR', 40), ('warn', 30), ('fatal', 50),
     ('2147483647', 2**31 - 1)],
)  # fmt: skip
def test_level_is_a_number_or_a_standard_name(text, level):
    """Names are accepted in upper and lower case."""
    assert Filter(level=level) == parse({'level': text})


@pytest.mark.parametrize(
    'text', ['LOUD', '20.0', '0x10', '1_0', ' 20', '2147483648', str(2**70), '٣', '+20']
)
def test_level_refuses_anything_else(text):
    """Texts that only Python's int() accepts are rejected."""
    with pytest.raises(InputError, match=r'^level: '):
        parse({'level': text})


def test_names_are_prefixes_as_they_stand():
    """Names are literal prefixes, without wildcards or blanks around; duplicates count once."""
    assert ('a%', 'b _', 'c\\') == parse({'name': 'a% , b _,c\\,a%'}).names


def test_empty_parameters_are_no_filter():
    """A form sends its empty fields too."""
    assert Filter() == parse(dict.fromkeys(['level', 'name', 'after', 'search', 'query'], ''))


@pytest.mark.parametrize('text', ['a,', ',a', ',', 'a, ', ','.join(map(str, range(101)))])
def test_an_empty_prefix_is_not_everything(text):
    """An empty prefix is an error; so are more prefixes than a statement can have."""
    with pytest.raises(InputError, match=r'^name: '):
        parse({'name': text})


def test_within_narrows_and_never_widens():
    """The result is the intersection of two time ranges."""
    hour = timedelta(hours=1)
    filter = Filter(after=INSTANT, level=40)
    narrowed = filter.within(INSTANT - hour, INSTANT + hour)
    assert Filter(after=INSTANT, before=INSTANT + hour, level=40) == narrowed


@pytest.mark.parametrize(
    ('ts', 'text'),
    [
        (INSTANT, '2018-05-10 16:36:53.377493+00:00'),
        (INSTANT.replace(microsecond=0), '2018-05-10 16:36:53.000000+00:00'),
        (datetime(1, 1, 1, tzinfo=timezone.utc), '0001-01-01 00:00:00.000000+00:00'),
    ],
)
def test_record_shows_its_time_with_microseconds(ts, text):
    """Times always have six digits of microseconds, so that texts sort like instants."""
    fields = Record(ts, 'a', 20, 'hello', id=1).as_dict()
    assert {'id': 1, 'ts': text, 'name': 'a', 'level': 20, 'message': 'hello'} == fields


@pytest.mark.parametrize('ts', [datetime.min, INSTANT.replace(tzinfo=None), datetime.max])
def test_instants_survive_as_integers(ts):
    """Times keep their microseconds at both ends of the calendar."""
    ts = ts.replace(tzinfo=timezone.utc)
    assert ts == instant(microseconds(ts))
