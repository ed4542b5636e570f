"""Repeats what was measured while the machine was busy with something else, or taken away."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

MOST = 0.05  # of all cores: what other programs and other machines may have used
RUNS = 3  # at most

T = TypeVar('T')


class Usage(NamedTuple):
    """CPU seconds of the machine since it was started, times the clock of /proc."""

    total: int
    idle: int
    stolen: int  # by other virtual machines
    ours: int  # of the processes of this session


def undisturbed(measure: Callable[[], T]) -> T:
    """Return what *measure* returns; repeat it if others have used more than `MOST`."""
    for run in range(1, RUNS + 1):
        before = read_usage()
        result = measure()
        others, stolen = shares(before, read_usage())
        load = os.getloadavg()[0]
        is_last = others + stolen <= MOST or run == RUNS
        print(
            f'load {load:.1f}, other programs {others:.1%}, stolen {stolen:.1%}'
            + ('' if is_last else ': repeated'),
            flush=True,
        )
        if is_last:
            break
    return result


def shares(before: Usage, after: Usage) -> tuple[float, float]:
    """Return which part of the CPU time other programs have used, and other virtual machines."""
    total, idle, stolen, ours = (b - a for a, b in zip(before, after, strict=True))
    others = total - idle - stolen - ours
    return max(0, others) / max(1, total), stolen / max(1, total)


def read_usage() -> Usage:
    """Read what the machine has done until now, see proc(5)."""
    line = Path('/proc/stat').read_text().partition('\n')[0]
    user, nice, system, idle, wait, interrupt, soft, stolen, *_ = map(int, line.split()[1:])
    total = user + nice + system + idle + wait + interrupt + soft + stolen
    return Usage(total, idle + wait, stolen, sum(map(_used, os.listdir('/proc'))))


def _used(pid: str) -> int:
    """Return the time of a process of our session and of its children that have ended."""
    with suppress(OSError, IndexError):
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        if int(fields[3]) == os.getsid(0):
            return sum(map(int, fields[11:15]))
    return 0
