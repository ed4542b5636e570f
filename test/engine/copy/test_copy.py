"""Copies are complete, can be resumed, and reject targets with other records."""

import signal
import subprocess
import sys
import textwrap
from datetime import date, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import chronologer.copy
from chronologer.copy import Difference, copy, open_target
from chronologer.errors import ConfigurationError, SchemaError, StorageError
from chronologer.model import Filter, Record
from chronologer.search import parse_search
from chronologer.storage import create_storage
from test.engine.copy.conftest import numbers
from test.engine.copy.records import START, content, ids, make, silent

UTC_MAX = datetime.max.replace(tzinfo=timezone.utc)


@pytest.fixture
def target(new_dsn):
    """The DSN of a target that does not exist yet."""
    with open_target(new_dsn()) as storage:
        yield storage


@pytest.fixture(params=['mysql', 'mariadb', 'chdb', 'clickhouse'])
def other_dsn(request):
    """The DSN of an empty database on another engine."""
    if request.param == 'chdb':
        return f'chdb://{request.getfixturevalue("chdb_directory")}?database=copy_{next(numbers)}'
    return request.getfixturevalue(request.param).empty_dsn()


def test_a_copy_has_all_records(source, target):
    """The copy has the records with their ids, the counters and the search index."""
    source.insert([make(500)])
    source.purge(START + timedelta(days=3), Filter(level=20))
    report = copy(source, target, silent)
    left = source.count(Filter())
    assert (left, left, 21, 0, {}) == (
        report.copied, report.records, report.days, report.gone, report.differences
    )  # fmt: skip
    assert content(source) == content(target)
    days = timedelta(days=1)
    assert source.timeline(Filter(), days) == target.timeline(Filter(), days)
    for filter in (Filter(), Filter(names=('app.1',)), Filter(search=parse_search('"number 4"'))):
        assert source.count(filter) == target.count(filter) > 0
    ((id,),) = target.insert([make(1)])
    assert id > source.last_id()


def test_an_empty_source_can_be_copied(source, target):
    """The target exists afterwards."""
    report = copy(source, target, silent)
    assert (0, 0, {}) == (report.copied, report.records, report.differences)
    target.check()


def test_a_second_copy_adds_new_records(source, target):
    """A second copy reads and writes only the new records."""
    copy(source, target, silent)
    for count in (300, 0, 7):
        source.insert([make(count)])
        report = copy(source, target, silent)
        assert (count, {}) == (report.copied, report.differences)
        assert content(source) == content(target)


def test_copy_to_another_engine_and_back(source, other_dsn, new_dsn):
    """All three storages have the same records."""
    source.insert([make(1000), make(1000)])
    with create_storage(other_dsn) as other, create_storage(new_dsn()) as last:
        assert {} == copy(source, other, silent).differences
        assert {} == copy(other, last, silent).differences
        assert content(source) == content(other) == content(last)


TEXTS = st.text(
    st.characters(exclude_categories=['Cs'], exclude_characters='\0'), max_size=20
) | st.sampled_from(['', ' ', '\\x00', '\\ud800', 'NaN', "'", '"', '%s?', '\x7f\x1a\r\n', 'null'])
NUMBERS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 0.0, -0.0, 1.0, 387, 387.0, 1e15, 1e22, 2**53, 5e-324, 2**63 - 1])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.builds(
    Record,
    st.datetimes(timezones=st.just(timezone.utc)),
    TEXTS,
    st.integers(-(2**31), 2**31 - 1),
    TEXTS,
    st.dictionaries(st.sampled_from(['data', 'meta', 'error']) | TEXTS, VALUES, max_size=3),
)


@pytest.fixture
def chain(source, other_dsn, new_dsn):
    """A function that returns three empty storages, the second on another engine."""
    with create_storage(other_dsn) as other, create_storage(new_dsn()) as last:
        other.migrate()
        last.migrate()

        def empty():
            for storage in (source, other, last):
                storage.purge(UTC_MAX, Filter())
            return source, other, last

        yield empty


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(records=st.lists(RECORDS, max_size=12))
@example(records=[Record(START, '', 0, '', {'data': {'': value}}) for value in (387, 387.0, None)])
def test_any_record_is_copied_unchanged(chain, records):
    """Types of numbers and the sign of zero are the same after a copy there and back."""
    source, other, last = chain()
    source.insert([[record] for record in records])
    assert {} == copy(source, other, silent).differences
    assert {} == copy(other, last, silent).differences
    assert content(source) == content(other) == content(last)


def test_batches_are_bounded(source, target, monkeypatch):
    """A batch is limited in records and bytes; a larger record is a batch of its own."""
    batches = []
    restore = target.restore
    monkeypatch.setattr(target, 'restore', lambda some: (batches.append(len(some)), restore(some)))
    monkeypatch.setattr(chronologer.copy, 'BATCH_RECORDS', 10)
    monkeypatch.setattr(chronologer.copy, 'BATCH_SIZE', 2000)
    monkeypatch.setattr(chronologer.copy, 'PAGE', 7)
    large = [Record(START, 'app', 20, 'x' * size, {}) for size in (5000, 5000, 1000, 1000, 1)]
    source.insert([make(25), large])
    assert {} == copy(source, target, silent).differences
    assert [10, 10, 6, 1, 2, 1] == batches
    assert content(source) == content(target)


KILLED = """
    import os, signal, sys
    import chronologer.copy
    from chronologer.cli import main
    from chronologer.storage.block import insertion

    left = {batches}
    insert_batch = insertion.insert_batch

    def killed(db, json, ids):
        global left
        left -= 1
        id = insert_batch(db, json, ids)
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return id

    insertion.insert_batch = killed
    chronologer.copy.BATCH_RECORDS = 100
    sys.exit(main(sys.argv[1:]))
"""


def test_a_killed_copy_is_resumed(source, source_dsn, new_dsn):
    """Nothing is missing or duplicated, whenever the copy was killed."""
    source.insert([make(1234)])
    dsn = new_dsn()
    for batches in (0, 3, 1):
        code = textwrap.dedent(KILLED.format(batches=batches))
        process = subprocess.run([sys.executable, '-c', code, 'copy', source_dsn, dsn])
        assert -signal.SIGKILL == process.returncode
    with open_target(dsn) as target:
        assert 400 == target.count(Filter()) == len(content(target))
        report = copy(source, target, silent)
        assert (834, 1234, {}) == (report.copied, report.records, report.differences)
        assert content(source) == content(target)


class Changing:
    """A source that calls a function after so many pages."""

    def __init__(self, source, pages, change):
        self._source, self._pages, self._change = source, pages, change

    def since(self, *args, **kwargs):
        yield from self._source.since(*args, **kwargs)
        self._pages -= 1
        if not self._pages:
            self._change()

    def __getattr__(self, name):
        return getattr(self._source, name)


@pytest.mark.parametrize('pages', [1, 2, 3, 5])
def test_a_purge_during_a_copy(source, target, monkeypatch, pages):
    """Purged records are copied or not, also if whole pages are purged."""
    monkeypatch.setattr(chronologer.copy, 'PAGE', 100)
    monkeypatch.setattr(chronologer.copy, 'BATCH_RECORDS', 30)
    source.insert([make(500)])
    before = START + timedelta(hours=250)
    changing = Changing(source, pages, lambda: source.purge(before, Filter()))
    report = copy(changing, target, silent)
    assert {} == report.differences
    assert set(ids(source)) <= set(ids(target))
    report = copy(source, target, silent)  # compares records of the purged day
    assert {} == report.differences
    assert len(ids(target)) - 250 == report.gone


def test_new_records_are_left_to_the_next_copy(source, target, monkeypatch):
    """The last id to copy is fixed at the start."""
    monkeypatch.setattr(chronologer.copy, 'PAGE', 100)
    source.insert([make(300)])
    report = copy(Changing(source, 2, lambda: source.insert([make(9)])), target, silent)
    assert (300, 300, {}) == (report.copied, report.records, report.differences)
    report = copy(source, target, silent)
    assert (9, 309, {}) == (report.copied, report.records, report.differences)


def test_a_target_may_get_records_during_the_comparison(source, target):
    """Records above the last copied one are not compared."""

    def used(title, total, done):
        if title == 'verifying':
            target.insert([make(7)])
        return silent(title, total, done)

    source.insert([make(20)])
    report = copy(source, target, used)
    assert (20, {}) == (report.records, report.differences)
    assert 27 == target.count(Filter())


def test_targets_with_other_records_are_refused(source, new_dsn):
    """The last records differ; the target stays unchanged."""
    source.insert([make(5)])
    for records in (make(6), make(5, first=1), make(1), [make(5)[4]._replace(level=1)] * 5):
        with open_target(new_dsn()) as target:
            target.migrate()
            if len(records) == 1:  # only a type differs
                records = [*make(4), make(5)[4]._replace(logrec={'data': {'n': 4.0}})]
            target.insert([records])
            before = content(target)
            with pytest.raises(StorageError, match=f'the target has record {len(records)}, which'):
                copy(source, target, silent)
            assert before == content(target)


def test_a_source_without_a_schema_is_refused(new_dsn, tmp_path):
    """Nothing is created without a schema in the source, or with an invalid DSN."""
    with (
        open_target(new_dsn()) as source,
        open_target(new_dsn()) as target,
        pytest.raises(SchemaError, match=r'the source: .* has not been created'),
    ):
        copy(source, target, silent)
    with pytest.raises(ConfigurationError):
        open_target('http://localhost/')
    assert [] == list(tmp_path.iterdir())


def test_the_source_is_not_written(source_dsn, target):
    """The file of the source stays the same, byte for byte."""
    with open_target(source_dsn) as source:
        source.insert([make(100)])
    path = source_dsn.removeprefix('sqlite:///')
    with open(path, 'rb') as file:
        before = file.read()
    with open_target(source_dsn) as source:
        copy(source, target, silent)
    with open(path, 'rb') as file:
        assert before == file.read()


def restore_changed(source, target, change):
    """Restore the records of *source* as *change* returns them, or not if it returns None."""
    records = map(change, source.since(0, Filter(), 1000, whole=True))
    target.migrate()
    target.restore([record for record in records if record is not None])


def test_the_comparison_finds_differences(source, target):
    """The comparison reports days with missing or changed records."""
    source.insert([make(100)])

    def change(record):
        if record.id == 2:
            text = orjson.dumps(record.logrec).replace(b'1.0', b'1')
            assert text != orjson.dumps(record.logrec)
            return record._replace(logrec=orjson.loads(text))
        if record.id == 3:
            return record._replace(ts=record.ts + timedelta(microseconds=1))
        if record.id == 80:
            return record._replace(message=record.message + ' ')
        return None if record.id in (50, 81) else record

    restore_changed(source, target, change)
    source.insert([make(1, first=100)])
    report = copy(source, target, silent)
    assert {
        date(2024, 6, 1): Difference(source=24, target=24, changed=2),
        date(2024, 6, 3): Difference(source=24, target=23, missing=1),
        date(2024, 6, 4): Difference(source=24, target=23, missing=1, changed=1),
    } == report.differences


def test_a_comparison_distinguishes_purged_and_missing_records(source, target):
    """Records that the source purged and records that the target lacks may be of the same day."""
    source.insert([make(24)])
    restore_changed(source, target, lambda one: None if one.id in (4, 10, 11) else one)
    source.purge(START + timedelta(hours=4), Filter())
    report = copy(source, target, silent)
    assert 3 == report.gone
    assert {START.date(): Difference(source=20, target=21, missing=2, gone=3)} == report.differences


def test_other_writers_to_the_target_make_the_copy_fail(source, target, monkeypatch):
    """A record that another program writes to the target stops the copy, and stays there."""
    monkeypatch.setattr(chronologer.copy, 'PAGE', 100)
    monkeypatch.setattr(chronologer.copy, 'BATCH_RECORDS', 100)
    source.insert([make(300)])
    changing = Changing(source, 1, lambda: target.insert([make(1)]))
    with pytest.raises(StorageError, match='record 101 cannot be restored'):
        copy(changing, target, silent)
    assert 101 == target.count(Filter())


def test_memory_does_not_depend_on_the_number_of_records(source, source_dsn, new_dsn):
    """Batches are freed when they are stored."""
    code = f"""
        import re, sys
        from chronologer.cli import main
        main(['copy', '{source_dsn}', sys.argv[1]])
        print(re.search('VmHWM:(.*) kB', open('/proc/self/status').read())[1])
    """
    large = [record._replace(message='x' * 2000) for record in make(5000)]

    def peak() -> int:
        done = subprocess.run(
            [sys.executable, '-c', textwrap.dedent(code), new_dsn()],
            stdout=subprocess.PIPE,
            check=True,
        )
        return int(done.stdout.split()[-1])  # KiB; getrusage would report those of this process

    source.insert([large] * 9)
    first = peak()
    source.insert([large] * 9)
    assert peak() < first + 20_000  # the records have 90 MB more; the cache is full before
