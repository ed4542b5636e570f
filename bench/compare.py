"""
Compares this version with an earlier one: the same benchmark, one after the other, several times.

``python -m bench.compare REV ingest sqlite``: the revision, the benchmark, its arguments.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 3
ROOT = Path(__file__).parent.parent
COMPARED = ('ratio', 'faster')  # columns that have no figures of their own

Figures = dict[tuple[str, str], float]  # by the beginning of a line, and the title of a column


def main() -> None:
    """Print the medians of both versions, and their ratio."""
    revision, module, *arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        earlier = Path(name)
        check_out(revision, earlier)
        runs: dict[Path, list[Figures]] = {earlier: [], ROOT: []}
        for number in range(ROUNDS):
            for tree, figures in runs.items():
                print(f'round {number + 1} of {ROUNDS}: {"now" if tree == ROOT else revision}')
                figures.append(read_tables(run(tree, module, arguments)))
    before, now = map(medians, runs.values())
    print(f'{"":60}{revision[:12]:>14}{"now":>14}{"ratio":>8}')
    for (line, column), figure in now.items():
        if (line, column) in before:
            print(format_line(f'{line}, {column}', before[line, column], figure))


def check_out(revision: str, directory: Path) -> None:
    """Put the files of a revision into a directory."""
    archive = directory / 'archive.tar'
    git = ['git', '-C', str(ROOT), 'archive', '--output', str(archive), revision]
    if subprocess.run(git).returncode:
        sys.exit(f'no revision {revision}')
    subprocess.run(['tar', '-x', '-f', archive, '-C', directory], check=True)


def run(tree: Path, module: str, arguments: list[str]) -> str:
    """Return what a benchmark of a version prints, which is shown, too."""
    command = [sys.executable, '-m', f'bench.{module}', *arguments]
    environment = {**os.environ, 'PYTHONPATH': str(tree)}
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(f'  {line}', end='', flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f'bench.{module} has failed')
    return ''.join(lines)


def read_tables(text: str) -> Figures:
    """Read tables: cells have two blanks between them, and lines without figures have titles."""
    titles: list[str] = []
    figures: Figures = {}
    for line in text.splitlines():
        label, *cells = re.split(r' {2,}', line.strip())
        numbers = list(map(_number, cells))
        if None in numbers:
            titles = cells
            continue
        for column, number in enumerate(numbers):
            title = titles[column] if column < len(titles) else str(column + 1)
            if title not in COMPARED and number is not None:
                figures[label, title] = number
    return figures


def medians(runs: list[Figures]) -> Figures:
    """Return the median of each figure that all runs have."""
    return {
        key: statistics.median(run[key] for run in runs)
        for key in runs[0]
        if all(key in run for run in runs)
    }


def format_line(label: str, before: float, now: float) -> str:
    """Return a line of the result."""
    ratio = f'{now / before:8.2f}' if before else ''
    return f'{label:60}{before:14,.2f}{now:14,.2f}{ratio}'


def _number(text: str) -> float | None:
    try:
        return float(text.replace(',', ''))
    except ValueError:
        return None


if __name__ == '__main__':
    main()
