"""The Record resource, with the interface of Chronologer 0.1.5."""

import json
from datetime import datetime, timezone

import pytest

from test.unit.api.posts import NDJSON, STORED

RECORD = {
    'name': 'app.db',
    'levelno': 20,
    'created': 1525970213.377493,
    'msg': 'band %s',
    'args': "('Maroon',)",
    'lineno': 20,
    'foo': 387,
}
URL = '/api/v1/record'


def post(app, **fields):
    return app.post(URL, {**RECORD, **fields}).json


def epoch(text):
    return datetime.fromisoformat(text).timestamp()


def test_the_answer_to_post_is_the_record_of_get(app):
    """The answer is 201 after the commit, with the record as GET returns it."""
    response = app.post(URL, RECORD)
    assert 201 == response.status_int
    assert STORED == response.json
    assert STORED == app.get(f'{URL}/1').json


@pytest.mark.parametrize(
    'content_type',
    ['application/x-www-form-urlencoded; charset=utf-8', 'APPLICATION/X-WWW-FORM-URLENCODED'],
)
def test_post_accepts_other_spellings_of_the_format(app, content_type):
    """Case and charset do not matter: percent escapes are UTF-8."""
    assert 201 == app.post(URL, RECORD, {'Content-Type': content_type}).status_int


def test_fields_of_the_form_are_not_parameters(app):
    """Any name can be a field of the form, also the name of a parameter."""
    names = ['raw', 'self', 'params', 'left', 'right', 'level', 'group', 'id', 'cls', 'environ']
    record = post(app, **dict.fromkeys(names, 1))
    assert {'foo': 387, **dict.fromkeys(names, 1)} == record['logrec']['data']


def test_record_is_cacheable(app):
    """Records never change, so a browser need not request a cached one again."""
    post(app)
    response = app.get(f'{URL}/1')
    assert 'private, no-cache' == response.headers['Cache-Control']
    assert 'private' in response.headers['Cache-Control']
    etag = response.headers['ETag']
    assert 304 == app.get(f'{URL}/1', headers={'If-None-Match': etag}).status_int
    assert 200 == app.get(f'{URL}/1', headers={'If-None-Match': '"other"'}).status_int
    assert etag == app.head(f'{URL}/1').headers['ETag']


@pytest.mark.parametrize(
    'id', ['2', '0', '-1', 'x', '1x', '1.0', '%D9%A3', '9' * 19, '9' * 30, '1/2', '%20']
)
def test_unknown_id_is_not_found(app, id):
    """The answer is 404 for any unknown id, also for malformed ones."""
    post(app)
    response = app.get(f'{URL}/{id}', status=404)
    assert 'NotFoundError' == response.json['error']['type']


def test_listing_is_newest_first(app):
    """Offsets begin with 0 and include both ends; the items have no logrec."""
    for second in (5, 1, 9):
        post(app, created=second)
    listing = app.get(f'{URL}?left=0&right=127').json
    assert [3, 1, 2] == [record['id'] for record in listing]
    assert {'id', 'ts', 'name', 'level', 'message'} == set(listing[0])
    assert listing[:1] == app.get(f'{URL}?left=0&right=0').json
    assert listing[1:] == app.get(f'{URL}?left=1&right=2').json
    assert [] == app.get(f'{URL}?left=1&right=0').json
    assert [] == app.get(f'{URL}?left=7&right=6').json
    assert [] == app.get(f'{URL}?left=3&right=9').json


def test_listing_of_huge_messages_is_whole(app, configuration):
    """A long listing is streamed completely and in order."""
    for index in range(12):
        post(app, created=index, message=str(index) * (900_000 // len(str(index))))
    listing = app.get(f'{URL}?left=0&right=127').json
    assert [str(11 - index)[0] for index in range(12)] == [r['message'][0] for r in listing]
    assert {900_000} == {len(record['message']) for record in listing}


@pytest.mark.parametrize(
    ('query', 'ids'),
    [
        ('', [5, 4, 3, 2, 1]),
        ('after=1970-01-01T00:00:02Z', [5, 4, 3, 2]),
        ('before=1970-01-01T00:00:02Z', [2, 1]),
        ('before=19700101T000002', [2, 1]),
        ('before=1970-01-01T02:00:02%2B02:00', [2, 1]),
        ('before=1970-01-01T00:00:01.999999', [1]),
        ('level=40', [5, 4]),
        ('level=error', [5, 4]),
        ('level=41', [5]),
        ('name=app', [4, 2, 1]),
        ('name=app.', [2]),
        ('name=App,app.', [3, 2]),
        ('name=a%25', [5]),
        ('name=a_', []),
        ('name=a%5C', []),
        ('name=app&level=20&after=1970-01-01&before=1970-01-01T00:00:03', [2, 1]),
    ],
)
def test_filters_hold_for_listing_and_count(app, query, ids):
    """The same filters give the same records in the listing, the count and the groups."""
    post(app, created=1, name='app', levelno=10)
    post(app, created=2, name='app.db', levelno=20)
    post(app, created=3, name='App', levelno=30)
    post(app, created=4, name='application', levelno=40)
    post(app, created=5, name='a%pp', levelno=50)
    if 'level=20' in query:
        ids = [2]
    assert ids == [record['id'] for record in app.get(f'{URL}?left=0&right=9&{query}').json]
    assert str(len(ids)) == app.head(f'{URL}?{query}').headers['X-Record-Count']
    grouped = app.head(f'{URL}?group=day&timezone=UTC&{query}').headers
    assert (str(len(ids)) if ids else '') == grouped['X-Record-Count']


def test_count_of_nothing(app):
    """The count of no records is the number zero, and the groups are empty lists."""
    assert '0' == app.head(URL).headers['X-Record-Count']
    headers = app.head(f'{URL}?group=hour&timezone=UTC').headers
    assert ('', '') == (headers['X-Record-Count'], headers['X-Record-Group'])


@pytest.mark.parametrize(
    ('group', 'timezone', 'starts'),
    [
        ('day', 'UTC', ['2024-10-26T00:00+00:00', '2024-10-27T00:00+00:00']),
        ('day', 'Europe/Berlin', ['2024-10-26T00:00+02:00', '2024-10-27T00:00+02:00']),
        ('day', 'Asia/Kathmandu', ['2024-10-27T00:00+05:45']),
        ('hour', 'Asia/Kolkata', ['2024-10-27T03:00+05:30', '2024-10-27T06:00+05:30',
                                  '2024-10-27T07:00+05:30']),
        ('hour', 'Europe/Berlin', ['2024-10-26T23:00+02:00', '2024-10-27T02:00+02:00',
                                   '2024-10-27T02:00+01:00']),
    ],
)  # fmt: skip
def test_groups_are_of_the_zone(app, group, timezone, starts):
    """In the night when clocks go back, the repeated hour has two buckets."""
    for text in ('2024-10-26T21:55:00', '2024-10-27T00:59:59.5', '2024-10-27T01:45:00'):
        post(app, created=epoch(f'{text}+00:00'))
    headers = app.head(f'{URL}?group={group}&timezone={timezone}').headers
    assert ','.join(str(int(epoch(start))) for start in starts) == headers['X-Record-Group']
    assert 3 == sum(map(int, headers['X-Record-Count'].split(',')))


@pytest.mark.parametrize('zone', ['America/New_York', 'Pacific/Kiritimati', 'Europe/Amsterdam'])
def test_no_record_breaks_a_timeline(app, zone):
    """A timeline includes records at either end of the calendar and of times with odd offsets."""
    now = datetime(1930, 1, 1, 12, tzinfo=timezone.utc).timestamp()
    for created in (-62135596800, 253402300799, now):
        post(app, created=created)
    for group in ('day', 'hour'):
        headers = app.head(f'{URL}?group={group}&timezone={zone}').headers
        assert '1,1,1' == headers['X-Record-Count']
        assert 200 == app.get(f'{URL}?left=0&right=9').status_int


def test_too_many_groups_for_headers_are_refused(app):
    """A timeline too long for headers is an error whose message suggests what to do."""
    lines = (json.dumps({**RECORD, 'created': day * 86400}) for day in range(4001))
    app.post(URL, '\n'.join(lines), content_type=NDJSON)
    response = app.head(f'{URL}?group=day&timezone=UTC', status=400)
    assert 'narrow' in response.headers['X-Error-Message']
    query = 'group=day&timezone=UTC&after=1970-01-02'
    assert 4000 == len(app.head(f'{URL}?{query}').headers['X-Record-Group'].split(','))


@pytest.mark.parametrize('path', ['record', 'export', 'timeline', 'field', 'facet?field=name'])
def test_head_has_the_type_of_get(app, path):
    """A client can ask what it would get."""
    get, head = app.get(f'/api/v1/{path}'), app.head(f'/api/v1/{path}')
    assert get.headers['Content-Type'] == head.headers['Content-Type']
