"""The scheduler: when jobs run, and in which process."""

import logging
import time
from collections.abc import Sequence
from threading import Event, Thread

from chronologer.errors import ChronologerError, LeaseError
from chronologer.jobs import Job
from chronologer.jobs.lease import Lease, seconds_until
from chronologer.metastore import Metastore

LEASE_SECONDS = 300  # until another process may run the job of a dead one
RENEWAL_SECONDS = 10  # between renewals
RETRY_SECONDS = 60  # after a failure
SHORTEST_PAUSE = 1  # seconds between attempts to acquire a lease
STOP_TIMEOUT = 10  # seconds for the current step of a run

log = logging.getLogger(__name__)


class Stopped(Exception):
    """The worker stops, so the run must end."""


class Scheduler:
    """
    Runs jobs from its creation until it is closed, each in its own thread.

    After a run the process keeps the lease until the next run is due, so a job runs once per
    interval, in any process. If that process is killed, another one runs the job next.
    """

    def __init__(self, metastore: Metastore, jobs: Sequence[Job]):
        self._stop = Event()
        self._runners = [Runner(job, Lease(metastore, job.name), self._stop) for job in jobs]
        for runner in self._runners:
            runner.start()

    def close(self) -> None:
        """End all runs after their current step, and release the leases."""
        self._stop.set()
        deadline = time.monotonic() + STOP_TIMEOUT
        for runner in self._runners:
            runner.join(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> 'Scheduler':
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Runner(Thread):
    """The thread of a job."""

    def __init__(self, job: Job, lease: Lease, stop: Event):
        super().__init__(name=f'job {job.name}', daemon=True)
        self._job, self._lease, self._stop_requested = job, lease, stop
        self._renewed = 0.0  # time.monotonic() of the last renewal

    def run(self) -> None:
        """Run the job whenever it is due."""
        while not self._stop_requested.is_set():
            self._stop_requested.wait(self._attempt())
        try:
            self._lease.release()
        except ChronologerError as ex:
            log.warning('Job %s: its lease was not released: %s', self._job.name, ex.message)

    def _attempt(self) -> float:
        """Run the job if this process gets the lease; return the seconds until the next attempt."""
        try:
            self._lease.acquire(LEASE_SECONDS)
            self._renewed = time.monotonic()
            self._job.run(self._proceed)
            self._lease.renew(self._job.interval)
        except Stopped:
            return 0
        except LeaseError as ex:
            return max(SHORTEST_PAUSE, seconds_until(ex.expiry) if ex.expiry else 0)
        except ChronologerError as ex:
            log.error('Job %s failed: %s', self._job.name, ex.message)
            return RETRY_SECONDS
        except Exception:
            log.exception('Job %s failed', self._job.name)
            return RETRY_SECONDS
        return self._job.interval

    def _proceed(self) -> None:
        """Renew the lease if necessary, or raise an error that ends the run; see `Job.run`."""
        if self._stop_requested.is_set():
            raise Stopped
        if time.monotonic() - self._renewed >= RENEWAL_SECONDS:
            self._lease.renew(LEASE_SECONDS)
            self._renewed = time.monotonic()
