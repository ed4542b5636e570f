"""The Python interpreters of this machine: one of each version that the client supports."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ('3.8', '3.9', '3.10', '3.11', '3.12', '3.13', '3.14')
UNPACKED = Path(__file__).parent.parent.parent / '.cache/python3.14/python3.14'
PRINT_VERSION = 'import sys; print("%d.%d" % sys.version_info[:2])'


def interpreters() -> dict[str, Path]:
    """Return an executable for each available one of `VERSIONS`, ascending."""
    found = {version: interpreter(version) for version in VERSIONS}
    return {version: executable for version, executable in found.items() if executable}


def interpreter(version: str) -> Path | None:
    """Return the first candidate that runs and has *version*."""
    return next((path for path in candidates(version) if version_of(path) == version), None)


def candidates(version: str) -> Iterator[Path]:
    """Yield possible paths: of pyenv, on PATH, the running interpreter, unpacked ones."""
    pyenv = Path(os.environ.get('PYENV_ROOT') or Path.home() / '.pyenv')
    yield from sorted(pyenv.glob(f'versions/{version}*/bin/python{version}'))
    for directory in os.get_exec_path():
        yield Path(directory, f'python{version}')
    yield Path(sys.executable)
    yield UNPACKED


def version_of(executable: Path) -> str:
    """Return a version such as 3.14, or '' if the interpreter does not run, as a pyenv shim may."""
    try:
        command = [str(executable), '-c', PRINT_VERSION]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ''
