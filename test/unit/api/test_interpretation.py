"""The interpretation of an input over HTTP."""

import pytest

URL = '/api/v1/interpretation'


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (' ', {'kind': 'none'}),
        ('level=40', {'kind': 'query', 'why': 'compares level'}),
        (
            'Foo "a b" -x',
            {
                'kind': 'search',
                'why': 'compares no column or field',
                'terms': ['Foo', 'a b'],
                'without': ['x'],
            },
        ),
        (
            'a "b',
            {
                'kind': 'error',
                'message': 'search: the quotation mark at column 3 is not closed',
                'column': 3,
            },
        ),
    ],
)
def test_kinds(app, text, expected):
    """An input is nothing, a query, a text or a mistake."""
    assert expected == app.get(URL, {'text': text}).json


def test_bad_parameters(app, anonymous):
    """The error has the common shape."""
    assert 'text: required' in app.get(URL, status=400).json['error']['message']
    assert 'q' in app.get(f'{URL}?text=a&q=b', status=400).json['error']['message']
    del anonymous.extra_environ['HTTP_AUTHORIZATION']
    anonymous.get(f'{URL}?text=a', status=401)
