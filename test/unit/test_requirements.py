"""The locked requirements match setup.py."""

import ast
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONTENTS = {
    'server': ['SERVER', 'MYSQL'],
    'all': ['SERVER', 'MYSQL', 'CLICKHOUSE'],
    'test': ['SERVER', 'MYSQL', 'CLICKHOUSE', 'TEST'],
}
LOCKS = pytest.mark.parametrize('lock', CONTENTS)


def declared(lock: str) -> dict[str, Requirement]:
    """Return the requirements in setup.py that a file locks, by name."""
    lists = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse((ROOT / 'setup.py').read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
    }
    requirements = [Requirement(text) for name in CONTENTS[lock] for text in lists[name]]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def entries(lock: str) -> list[str]:
    """Return the entries of a file, each with its hashes and comments."""
    return re.split(r'\n(?=\S)', (ROOT / f'requirements/{lock}.txt').read_text())[2:]


@LOCKS
def test_every_release_has_a_version_and_hashes(lock):
    """Requirement files have no options, such as addresses of other registries."""
    for entry in entries(lock):
        assert re.match(r'[a-z0-9-]+==[^\s;]+( ; .+)? \\\n    --hash=sha256:[0-9a-f]{64}', entry)
        assert '://' not in entry


@LOCKS
def test_locked_requirements_are_those_of_setup(lock):
    """After a change of setup.py, "make lock" must be run."""
    locked = {}
    for entry in entries(lock):
        if 'chronologer (setup.py)' in entry:
            name, version = re.match(r'([a-z0-9-]+)==([^\s;]+)', entry).groups()
            locked.setdefault(name, []).append(version)
    wanted = declared(lock)
    assert set(wanted) == set(locked)
    for name, versions in locked.items():
        assert all(wanted[name].specifier.contains(version) for version in versions), name


def test_files_lock_the_same_releases():
    """All files lock the same releases, so that the image has the tested ones."""
    tested = {re.split(r'[ ;]', entry)[0] for entry in entries('test')}
    for lock in ('server', 'all'):
        assert {re.split(r'[ ;]', entry)[0] for entry in entries(lock)} <= tested
