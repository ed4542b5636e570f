"""The stand-in for a ClickHouse server behaves like ClickHouse for clickhouse-connect."""

import gzip
import time
from concurrent.futures import ThreadPoolExecutor

import clickhouse_connect
import lz4.frame
import pytest
from backports import zstd
from clickhouse_connect.driver.exceptions import (
    DatabaseError,
    OperationalError,
    StreamFailureError,
)

from test.servers.clickhouse import ClickHouse

HOSTILE = 'a\'b"c`d\\e\nf\tg\rh\0i;--/*{x}%s%%ü€😀\\N\\0'
LINES = b'one;\n\ntwo\xff\0;SELECT 1;\n'  # some of them look like the end of the data


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    """A server for the tests of this module."""
    server = ClickHouse(tmp_path_factory.mktemp('clickhouse'))
    yield server
    server.stop()


@pytest.fixture
def connect(server):
    """A function that returns clients of one empty database, like the threads of a server."""
    dsn, clients = server.empty_dsn(), []

    def connect(**options):
        clients.append(
            clickhouse_connect.get_client(dsn=dsn, autogenerate_session_id=False, **options)
        )
        return clients[-1]

    yield connect
    server.clear_faults()
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    """A client with a table ``t`` of a number and a string."""
    client = connect()
    client.command('CREATE TABLE t (a Int64, b String) ENGINE = MergeTree ORDER BY a')
    return client


def rows(client):
    return client.query('SELECT a, b FROM t ORDER BY a, b').result_rows


def test_database_of_the_dsn_is_used_and_empty(connect):
    """Each DSN names another database."""
    client = connect()
    assert [] == client.query('SHOW TABLES').result_rows
    assert client.database == client.command('SELECT currentDatabase()')


@pytest.mark.parametrize('value', [HOSTILE, '', 'x' * 5000, HOSTILE * 1000])
def test_string_parameter_is_unchanged(client, value):
    """Parameters in the URL and in a form, bound by the server or by the driver, are unchanged."""
    bound = client.query('SELECT {v:String}, {n:Array(String)}', {'v': value, 'n': [value, 'x']})
    assert (value, [value, 'x']) == bound.first_row
    assert (value, 1) == client.query('SELECT %(v)s, %(n)s', {'v': value, 'n': 1}).first_row


@pytest.mark.parametrize('value', [2**63 - 1, -(2**63), 0])
def test_integer_parameter_is_unchanged(client, value):
    """Integers up to the extremes of their types are unchanged."""
    assert (value,) == client.query('SELECT {v:Int64}', {'v': value}).first_row


def test_long_parameter_is_refused_as_by_clickhouse(client):
    """A field has 128 KiB at most, as in ClickHouse, though chDB accepts any length."""
    accepted = client.query('SELECT length({v:String})', {'v': 'x' * 2**17})
    assert (2**17,) == accepted.first_row
    with pytest.raises(DatabaseError, match='Field value too long'):
        client.query('SELECT length({v:String})', {'v': 'x' * (2**17 + 1)})


@pytest.mark.parametrize('compress', ['lz4', 'zstd', 'gzip', False])
def test_insert_of_rows(connect, client, compress):
    """Rows are inserted in the Native format, in several blocks, compressed or not."""
    expected = [(n, HOSTILE + 'x' * 500) for n in range(20_000)]
    summary = connect(compress=compress).insert('t', expected, ['a', 'b'])
    assert 20_000 == summary.written_rows
    assert expected == rows(client)


def lz4_frames(block):
    return b''.join(lz4.frame.compress(line) for line in block.splitlines(True))


COMPRESSIONS = {None: bytes, 'gzip': gzip.compress, 'zstd': zstd.compress, 'lz4': lz4_frames}


@pytest.mark.parametrize('compression', COMPRESSIONS)
def test_raw_insert_of_json(client, compression):
    """The query is in the URL if the data are compressed, else before the data."""
    block = b''.join(b'[%d, "\\u0000\\n\\n;"]\n' % n for n in range(500))
    data = COMPRESSIONS[compression](block)
    columns = ['a', 'b']
    summary = client.raw_insert('t', columns, data, None, 'JSONCompactEachRow', compression)
    assert 500 == summary.written_rows
    assert [(n, '\0\n\n;') for n in range(500)] == rows(client)


def test_raw_insert_of_lines(client):
    """Lines of any bytes are inserted."""
    assert 3 == client.raw_insert('t', ['b'], LINES, fmt='LineAsString').written_rows
    stored = client.query('SELECT b FROM t ORDER BY b', query_formats={'String': 'bytes'})
    assert sorted(LINES.splitlines()) == [line for (line,) in stored.result_rows]


def test_insert_select_from_input(client):
    """`input` reads the data of the command, and parameters are passed beside them."""
    summary = client.command(
        "INSERT INTO t SELECT length(line) + {n:Int64}, hex(line) FROM input('line String')"
        ' FORMAT LineAsString',
        {'n': 100},
        data=LINES,
    )
    assert 3 == summary.written_rows
    expected = sorted((100 + len(line), line.hex().upper()) for line in LINES.splitlines())
    assert expected == rows(client)


def test_insert_is_atomic(client):
    """An error in the last row removes the first."""
    block = b'[1, "x"]\n' * 100_000 + b'[oops\n'
    with pytest.raises(DatabaseError) as caught:
        client.raw_insert('t', ['a', 'b'], block, fmt='JSONCompactEachRow')
    assert 27 == caught.value.code
    assert [] == rows(client)


def test_stream_of_blocks(client):
    """The blocks of a result arrive one by one."""
    with client.query_row_block_stream('SELECT number FROM numbers(200000)') as blocks:
        assert list(range(200_000)) == [row[0] for block in blocks for row in block]


@pytest.mark.parametrize(
    ('query', 'code', 'name'),
    [
        ('SELECT * FROM nowhere', 60, 'UNKNOWN_TABLE'),
        ('SELEC', 62, 'SYNTAX_ERROR'),
        ('SELECT 1; SELECT 2', 62, 'SYNTAX_ERROR'),
        ("SELECT throwIf(number = 3, 'héy') FROM numbers(9)", 395, None),
        ('SELECT sleepEachRow(0.1) FROM numbers(30)', 159, 'TIMEOUT_EXCEEDED'),
    ],
)
def test_error_arrives_with_code_and_message(client, query, code, name):
    """An error of the server is an exception of the driver."""
    with pytest.raises(DatabaseError) as caught:
        client.query(query, settings={'max_execution_time': 1})
    assert code == caught.value.code
    assert caught.value.name == (name or 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO')
    assert f'Code: {code}. DB::Exception: ' in str(caught.value)


def test_wrong_password_is_refused(server):
    """A wrong password is rejected before the statement is executed."""
    dsn = server.empty_dsn().replace('p%40ss', 'pass')
    with pytest.raises(DatabaseError) as caught:
        clickhouse_connect.get_client(dsn=dsn)
    assert 516 == caught.value.code


def test_unknown_database_is_refused(server):
    """An unknown database is an error when a client is created."""
    with pytest.raises(DatabaseError) as caught:
        clickhouse_connect.get_client(dsn=f'{server.empty_dsn()}_not')
    assert 81 == caught.value.code


def test_settings_are_those_of_one_request(client):
    """Settings are for one request; those of replication are accepted, unknown ones are not."""
    query = 'SELECT toString(getSetting({name:String}))'
    for name, value in [('max_execution_time', '7'), ('insert_quorum', '2')]:
        unchanged = client.query(query, {'name': name}).first_row
        given = client.query(query, {'name': name}, settings={name: value}).first_row
        assert (value,) == given != unchanged
        assert unchanged == client.query(query, {'name': name}).first_row
    client.command(
        'INSERT INTO t VALUES', data="(1, 'x')", settings={'select_sequential_consistency': 1}
    )
    client.params['max_thread'] = '1'  # the driver would have rejected it
    with pytest.raises(DatabaseError) as caught:
        client.query('SELECT 1')
    assert 115 == caught.value.code


def test_threads_share_the_server(connect, client):
    """Eight threads read and write while a long query runs."""
    clients = [connect() for _ in range(8)]

    def work(number):
        for n in range(10):
            clients[number].insert('t', [[number * 10 + n, 'x']], ['a', 'b'])
            clients[number].query('SELECT count() FROM t')

    with ThreadPoolExecutor(9) as pool:
        long_query = pool.submit(client.query, 'SELECT sleep(2)')
        list(pool.map(work, range(8)))
        long_query.result()
    assert [(n, 'x') for n in range(80)] == rows(client)


def test_session_has_one_query_at_a_time(connect):
    """A second query in a session is an error, as in ClickHouse."""
    first, second = (connect(session_id='one') for _ in range(2))
    with ThreadPoolExecutor(1) as pool:
        long_query = pool.submit(first.query, 'SELECT sleep(3)')
        codes = []
        while not codes and not long_query.done():
            time.sleep(0.3)
            try:
                second.query('SELECT 1')
            except DatabaseError as ex:
                codes.append(ex.code)
        assert [373] == codes
        long_query.result()


def test_cut_comes_after_the_execution(server, client):
    """The answer is lost after the execution, and the driver reports an error."""
    server.fault('cut', 'INSERT INTO t')
    with pytest.raises(OperationalError):
        client.command("INSERT INTO t VALUES (1, 'x')")
    assert 0 == server.faults_left()
    assert [(1, 'x')] == rows(client)


def test_error_comes_instead_of_the_execution(server, client):
    """The error replaces the execution of so many matching requests."""
    server.fault('error', 'INSERT INTO', 2, code=252)
    for _ in range(2):
        with pytest.raises(DatabaseError) as caught:
            client.insert('t', [[1, 'x']], ['a', 'b'])
        assert 252 == caught.value.code
    assert [] == rows(client)
    client.insert('t', [[1, 'x']], ['a', 'b'])
    assert [(1, 'x')] == rows(client)


def test_late_error_comes_with_half_of_the_result(server, client):
    """The error follows status 200 and half of the result."""
    server.fault('late', 'FROM numbers', code=241)
    with (
        pytest.raises(StreamFailureError) as caught,
        client.query_row_block_stream('SELECT * FROM numbers(1000)') as blocks,
    ):
        list(blocks)
    assert 241 == caught.value.code


def test_delay_comes_before_the_execution(server, connect, client):
    """A delayed request sees rows that were written after it was sent."""
    server.fault('delay', 'SELECT count', seconds=3)
    with ThreadPoolExecutor(1) as pool:
        delayed = pool.submit(connect().command, 'SELECT count() FROM t')
        while server.faults_left():
            time.sleep(0.01)
        client.insert('t', [[1, 'x']], ['a', 'b'])
        assert 1 == delayed.result()


def test_data_outlive_the_process(server, client):
    """Data persist after the process is stopped or killed."""
    client.insert('t', [[1, 'x']], ['a', 'b'])
    server.kill()
    with pytest.raises(OperationalError):
        client.query('SELECT 1')
    server.start()
    assert [(1, 'x')] == rows(client)
    server.stop()
    server.start()
    assert [(1, 'x')] == rows(client)
