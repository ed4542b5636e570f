"""The documents as tests read them: their blocks of code, and commands with what they print."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    str(path.relative_to(ROOT)): path
    for pattern in ('*.rst', 'doc/*.rst', 'bench/*.rst', 'chronologer/static/*.rst')
    for path in sorted(ROOT.glob(pattern))
}


class Block(NamedTuple):
    """Code to copy; *language* is that of ``.. code::``, empty after a bare ``::``."""

    language: str
    text: str

    @property
    def file_name(self) -> str:
        """What its first line, a comment, names; empty if that is no file name."""
        found = re.match(r'# ([\w.]+\.py)\n', self.text)
        return found[1] if found else ''


class Command(NamedTuple):
    """A command line, and what it prints; ``…`` stands for any text."""

    line: str
    output: str


def read_blocks(path: Path) -> list[Block]:
    """Return all blocks of a document, in order."""
    return list(_blocks(path.read_text().splitlines()))


def read_commands(path: Path) -> list[Command]:
    """Return all commands of the console blocks of a document, in order."""
    return [
        Command(found[1].replace('\\\n', ' '), found[2])
        for block in read_blocks(path)
        if block.language == 'console'
        for found in re.finditer(
            r'^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)', block.text, re.MULTILINE
        )
    ]


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Yield what is indented below each ``.. code::`` and each paragraph that ends in ``::``."""
    for number, line in enumerate(lines):
        directive = re.fullmatch(r'( *)\.\. code:: (\w+)', line)
        is_literal = line.endswith('::') and not line.lstrip().startswith('.. ')
        if directive or is_literal:
            depth = len(line) - len(line.lstrip())
            text = _indented(lines[number + 1 :], depth)
            yield Block(directive[2] if directive else '', textwrap.dedent(text).strip('\n') + '\n')


def _indented(lines: list[str], depth: int) -> str:
    """The lines up to the first that is indented by *depth* or less."""
    taken = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            break
        taken.append(line)
    return '\n'.join(taken)
