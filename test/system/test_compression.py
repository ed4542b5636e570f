"""Answers of the API are compressed for who accepts it."""

import gzip

import pytest

from test.servers.chronologer import AUTHORIZATION

PATHS = ['record?limit=9', 'export', 'export?format=csv', 'export?format=text', 'timeline', 'field']
ON_EACH_PATH = pytest.mark.parametrize('path', PATHS)


@pytest.fixture(scope='module')
def filled(server):
    """A server with some records."""
    for _ in range(20):
        assert 201 == server.post().status
    return server


def get(server, path, accepted=None):
    headers = {} if accepted is None else {'Accept-Encoding': accepted}
    return server.request('GET', f'/api/v1/{path}', headers={**AUTHORIZATION, **headers})


@ON_EACH_PATH
@pytest.mark.parametrize('accepted', ['gzip', 'gzip, deflate, br, zstd', 'br;q=1.0, gzip;q=0.5'])
def test_answers_are_compressed(filled, path, accepted):
    """By gzip: lists, files and all else."""
    plain, answer = get(filled, path), get(filled, path, accepted)
    assert 'gzip' == answer.headers['Content-Encoding']
    assert 'Accept-Encoding' in answer.headers['Vary']
    assert plain.data == gzip.decompress(answer.data)
    assert plain.headers['Content-Type'] == answer.headers['Content-Type']


@ON_EACH_PATH
@pytest.mark.parametrize('accepted', ['', 'br', 'identity', 'gzip;q=0', '*;q=0', 'x' * 1000])
def test_nobody_gets_what_they_do_not_accept(filled, path, accepted):
    """An answer without compression is always possible."""
    plain, answer = get(filled, path), get(filled, path, accepted)
    assert 'Content-Encoding' not in answer.headers
    assert plain.data == answer.data
