"""Each benchmark runs, on a few records and without the original, which is not measured here."""

import subprocess
import sys
from datetime import timedelta

import orjson
import pytest

from bench import client, compare, engines, front, ingest, metastore, query, quiet
from bench.corpus import as_logrecord, make_records
from chronologer.metastore.dsn import default_dsn
from test.servers.chronologer import Server, free_port


def test_ingest(tmp_path, monkeypatch):
    """All figures of one server are there; none of its requests was refused."""
    monkeypatch.setattr(ingest, 'RECORDS', 300)
    monkeypatch.setattr(ingest, 'SECONDS', 0.1)
    records = make_records(ingest.RECORDS, duration=timedelta(hours=1))
    texts = [orjson.dumps(as_logrecord(record)) for record in records]
    with Server(tmp_path, dsn=f'sqlite:///{tmp_path}/a.sqlite') as server:
        pids = [server.process.pid, *server.workers()]
        figures = dict(ingest.measure(server.host, texts, pids, True))
    assert figures.pop('JSON, 256 connections: refused or closed') == 0
    assert figures['NDJSON, 1,000 records, 1 connections: records/s'] > 0
    assert len(figures) > 20
    counted = 'sum(n) FROM (SELECT n FROM block UNION ALL SELECT n FROM batch)'
    assert ingest.disk(tmp_path, 'a', counted) > 0
    assert ingest.plain_loop(tmp_path / 'plain', texts, is_ready=False) > 0


def test_query(tmp_path, monkeypatch):
    """Each query is answered."""
    monkeypatch.setattr(query, 'ROUNDS', 1)
    figures = query.measure(tmp_path, f'sqlite:///{tmp_path}/a.sqlite', 3000)
    assert query.QUERIES.keys() == figures.keys()


def test_engines(monkeypatch):
    """All figures of an engine are there."""
    monkeypatch.setattr(engines, 'SETTLE', 0)
    monkeypatch.setattr(engines, 'BODY', 500)
    monkeypatch.setattr(query, 'ROUNDS', 1)
    figures = engines.measure('sqlite', 1000)
    assert {f'{title}, ms' for title in engines.QUERIES} < figures.keys()
    assert figures['bytes on disk per record'] > 0


def test_metastore():
    """Both programs commit."""
    writer, other = metastore.run(1, default_dsn, 0.2)
    assert writer.times
    assert other.times


def test_front(monkeypatch):
    """A front answers beside half-sent requests."""
    monkeypatch.setattr(front, 'SECONDS', 0.1)
    monkeypatch.setattr(front, 'HELD_SECONDS', 0.3)
    monkeypatch.setattr(front, 'HALF_SENT', 5)
    (name,) = [name for name in front.FRONTS if name.endswith('ASGI, uvloop, mt')]
    port = free_port()
    process = subprocess.Popen([sys.executable, '-m', 'bench.front', name, str(port)])
    try:
        front.await_start(port)
        assert ' answered, ' in front.measure(port)
    finally:
        process.terminate()
        process.wait()


def test_client(monkeypatch):
    """A program logs by our handler, with a server and without one."""
    monkeypatch.setattr(client, 'WAITING', 200)
    assert client.rate('batch', 100, 'ours')['lost, %'] == 0
    assert client.refused('batch')['records kept'] == 201


def test_what_was_disturbed_is_repeated(monkeypatch, capsys):
    """What is measured while others use the machine is measured again, three times at most."""
    clock = iter(range(0, 900, 100))
    monkeypatch.setattr(quiet, 'read_usage', lambda: quiet.Usage(next(clock), 0, 0, 0))
    runs = []
    quiet.undisturbed(lambda: runs.append(1))
    assert len(runs) == 3
    assert capsys.readouterr().out.count('other programs 100.0%, stolen 0.0%: repeated\n') == 2
    before, after = quiet.Usage(1000, 500, 0, 300), quiet.Usage(1200, 550, 10, 400)
    assert quiet.shares(before, after) == (0.2, 0.05)


def test_usage():
    """The time of this process is part of ours."""
    before = quiet.read_usage()
    subprocess.run([sys.executable, '-c', 'sum(range(10**7))'], check=True)
    after = quiet.read_usage()
    assert after.ours > before.ours
    assert after.total > before.total


def test_tables_are_compared():
    """Cells have two blanks between them; columns of ratios are left out."""
    text = (
        'load 0.1, other programs 0.1%, stolen 0.0%\n'
        'sqlite, median ms               10,000   1,000,000   ratio\n'
        'newest 100                        2.03        4.06     2.0\n'
        '\n'
        'sqlite                    ours    original\n'
        'NDJSON: records/s   1,234.5\n'
    )
    figures = compare.read_tables(text)
    assert figures == {
        ('newest 100', '10,000'): 2.03,
        ('newest 100', '1,000,000'): 4.06,
        ('NDJSON: records/s', 'ours'): 1234.5,
    }
    doubled = {key: 2 * value for key, value in figures.items()}
    assert compare.medians([figures, doubled, doubled]) == doubled
    assert compare.format_line('a', 2.0, 3.0).split() == ['a', '2.00', '3.00', '1.50']


def test_another_version_is_run(tmp_path, monkeypatch):
    """A revision is put into a directory, and its benchmark is run there."""
    root, earlier = tmp_path / 'root', tmp_path / 'earlier'
    package = root / 'bench'
    package.mkdir(parents=True)
    earlier.mkdir()
    (package / '__init__.py').write_text('')
    (package / 'tiny.py').write_text('import bench\nprint(bench.__file__, "  1")\n')
    for command in (
        ['init', '--quiet'],
        ['add', '.'],
        ['-c', 'user.name=a', '-c', 'user.email=b', 'commit', '--quiet', '-m', 'c'],
    ):
        subprocess.run(['git', '-C', root, *command], check=True)
    (package / 'tiny.py').write_text('raise SystemExit(1)')
    monkeypatch.setattr(compare, 'ROOT', root)
    compare.check_out('HEAD', earlier)
    assert compare.run(earlier, 'tiny', []) == f'{earlier}/bench/__init__.py   1\n'
    with pytest.raises(SystemExit, match='tiny'):
        compare.run(root, 'tiny', [])
    with pytest.raises(SystemExit, match='no revision nothing'):
        compare.check_out('nothing', earlier)
