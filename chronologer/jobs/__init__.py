"""
Jobs that run without a request, such as deleting old records.

One process at a time runs a `Job`, however many workers and servers there are. The `Scheduler` of
each worker runs it while it holds the job's lease in the metastore.
"""

from collections.abc import Callable
from typing import Protocol


class Job(Protocol):
    """A task that is repeated."""

    name: str  # of its lease
    interval: float  # seconds from the end of one run to the next

    def run(self, proceed: Callable[[], None]) -> None:
        """
        Do the work that is due.

        Call *proceed* every few seconds, between steps that are complete in themselves. It renews
        the lease, or raises an error that ends the run: the worker stops, or another process has
        the lease.
        """
