"""A JSON array of records in one POST request."""

import gzip
import json

import pytest

from chronologer.ingest.json_array import MAX_ITEMS
from chronologer.ingest.json_text import MAX_VALUES
from test.unit.api.posts import (
    COMPRESS,
    JSON,
    MIB,
    check_error,
    dump,
    get,
    in_seconds,
    send,
    send_chunked,
    stored,
)


def array(*items):
    """Return the items as a JSON array."""
    return b'[%b]' % b', '.join(items)


@pytest.mark.parametrize('count', [1, 3, 11, 1000, 2500])
def test_ids_are_in_the_order_of_items(app, count):
    """The answer is 201 and the list of ids, also if the array needs several transactions."""
    response = send(app, array(*(dump(foo=n) for n in range(count))))
    assert (201, JSON) == (response.status_int, response.content_type)
    assert list(range(1, count + 1)) == response.json
    for id in {1, count // 2 + 1, count}:
        assert id - 1 == get(app, id)['logrec']['data']['foo']
    assert count == stored(app)


@pytest.mark.parametrize('query', ['', '?raw=1'])
@pytest.mark.parametrize('body', [b'[]', b' [ ]\r\n', b'\n[\t]'])
def test_an_empty_array_has_no_records(app, body, query):
    """The answer is an empty list of ids."""
    response = send(app, body, query=query)
    assert (201, [], 0) == (response.status_int, response.json, stored(app))


@pytest.mark.parametrize('size', [0, 5000])
@pytest.mark.parametrize(
    'item',
    [
        dump(), dump(foo={'a': [1, None]}), dump(foo='a\0\ud800\udcff'), dump(foo=float('nan')),
        dump(foo=2**64), dump(**{'k' * 5000: 1}), dump(name='a\ud800'), dump(foo=[[[]]] * 9),
        dump(foo='?').replace(b'?', b'\xff'), dump(exc_info='None'), dump(levelno='20'),
    ],
)  # fmt: skip
def test_an_item_is_stored_as_a_record_by_itself(app, item, size):
    """An item is stored as if it were sent alone, whatever the other items are."""
    alone = send(app, item)
    other = dump(foo=float('inf'), bar='x' * size)
    response = send(app, array(item, other, item))
    assert (201, 201) == (alone.status_int, response.status_int), response.text[:300]
    for id in (2, 4):
        assert {**alone.json, 'id': id} == get(app, id)


def test_raw_items(app):
    """With `raw`, the items may be any objects and are stored as if they were sent alone."""
    items = [b'{}', b'{"level":"error","created":1525970213}', b'{"msg":"\\u0000","a":[NaN]}']
    alone = [send(app, item, query='?raw=1').json for item in items]
    response = send(app, array(*items), query='?raw=1')
    assert [4, 5, 6] == response.json
    for id, record in zip(response.json, alone, strict=True):
        record = {**record, 'id': id} | ({} if id == 5 else {'ts': get(app, id)['ts']})
        assert record == get(app, id)


def test_a_bad_item_does_not_affect_the_others(app):
    """The answer is 207 with the outcome of each item by its index."""
    response = send(app, array(dump(), b'1', dump(name=5), b'{}', b'[{}]', b'null', dump()))
    assert 207 == response.status_int
    assert ['records'] == list(response.json)
    records = response.json['records']
    assert list(range(7)) == [record['index'] for record in records]
    assert {0: 1, 6: 2} == {each['index']: each['id'] for each in records if 'id' in each}
    errors = [each.get('error', {}).get('message', '') for each in records]
    assert 'expected a JSON object, got 1' == errors[1]
    assert 'name' in errors[2]
    assert 'levelno' in errors[3]
    assert 'got None' in errors[5]
    assert 2 == stored(app)


@pytest.mark.parametrize('query', ['', '?raw=1'])
def test_an_array_of_bad_items_is_an_error(app, query):
    """The answer is 400 with the error of each item."""
    response = send(app, b'[1, "a", [], null, true]', query=query)
    check_error(response, 400, 'InputError', 'none of 5 records')
    assert ['error', 'records'] == list(response.json)
    assert [0, 1, 2, 3, 4] == [record['index'] for record in response.json['records']]
    assert 0 == stored(app)


@pytest.mark.parametrize(
    'body',
    [
        array(dump())[:-1],
        array(dump(), b''),
        array(dump()) + b']',
        b'[%b %b]' % (dump(), dump()),
    ],
)
def test_nothing_of_a_malformed_array_is_stored(app, body):
    """The error message has the position of the fault."""
    check_error(send(app, body), 400, 'InputError', 'character')
    assert 0 == stored(app)


def test_limits_of_an_array(app):
    """The numbers of items, values and bytes are limited; nothing of a larger array is stored."""
    most = array(*[b'{}'] * MAX_ITEMS)
    assert MAX_ITEMS == len(send(app, most, query='?raw=1').json)
    response = send(app, array(*[b'{}'] * (MAX_ITEMS + 1)), query='?raw=1')
    check_error(response, 413, 'LimitError', '10,001 items')
    with in_seconds(5):
        response = send(app, array(*[b'{"a":[%b]}' % b','.join([b'1'] * 40)] * (MAX_VALUES // 40)))
    check_error(response, 413, 'LimitError', '200,000 values')
    check_error(send(app, array(dump(), b'"%b"' % (b'x' * MIB))), 413, 'LimitError')
    packed = gzip.compress(array(dump(), b'"%b"' % (b'x' * MIB)))
    check_error(send(app, packed, Content_Encoding='gzip'), 413, 'LimitError', 'has more than')
    assert MAX_ITEMS == stored(app)


@COMPRESS
def test_compressed_and_chunked_arrays(app, encoding, compress):
    """An array may be compressed and sent in chunks."""
    body = array(dump(), dump())
    assert [1, 2] == send(app, compress(body), Content_Encoding=encoding).json
    assert [3, 4] == send_chunked(app, body, JSON).json


def test_deep_items(app):
    """A deeply nested item is stored in its stored form, or it alone is rejected."""
    deep = dump(foo='?').replace(b'"?"', b'[' * 900 + b']' * 900)
    response = send(app, array(dump(), deep, dump()))
    assert response.status_int in (201, 207)
    text = response.text
    assert json.loads(text)
    check_error(send(app, b'[' * 100_000 + b']' * 100_000), 400, 'InputError', 'nested')
