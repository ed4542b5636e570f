"""Shows the progress of a copy: a bar in a terminal, else a line every few seconds."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

INTERVAL = 10  # seconds between lines
BAR = '{desc}: {percentage:3.0f}%|{bar}| {n:,}/{total:,} [{rate_noinv_fmt}, {remaining} left]'


@contextmanager
def show_progress(title: str, total: int, done: int) -> Iterator[Callable[[int], None]]:
    """Show on standard error that *done* of *total* records are done, and those added later."""
    if sys.stderr.isatty():
        has_size = all(os.get_terminal_size(sys.stderr.fileno()))  # some containers have none
        width: dict[str, int] = {'dynamic_ncols': True} if has_size else {'ncols': 80, 'nrows': 24}
        with tqdm(
            desc=title, total=total, initial=done, bar_format=BAR, unit=' records', **width
        ) as bar:

            def add(count: int) -> None:
                bar.total = max(bar.total, bar.n + count)
                bar.update(count)

            yield add
    else:
        lines = Lines(title, total, done, sys.stderr)
        yield lines.add
        lines.print()


class Lines:
    """Lines of plain text, every few seconds; there may be more records than were counted."""

    def __init__(
        self,
        title: str,
        total: int,
        done: int,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._title, self._total, self._stream = title, total, stream
        self._done = self._first = done
        self._clock = clock
        self._start = self._printed = clock()

    def add(self, count: int) -> None:
        """Add records."""
        self._done += count
        self._total = max(self._total, self._done)
        if self._clock() - self._printed >= INTERVAL:
            self.print()

    def print(self) -> None:
        """Print the progress."""
        self._printed = self._clock()
        rate = (self._done - self._first) / max(self._printed - self._start, 1e-3)
        percent = 100 * self._done // self._total if self._total else 100
        line = f'{self._title}: {self._done:,} of {self._total:,} records, {percent}%'
        if rate:
            left = tqdm.format_interval((self._total - self._done) / rate)
            line += f', {rate:,.0f}/s, {left} left'
        print(line, file=self._stream, flush=True)
