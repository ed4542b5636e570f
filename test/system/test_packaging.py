"""Contents of the wheel: a client without dependencies, and a server with all of its files."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel that pip builds from a copy of the working tree."""
    directory = tmp_path_factory.mktemp('wheel')
    source = directory / 'source'
    source.mkdir()
    for name in ('chronologer', 'setup.py', 'pyproject.toml', 'README.rst', 'LICENSE'):
        subprocess.run(['cp', '-r', ROOT / name, source], check=True)
    pip(sys.executable, 'wheel', '--no-deps', '--wheel-dir', directory, source)
    (wheel,) = directory.glob('*.whl')
    return wheel


def pip(python: str | Path, *arguments: str | Path) -> None:
    done = subprocess.run(
        [python, '-m', 'pip', '--quiet', '--disable-pip-version-check', *arguments],
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, done.stderr


def test_all_files_ship(wheel):
    """The wheel has modules, migrations and the page, but no tests."""
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if 'dist-info' not in name}
    files = (path for path in (ROOT / 'chronologer').rglob('*') if path.is_file())
    wanted = {str(path.relative_to(ROOT)) for path in files if '__pycache__' not in path.parts}
    assert wanted == shipped


def test_licence_and_requirements_are_stated(wheel):
    """The metadata require nothing without an extra."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith('dist-info/METADATA'))
    metadata = archive.read(name).decode()
    assert 'License: GPL-3.0' in metadata
    assert 'Requires-Python: >=3.8' in metadata
    required = [line for line in metadata.splitlines() if line.startswith('Requires-Dist')]
    assert required
    assert all('extra ==' in line for line in required)
    for extra in ('server', 'mysql', 'clickhouse', 'all', 'test'):
        assert f'Provides-Extra: {extra}' in metadata


QUICK_START = """
import logging
from chronologer.client import BatchJsonHandler
logging.getLogger().addHandler(BatchJsonHandler('http://logger:@HOST/'))
logging.getLogger('bare').error('Order %d failed', 387, extra={'user': 'bob'})
"""


def test_client_works_in_a_bare_environment(wheel, tmp_path, server):
    """The client needs only Python; the server's command says what to install."""
    subprocess.run([sys.executable, '-m', 'venv', tmp_path / 'venv'], check=True)
    python = tmp_path / 'venv/bin/python'
    pip(python, 'install', '--no-index', wheel)
    code = QUICK_START.replace('HOST', server.host)
    done = subprocess.run([python, '-I', '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert ('', '', 0) == (done.stdout, done.stderr, done.returncode)
    (record,) = server.get('record?left=0&right=9&name=bare')
    assert ('Order 387 failed', 40) == (record['message'], record['level'])
    command = [python, '-m', 'chronologer', 'serve']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert 2 == done.returncode
    (line,) = done.stderr.splitlines()
    assert "pip install 'chronologer[server]'" in line


def test_client_compiles_for_python_3_8():
    """The syntax is checked by a parser of Python 3.8, in addition to ruff and mypy."""
    import ast

    modules = [ROOT / 'chronologer/__init__.py', *(ROOT / 'chronologer/client').glob('*.py')]
    assert 10 < len(modules)
    for module in modules:
        ast.parse(module.read_text(), feature_version=(3, 8))
