"""Imports between packages: each package is on a floor and imports only lower ones."""

import ast
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = ('errors', 'model', 'parse', 'query', 'search', 'timeline')
STORAGE = ('storage', 'storage.sqlite', 'storage.mysql', 'storage.clickhouse')
LOWER = (*PURE, 'auth', 'ingest', 'metastore', 'settings', 'storage')
ROOT_MODULE = ''  # chronologer/__init__.py, which has the version

# Package or module, except packages in it that have an own row -> allowed imports from chronologer.
ALLOWED = {
    **dict.fromkeys(PURE, PURE),
    'client': (),
    'storage': PURE,
    'storage.clickhouse': (*PURE, 'storage'),
    'storage.sql': (*PURE, 'storage'),
    'storage.block': (*PURE, 'storage', 'storage.sql'),
    'storage.sqlite': (*PURE, 'storage', 'storage.block', 'storage.sql'),
    'storage.mysql': (*PURE, 'storage', 'storage.sql'),
    'metastore': (*PURE, *STORAGE),
    'settings': ('errors',),
    'auth': ('errors',),
    'ingest': (*PURE, 'storage'),
    'jobs': (*PURE, 'storage', 'metastore'),
    'copy': (*PURE, 'storage', 'storage.sqlite', 'metastore'),
    'web': (*PURE, 'auth', 'settings', 'storage'),
    'api': (*PURE, ROOT_MODULE, 'auth', 'metastore', 'storage', 'web'),
    'doors': (*PURE, 'auth', 'ingest', 'settings', 'storage', 'web'),
    'front': (*PURE, 'doors', 'ingest', 'storage', 'web'),
    'tree': (*LOWER, 'api', 'doors', 'front', 'web'),
    'worker': (*LOWER, 'daemon', 'front', 'jobs', 'tree'),
    'server': ('daemon', 'front', 'settings', 'worker'),
    'daemon': ('errors',),
    'cli': (*LOWER, ROOT_MODULE, 'api', 'copy', 'daemon', 'server'),
}


def modules() -> dict[str, Path]:
    """Return the files by module names without ``chronologer.``; the root's name is empty."""
    found = {}
    for path in (ROOT / 'chronologer').rglob('*.py'):
        *parts, last = path.relative_to(ROOT / 'chronologer').with_suffix('').parts
        found['.'.join(parts if last == '__init__' else [*parts, last])] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[str]:
    """Yield the modules of chronologer that a module imports anywhere, also for type checkers."""
    path = MODULES[name]
    package = 'chronologer.' + (name if path.name == '__init__.py' else name.rpartition('.')[0])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name('.' * node.level + (node.module or ''), package.rstrip('.'))
            targets = [f'{module}.{alias.name}' for alias in node.names]
        else:
            continue
        for target in targets:
            if target.split('.')[0] == 'chronologer':
                yield module_of(target.removeprefix('chronologer').lstrip('.'))


def module_of(target: str) -> str:
    """Return the module that *target* is or is a name of."""
    while target not in MODULES:
        target = target.rpartition('.')[0]
    return target


def package_of(module: str) -> str:
    """Return the innermost package of the table that has the module, or the module itself."""
    parts = module.split('.')
    prefixes = ('.'.join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in ALLOWED), module)


@pytest.mark.parametrize('package', ALLOWED)
def test_a_package_imports_only_lower_floors(package):
    """A package imports neither higher floors nor another engine."""
    its_modules = [module for module in MODULES if package_of(module) == package]
    assert its_modules
    for module in its_modules:
        for target in imports(module):
            assert package_of(target) in {package, *ALLOWED[package]}, f'{module} imports {target}'


def test_every_module_is_in_a_package_of_the_table():
    """A new package needs a row in the table; only modules that start the program need none."""
    assert {ROOT_MODULE, '__main__', 'envconf'} == {
        module
        for module in MODULES
        if package_of(module) not in ALLOWED and not module.startswith('migration')
    }


def test_imports_are_found():
    """Imports of modules and of names are found, also those within functions."""
    assert 'storage.idempotency' in imports('storage.sql.insertion')  # a name of a package
    assert 'storage.fields' in imports('storage.sql.index.builder')
    assert 'storage' in imports('cli.serve')  # within a function
