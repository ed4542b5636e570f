"""Facet: the most frequent values of a field."""

import pytest

URL = '/api/v1/facet'


@pytest.fixture
def filled(app):
    """A storage with records of three loggers and two users."""
    for index in range(6):
        record = {'levelno': 20, 'created': index, 'msg': 'm', 'user': 'bob', 'n': index % 2}
        record |= {'name': f'app.{index % 3}'}
        record |= {'user': 'eve', 'levelno': 40} if index == 5 else {}
        app.post('/api/v1/record', record)
    return app


@pytest.mark.parametrize(
    ('query', 'values', 'distinct', 'sample'),
    [
        ('field=level', [(20, 5), (40, 1)], 2, None),
        ('field=name', [('app.0', 2), ('app.1', 2), ('app.2', 2)], 3, None),
        ('field=data.user', [('bob', 5), ('eve', 1)], 2, 10_000),
        ('field=data.n', [(0, 3), (1, 3)], 2, 10_000),
        ('field=data.user&limit=1', [('bob', 5)], 2, 10_000),
        ('field=name&level=40', [('app.2', 1)], 1, None),
        ('field=name&after=1970-01-01T00:00:04Z', [('app.1', 1), ('app.2', 1)], 2, None),
        ('field=level&query=data.n=1', [(20, 2), (40, 1)], 2, None),
        ('field=name&query=data.n=1', [('app.0', 1), ('app.1', 1), ('app.2', 1)], 3, None),
        ('field=data.missing', [], 0, 10_000),
    ],
)
def test_values(filled, query, values, distinct, sample):
    """Values are ordered by frequency and have a count; `sample` is the size of the sample."""
    answer = filled.get(f'{URL}?{query}').json
    pairs = [(value['value'], value['count']) for value in answer['values']]
    assert sorted(values, key=lambda pair: (-pair[1], pair[0])) == sorted(
        pairs, key=lambda pair: (-pair[1], pair[0])
    )
    assert (distinct, sample) == (answer['distinct'], answer['sample'])


@pytest.mark.parametrize(
    ('query', 'named'),
    [('', 'field'), ('field=', 'field'), ('field=ts', 'ts'), ('field=message', 'message'),
     ('field=data', 'data'), ('field=colour', 'colour'), ('field=level>1', 'field'),
     ('field=1', 'field'), ('field=data.*', 'field'), ('field=level&limit=0', 'limit'),
     ('field=level&limit=1001', 'limit'), ('field=level&left=0', 'left')],
)  # fmt: skip
def test_bad_parameters(app, query, named):
    """The error has the common shape."""
    error = app.get(f'{URL}?{query}', status=400).json['error']
    assert 'InputError' == error['type']
    assert named in error['message']
