"""The timeline as JSON."""

import json
from datetime import datetime

import pytest

from test.unit.api.posts import NDJSON

URL = '/api/v1/timeline'


def post(app, when, level=20, **fields):
    created = datetime.fromisoformat(when).timestamp()
    app.post('/api/v1/record', {'name': 'app', 'levelno': level, 'created': created, **fields})


@pytest.fixture
def filled(app):
    """A storage with a week of records that includes an outage."""
    for day in range(1, 8):
        post(app, f'2024-06-{day:02}T12:00:00+00:00')
    for second in (10, 20, 70):
        post(app, f'2024-06-03T22:30:{second % 60:02}+00:00', level=40, user='bob')
    return app


def test_buckets_are_split_by_level(filled):
    """Each bucket has its count and the counts of levels; empty buckets are omitted."""
    answer = filled.get(f'{URL}?group=day').json
    assert ('day', 'UTC', 7) == (answer['group'], answer['timezone'], len(answer['buckets']))
    assert {'start': 1717372800, 'count': 4, 'levels': {'20': 1, '40': 3}} == answer['buckets'][2]


@pytest.mark.parametrize(
    ('query', 'counts'),
    [
        ('group=day&timezone=Europe/Berlin', [1, 1, 1, 4, 1, 1, 1]),
        ('group=week', [2, 8]),
        ('group=month', [10]),
        ('group=hour&after=2024-06-03&before=2024-06-04', [1, 3]),
        ('group=minute&level=40', [3]),
        ('group=30second&level=40', [3]),
        ('group=10second&level=40&timezone=Asia/Kathmandu', [2, 1]),
        ('group=second&level=40', [2, 1]),
        ('group=5minute&level=40&timezone=Asia/Kathmandu', [3]),
        ('group=15minute&name=app&level=40', [3]),
        ('group=day&query=data.user=%27bob%27', [3]),
        ('level=41', []),
    ],
)
def test_groups_and_filters(filled, query, counts):
    """Groups may be in any zone, and filters apply."""
    answer = filled.get(f'{URL}?{query}').json
    assert sum(counts) == sum(bucket['count'] for bucket in answer['buckets'])
    assert counts == [bucket['count'] for bucket in answer['buckets']]


def test_auto_chooses_by_the_range(filled):
    """`auto` chooses the group by the range of the filter and of the stored records."""
    assert '2hour' == filled.get(URL).json['group']
    narrow = 'after=2024-06-03T22:00:00Z&before=2024-06-03T23:00:00Z'
    assert '30second' == filled.get(f'{URL}?{narrow}').json['group']
    narrow = 'after=2024-06-03T22:22:00Z&before=2024-06-03T22:37:00Z'
    assert '10second' == filled.get(f'{URL}?{narrow}').json['group']
    assert 'second' == filled.get(f'{URL}?level=50').json['group']


def test_too_many_buckets_are_refused(app):
    """The message suggests how to get fewer buckets."""
    record = {'name': 'app', 'levelno': 20, 'msg': 'm'}
    lines = (json.dumps({**record, 'created': 1717200000 + n * 60}) for n in range(2001))
    app.post('/api/v1/record', '\n'.join(lines), content_type=NDJSON)
    answer = app.get(f'{URL}?group=minute', status=400)
    assert 'more than 2,000 buckets; narrow' in answer.json['error']['message']
    filtered = app.get(f'{URL}?group=minute&after=2024-06-01T00:01:00Z')
    assert 2000 == len(filtered.json['buckets'])
    assert 2001 == sum(bucket['count'] for bucket in app.get(URL).json['buckets'])


@pytest.mark.parametrize(
    ('query', 'named'),
    [('group=century', 'group'), ('timezone=Mars', 'timezone'), ('left=0', 'left')],
)
def test_bad_parameters(app, query, named):
    """The error has the common shape."""
    assert named in app.get(f'{URL}?{query}', status=400).json['error']['message']


def test_following(app):
    """Records after an id are returned oldest first and filtered; the last id continues there."""
    url = '/api/v1/record'
    for second in (5, 1, 9, 3):
        post(app, f'2024-06-01T00:00:0{second}+00:00', level=second * 10)
    first = app.get(f'{url}?after_id=0&limit=2').json
    assert [1, 2] == [record['id'] for record in first]
    rest = app.get(f'{url}?after_id=2&limit=10').json
    assert [3, 4] == [record['id'] for record in rest]
    assert [3] == [r['id'] for r in app.get(f'{url}?after_id=1&limit=10&level=40').json]
    assert [] == app.get(f'{url}?after_id=4&limit=10').json
    assert [1, 2, 3, 4] == [record['id'] for record in app.get(f'{url}?after_id=0').json]
    for query in ('after_id=', 'after_id=x&limit=1', 'after_id=0&limit=10001',
                  'after_id=0&limit=1&left=0', 'after_id=-1&limit=1'):  # fmt: skip
        assert 'InputError' == app.get(f'{url}?{query}', status=400).json['error']['type']
