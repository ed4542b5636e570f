"""A job runs in one process at a time and once per interval, and stops when it is closed."""

import threading
import time
from contextlib import contextmanager

import pytest

from chronologer.errors import LeaseError, StorageError
from chronologer.jobs import schedule
from chronologer.jobs.lease import Lease
from chronologer.jobs.schedule import Scheduler
from chronologer.metastore import open_metastore

TIMEOUT = 30  # seconds


class Job:
    """A job that counts its runs and does *step* in each."""

    name = 'test'

    def __init__(self, interval=0.0, step=lambda: None):
        self.interval, self._step = interval, step
        self.runs, self.ended = 0, 0
        self._changed = threading.Condition()

    def run(self, proceed):
        """Count the run and do the step."""
        self._count('runs')
        try:
            self._step()
            proceed()
        finally:
            self._count('ended')

    def _count(self, name):
        with self._changed:
            setattr(self, name, getattr(self, name) + 1)
            self._changed.notify_all()

    def wait(self, runs=0, ended=0):
        """Wait until so many runs have begun and ended."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.runs >= runs and self.ended >= ended, TIMEOUT
            )


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    """Renew the lease at each step, and retry soon."""
    monkeypatch.setattr(schedule, 'RENEWAL_SECONDS', 0)
    monkeypatch.setattr(schedule, 'RETRY_SECONDS', 0.01)
    monkeypatch.setattr(schedule, 'SHORTEST_PAUSE', 0.01)


@pytest.fixture
def metastore(tmp_path):
    """An empty metastore."""
    with open_metastore(f'sqlite:///{tmp_path}/metastore.sqlite') as metastore:
        metastore.migrate()
        yield metastore


@contextmanager
def held(event):
    """Set the event at the end, so that a failed assertion leaves no thread waiting."""
    try:
        yield event
    finally:
        event.set()


def test_a_job_is_repeated(metastore):
    """A job runs again after its interval."""
    job = Job()
    with Scheduler(metastore, [job]):
        job.wait(ended=3)


def test_one_process_at_a_time_runs_it(metastore):
    """The second process gets the lease when the first one stops."""
    with held(threading.Event()) as go:
        first, second = Job(3600, lambda: go.wait(TIMEOUT)), Job(3600)
        with Scheduler(metastore, [first]):
            first.wait(runs=1)
            with Scheduler(metastore, [second]) as other:
                assert 0 == second.runs
                with pytest.raises(LeaseError):
                    Lease(metastore, 'test').acquire(1)
                go.set()
                first.wait(ended=1)
                assert 0 == second.runs  # it is not due
                other.close()
        with Scheduler(metastore, [second]):
            second.wait(ended=1)


def test_another_process_runs_the_job_of_a_dead_one(metastore):
    """Another process runs the job after the lease of the dead process expired."""
    Lease(metastore, 'test').acquire(0.5)
    job = Job()
    with Scheduler(metastore, [job]):
        job.wait(ended=1)


def test_a_run_ends_when_its_lease_is_lost(metastore, monkeypatch):
    """A run that paused for longer than its lease lasts, and lost it, ends with an error."""
    monkeypatch.setattr(schedule, 'LEASE_SECONDS', 0)
    other = Lease(metastore, 'test')
    outcomes = []

    class Away(Job):
        def run(self, proceed):
            """Lose the lease."""
            other.acquire(3600)
            try:
                proceed()
            except LeaseError as ex:
                outcomes.append(ex)
                raise
            finally:
                self._count('ended')

    job = Away()
    with Scheduler(metastore, [job]):
        job.wait(ended=1)
    assert [other._owner] == [error.owner for error in outcomes]


@pytest.mark.parametrize('error', [StorageError('the disk is broken'), ValueError('a mistake')])
def test_a_failed_run_is_logged_and_repeated(metastore, caplog, error):
    """Any error is logged, and the job runs again."""

    def fail():
        if job.runs == 1:
            raise error

    job = Job(step=fail)
    with Scheduler(metastore, [job]):
        job.wait(ended=2)
    assert 'Job test failed' in caplog.text
    assert str(error) in caplog.text


def test_a_metastore_that_fails_is_tried_again(tmp_path, caplog):
    """The scheduler retries until the metastore is available."""
    dsn = f'sqlite:///{tmp_path}/metastore.sqlite'
    job = Job()
    with open_metastore(dsn) as metastore, Scheduler(metastore, [job]):
        deadline = time.monotonic() + TIMEOUT
        while 'Job test failed' not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 0 == job.runs
        with open_metastore(dsn) as other:
            other.migrate()
        job.wait(ended=1)


def test_closing_ends_a_run_and_releases_the_lease(metastore):
    """The run ends before its next step."""
    with held(threading.Event()) as go:
        job = Job(step=lambda: go.wait(TIMEOUT))
        scheduler = Scheduler(metastore, [job])
        job.wait(runs=1)
        closing = threading.Thread(target=scheduler.close)
        closing.start()
        go.set()
        closing.join(TIMEOUT)
    job.wait(ended=1)
    Lease(metastore, 'test').acquire(1)
