"""Pages, following, context, fields and export over HTTP."""

import csv
import io
import json

import pytest

from chronologer.api.item import TimeLeft
from chronologer.errors import QueryTimeoutError
from chronologer.storage.sqlite import SQLiteStorage

RECORD, EXPORT, FIELD = '/api/v1/record', '/api/v1/export', '/api/v1/field'


@pytest.fixture
def filled(app):
    """A storage with ten records of two alternating loggers, one per second."""
    for index in range(10):
        record = {'levelno': 20 + 20 * (index == 7), 'created': index, 'msg': f'number {index}'}
        record |= {'name': f'app.{"ab"[index % 2]}', 'user': f'u{index % 3}', 'n': index}
        record |= {'exc_text': 'Traceback:\n  ValueError: ü'} if index == 7 else {}
        app.post(RECORD, record)
    return app


def ids(records):
    return [record['id'] for record in records]


def cursor_of(record):
    return f'{record["ts"]},{record["id"]}'.replace('+', '%2B')


def test_pages_both_ways(filled):
    """A cursor is the time and id of a record that the client has."""
    first = filled.get(f'{RECORD}?limit=4').json
    assert [10, 9, 8, 7] == ids(first)
    older = filled.get(f'{RECORD}?limit=4&cursor={cursor_of(first[-1])}').json
    assert [6, 5, 4, 3] == ids(older)
    newer = filled.get(f'{RECORD}?limit=9&order=asc&cursor={cursor_of(older[0])}').json
    assert [7, 8, 9, 10] == ids(newer)
    assert [1, 2] == ids(filled.get(f'{RECORD}?order=asc&limit=2').json)
    assert list(range(10, 0, -1)) == ids(filled.get(RECORD).json)
    some = filled.get(f'{RECORD}?limit=2&name=app.a&cursor={cursor_of(first[1])}').json
    assert [7, 5] == ids(some)
    assert [] == filled.get(f'{RECORD}?limit=0').json


def test_chosen_fields(filled):
    """`fields` works for pages and following: missing values are null, names are as in a query."""
    url = f'{RECORD}?limit=2&fields=data.user,error.exc_text,data."a,b"'
    newest = filled.get(url).json[0]
    assert {'data.user': 'u0', 'error.exc_text': None, 'data."a,b"': None} == newest['fields']
    assert {'id', 'ts', 'name', 'level', 'message', 'fields'} == set(newest)
    (record,) = filled.get(f'{RECORD}?after_id=7&limit=1&fields=data.n,error.exc_text').json
    assert {'data.n': 7, 'error.exc_text': 'Traceback:\n  ValueError: ü'} == record['fields']


def test_search_with_every_resource(filled):
    """`search` works for count, offsets, pages, following, timeline and facet."""
    assert '1' == filled.head(f'{RECORD}?search=valueerror').headers['X-Record-Count']
    assert [8] == ids(filled.get(f'{RECORD}?search=%22number 7%22').json)
    assert [8] == ids(filled.get(f'{RECORD}?left=0&right=9&search=7').json)
    assert [9, 10] == ids(filled.get(f'{RECORD}?after_id=8&limit=9&search=number').json)
    answer = filled.get('/api/v1/timeline?group=day&search=number -7').json
    assert [9] == [bucket['count'] for bucket in answer['buckets']]
    answer = filled.get('/api/v1/facet?field=name&search=u1').json
    assert {('app.a', 1), ('app.b', 2)} == {(v['value'], v['count']) for v in answer['values']}


def test_context(filled):
    """The context of a record is the records before and after it, in the order of time."""
    answer = filled.get(f'{RECORD}/5/context?before=2&after=3').json
    assert ([3, 4], 5, [6, 7, 8]) == (
        ids(answer['before']), answer['record']['id'], ids(answer['after'])
    )  # fmt: skip
    assert 'logrec' in answer['record']
    assert 'logrec' not in answer['before'][0]
    answer = filled.get(f'{RECORD}/5/context?name=app.a&fields=data.n').json
    assert ([1, 3], [7, 9]) == (ids(answer['before']), ids(answer['after']))
    assert {'data.n': 0} == answer['before'][0]['fields']
    answer = filled.get(f"{RECORD}/5/context?before=0&query=data.user='u1'&search=number").json
    assert ([], [8]) == (ids(answer['before']), ids(answer['after']))


def test_context_is_limited_in_time(filled, monkeypatch):
    """All of its queries together may take as long as one query."""
    monkeypatch.setattr('chronologer.api.item.TimeLeft', lambda _: TimeLeft(0))
    answer = filled.get(f'{RECORD}/5/context', status=503).json
    assert 'QueryTimeoutError' == answer['error']['type']


@pytest.mark.parametrize('url', ['99/context', '5/other', '5/context/1', 'x/context'])
def test_context_of_a_missing_record(filled, url):
    """The context of a missing record is a 404."""
    assert 'NotFoundError' == filled.get(f'{RECORD}/{url}', status=404).json['error']['type']


def test_fields(filled):
    """Columns come first, then the fields that records had."""
    answer = filled.get(FIELD).json
    assert {'field': 'ts', 'types': ['instant']} in answer['fields']
    assert {'field': 'data.user', 'types': ['text']} in answer['fields']
    assert answer['more'] is False
    answer = filled.get(f'{FIELD}?prefix=data.&limit=1').json
    assert {'fields': [{'field': 'data.n', 'types': ['number']}], 'more': True} == answer


def test_export_as_ndjson(filled):
    """An export as NDJSON has whole records, oldest first, or only the chosen fields."""
    response = filled.get(EXPORT)
    assert 'application/x-ndjson' == response.content_type
    assert 'attachment; filename="chronologer.ndjson"' == response.headers['Content-Disposition']
    records = [json.loads(line) for line in response.body.splitlines()]
    assert list(range(1, 11)) == ids(records)
    assert filled.get(f'{RECORD}/8').json == records[7]
    (line,) = filled.get(f'{EXPORT}?order=desc&limit=1&fields=data.n').body.splitlines()
    assert {'data.n': 9} == json.loads(line)['fields']


def test_export_as_csv(filled):
    """An export as CSV has a header row; a line break within a value is quoted."""
    response = filled.get(f'{EXPORT}?format=csv&level=ERROR&fields=error.exc_text,data.n,meta.args')
    head, row = csv.reader(io.StringIO(response.text, newline=''))
    columns = ['id', 'ts', 'name', 'level', 'message', 'error.exc_text', 'data.n', 'meta.args']
    assert columns == head
    assert ['8', '1970-01-01 00:00:07.000000+00:00', 'app.b', '40', 'number 7'] == row[:5]
    assert ['Traceback:\n  ValueError: ü', '7', ''] == row[5:]


def test_export_as_text(filled):
    """An export as text looks like a log file."""
    text = filled.get(f'{EXPORT}?format=text&after=1970-01-01T00:00:06Z&limit=2').text
    assert text == (
        '1970-01-01 00:00:06.000000+00:00 INFO app.a: number 6\n'
        '1970-01-01 00:00:07.000000+00:00 ERROR app.b: number 7\n'
        'Traceback:\n  ValueError: ü\n'
    )


def test_an_export_of_several_pages(filled, monkeypatch):
    """An export of several pages has each record once."""
    monkeypatch.setattr('chronologer.api.export.PAGE', 3)
    lines = filled.get(f'{EXPORT}?limit=8').body.splitlines()
    assert list(range(1, 9)) == [json.loads(line)['id'] for line in lines]


def test_an_export_after_an_id(filled, monkeypatch):
    """An export after an id has whole records in the order of ids, not of time, in each format."""
    monkeypatch.setattr('chronologer.api.export.PAGE', 2)
    filled.post(RECORD, {'name': 'late', 'levelno': 20, 'created': 2, 'msg': 'late'})
    lines = filled.get(f'{EXPORT}?after_id=3').body.splitlines()
    assert [filled.get(f'{RECORD}/{id}').json for id in range(4, 12)] == list(
        map(json.loads, lines)
    )
    lines = filled.get(f'{EXPORT}?after_id=3&limit=3&name=app.a').body.splitlines()
    assert [5, 7, 9] == [json.loads(line)['id'] for line in lines]
    _, *rows = csv.reader(filled.get(f'{EXPORT}?after_id=9&format=csv').text.splitlines())
    assert ['10', '11'] == [row[0] for row in rows]
    assert b'' == filled.get(f'{EXPORT}?after_id=11').body
    assert b'' == filled.get(f'{EXPORT}?after_id=0&limit=0').body


def test_a_failed_export_ends_with_the_error(filled, monkeypatch):
    """The last line of an export has the error, because the status was already sent."""
    monkeypatch.setattr('chronologer.api.export.PAGE', 3)
    monkeypatch.setattr('chronologer.web.stream.CHUNK', 100)
    page = SQLiteStorage.page

    def failing(self, filter, cursor, *args, **kwargs):
        if cursor and cursor[1] == 6:
            raise QueryTimeoutError(1)
        return page(self, filter, cursor, *args, **kwargs)

    monkeypatch.setattr(SQLiteStorage, 'page', failing)
    *records, last = map(json.loads, filled.get(EXPORT).body.splitlines())
    assert [1, 2, 3, 4, 5, 6] == ids(records)
    assert 'QueryTimeoutError' == last['error']['type']
    assert filled.get(f'{EXPORT}?format=csv').text.splitlines()[-1].startswith('ERROR: ')


def test_an_export_that_fails_before_its_first_record(filled, monkeypatch):
    """An error before the first record has an error status, as for any other resource."""

    def failing(*_, **__):
        raise QueryTimeoutError(1)

    monkeypatch.setattr(SQLiteStorage, 'page', failing)
    error = filled.get(EXPORT, status=503).json['error']
    assert 'QueryTimeoutError' == error['type']


@pytest.mark.parametrize(
    ('url', 'named'),
    [
        (f'{RECORD}?cursor=1', 'cursor'),
        (f'{RECORD}?cursor=2018-05-10T00:00:00Z', 'cursor'),
        (f'{RECORD}?cursor=2018-05-10T00:00:00Z,-1', 'cursor'),
        (f'{RECORD}?order=up', 'order'),
        (f'{RECORD}?limit=10001', 'limit'),
        (f'{RECORD}?limit=-1', 'limit'),
        (f'{RECORD}?fields=,', 'fields'),
        (f'{RECORD}?fields=level', 'fields'),
        (f'{RECORD}?fields=data.a,', 'fields'),
        (f'{RECORD}?fields=data.a data.b', 'fields'),
        (f'{RECORD}?fields=data.a=1', 'fields'),
        (f'{RECORD}?fields={"data.a," * 50}data.b', 'fields'),
        (f'{RECORD}?fields={"x" * 9000}', 'fields'),
        (f'{RECORD}?left=0', 'right'),
        (f'{RECORD}?left=0&right=1&cursor=1', 'cursor'),
        (f'{RECORD}?after_id=0&order=asc', 'order'),
        (f'{EXPORT}?after_id=0&order=asc', 'order'),
        (f'{EXPORT}?after_id=-1', 'after_id'),
        (f'{RECORD}/5/context?before=1001', 'before'),
        (f'{RECORD}/5/context?after=2018-05-10T00:00:00Z', 'after'),
        (f'{RECORD}/5/context?left=0', 'left'),
        (f'{EXPORT}?format=xml', 'format'),
        (f'{EXPORT}?limit=x', 'limit'),
        (f'{EXPORT}?cursor=1', 'cursor'),
        (f'{FIELD}?limit=5001', 'limit'),
        (f'{FIELD}?search=a', 'search'),
    ],
)
def test_bad_parameters(filled, url, named):
    """The message names the bad parameter."""
    error = filled.get(url, status=400).json['error']
    assert 'InputError' == error['type']
    assert named in error['message']


def test_long_messages_are_cut(filled):
    """`chars` shortens messages in every listing; `length` is the length of the whole message."""
    text = 'ü🙂' * 500
    id = filled.post_json(RECORD, {'name': 'a', 'levelno': 20, 'created': 99, 'msg': text}).json[
        'id'
    ]
    for query in ('limit=1', 'left=0&right=0', 'after_id=10', 'limit=1&fields=data.n'):
        (whole,) = filled.get(f'{RECORD}?{query}').json
        (cut,) = filled.get(f'{RECORD}?{query}&chars=3').json
        (exact,) = filled.get(f'{RECORD}?{query}&chars=1000').json
        (empty,) = filled.get(f'{RECORD}?{query}&chars=0').json
        assert whole == exact
        assert text == whole['message']
        assert whole | {'message': 'ü🙂ü', 'length': 1000} == cut
        assert ('', 1000) == (empty['message'], empty['length'])
    context = filled.get(f'{RECORD}/10/context?chars=3').json
    assert {'num'} == {record['message'] for record in context['before']}
    assert ['ü🙂ü'] == [record['message'] for record in context['after']]
    assert 'number 9' == context['record']['message']
    for bad in ('-1', '1000001', 'x'):
        error = filled.get(f'{RECORD}?chars={bad}', status=400).json['error']
        assert error['message'].startswith('chars: ')
    filled.get(f'{EXPORT}?chars=3', status=400)
    filled.get(f'{RECORD}/{id}?chars=3', status=400)


def test_last_id_of_a_listing(filled):
    """X-Last-Id lets a client continue where the search ended, not at the last found record."""
    response = filled.get(f'{RECORD}?after_id={2**53 - 1}&limit=0')
    assert ([], '10') == (response.json, response.headers['X-Last-Id'])
    for query in ('limit=0&search=number', 'search=number', "query=data.user='u1'", ''):
        assert [] == filled.get(f'{RECORD}?after_id={2**53 - 1}&{query}').json
    response = filled.get(f'{RECORD}?after_id=5&search=number&limit=3')
    assert ([6, 7, 8], '10') == (ids(response.json), response.headers['X-Last-Id'])
    response = filled.get(f'{RECORD}?after_id=5&level=ERROR')
    assert ([8], '10') == (ids(response.json), response.headers['X-Last-Id'])
    filled.post(RECORD, {'name': 'a', 'levelno': 20, 'created': 0, 'msg': 'late'})
    response = filled.get(f'{RECORD}?after_id=10')
    assert ([11], '11') == (ids(response.json), response.headers['X-Last-Id'])
    assert 'X-Last-Id' not in filled.get(RECORD).headers


def test_following_an_empty_storage(app):
    """X-Last-Id of an empty storage is 0."""
    assert '0' == app.get(f'{RECORD}?after_id=0').headers['X-Last-Id']
