"""Settings are checked before anything is opened, and are documented."""

import re
from pathlib import Path

import pytest

from chronologer.errors import ConfigurationError
from chronologer.settings import (
    TABLE,
    describe,
    load_settings,
    shown_default,
    unknown_variables,
    variable,
)

ROOT = Path(__file__).parents[2]
NAMES = list(TABLE)


@pytest.fixture
def variables(monkeypatch):
    """Set only these CHRONOLOGER_ variables."""
    for name in NAMES:
        monkeypatch.delenv(f'CHRONOLOGER_{name.upper()}', raising=False)
    return lambda **values: [
        monkeypatch.setenv(f'CHRONOLOGER_{name.upper()}', value) for name, value in values.items()
    ]


@pytest.mark.parametrize(
    ('environment', 'host'),
    [('development', '127.0.0.1'), ('production', '0.0.0.0'), ('test_suite', '127.0.0.1')],
)
def test_defaults(variables, environment, host):
    """Production listens on all interfaces, development only on localhost."""
    conf = load_settings(None, environment)
    assert (host, 8080, 'logger', '') == (conf.host, conf.port, conf.username, conf.password)
    assert conf.storage_dsn.startswith('sqlite:///')


@pytest.mark.parametrize('environment', ['development', 'production', 'test_suite'])
def test_each_value_can_be_overridden(variables, environment):
    """A setting can be overridden by its environment variable in every environment."""
    values = {**dict.fromkeys(NAMES, '2345'), 'workers': '23', 'base_path': '/logs'}
    variables(**values)
    conf = load_settings(None, environment)
    assert values == {name: str(getattr(conf, name)) for name in NAMES}


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('port', ''), ('port', 'http'), ('port', '0'), ('port', '65536'), ('port', '80.0'),
        ('port', '-1'), ('thread_pool_size', '0'), ('thread_pool_size', 'many'),
        ('max_request_bytes', '16M'), ('host', ''), ('username', ''), ('username', 'a:b'),
        ('storage_dsn', ''), ('base_path', 'logs'), ('base_path', '/logs/'),
        ('base_path', '//logs'), ('base_path', '/logs/..'), ('base_path', '/"><script>'),
        ('base_path', '/logs\n'), ('password', '\udcff'), ('log_file', '\udcff'),
    ],
)  # fmt: skip
def test_a_malformed_value_is_named(variables, name, value):
    """The message has the variable, the value and what was expected."""
    variables(**{name: value})
    with pytest.raises(ConfigurationError) as error:
        load_settings(None, 'development')
    assert f'CHRONOLOGER_{name.upper()}' in error.value.message
    is_shown = repr(value) in error.value.message or 'colon' in error.value.message
    assert is_shown or not value or name == 'password'


def test_an_unknown_environment_is_refused(variables):
    """The message lists the known environments."""
    with pytest.raises(ConfigurationError, match=r"'staging' .* development, production"):
        load_settings(None, 'staging')


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        ('', 'development'),
        ("development = {'prot': 80}", 'no use for prot'),
        ('development = None', 'development'),
        ('def', 'SyntaxError'),
        ('1 / 0', 'ZeroDivisionError'),
        ('raise SystemExit(5)', 'SystemExit'),
        ('raise ValueError("a\\nb")', 'ValueError: a b'),
        ('import nothing_like_this', 'nothing_like_this'),
        ('\0', 'envconf.py'),
    ],
)
def test_an_unusable_module_is_refused(tmp_path, text, named):
    """The error is one line that names the module."""
    module = tmp_path / 'envconf.py'
    module.write_text(text)
    with pytest.raises(ConfigurationError, match=named) as error:
        load_settings(module, 'development')
    assert '\n' not in error.value.message


def test_a_missing_module_is_refused(tmp_path):
    """The error is one line that names the module."""
    with pytest.raises(ConfigurationError, match='No such file'):
        load_settings(tmp_path / 'envconf.py', 'development')


def test_a_module_comes_before_the_environment(variables, tmp_path):
    """A setting comes from the module; a variable sets only those that the module lacks."""
    variables(port='2345', workers='3')
    module = tmp_path / 'envconf.py'
    module.write_text("staging = {'port': 999}")
    settings = load_settings(module, 'staging')
    assert (999, 3, 'logger') == (settings.port, settings.workers, settings.username)


@pytest.mark.parametrize('name', ['authfile', 'roles', 'secret'])
def test_a_setting_of_0_4_7_is_refused(variables, monkeypatch, name):
    """Ignoring a removed setting would leave the log open in ways its owner does not expect."""
    monkeypatch.setenv(variable(name), 'x')
    with pytest.raises(ConfigurationError, match=f'{variable(name)} is a setting of Chronologer'):
        load_settings(None, 'development')


def test_an_unknown_variable_is_reported(tmp_path):
    """A similar setting is suggested; variables of the module and of others are accepted."""
    environ = {'CHRONOLOGER_PROT': '1', 'CHRONOLOGER_PORT': '1', 'PORT': '1',
               'CHRONOLOGER_OWN': '1', 'CHRONOLOGER_TEST_REQUIRE': 'all'}  # fmt: skip
    module = tmp_path / 'envconf.py'
    module.write_text("environ.get('CHRONOLOGER_OWN')")
    (warning,) = unknown_variables(environ, module)
    assert 'CHRONOLOGER_PROT is not a setting' in warning
    assert 'did you mean CHRONOLOGER_PORT?' in warning
    assert 2 == len(list(unknown_variables(environ, None)))


def test_no_setting_is_suggested_for_a_name_that_is_like_none():
    """Only the name is compared: each variable begins with the same prefix."""
    (warning,) = unknown_variables({'CHRONOLOGER_FOO_BAR': '1'}, None)
    assert 'CHRONOLOGER_FOO_BAR is not a setting and has no effect' == warning


def test_a_password_is_not_shown(variables, tmp_path):
    """The error names the setting and omits its value."""
    module = tmp_path / 'envconf.py'
    module.write_text("development = {'password': b'xyz'}")
    with pytest.raises(ConfigurationError, match='CHRONOLOGER_PASSWORD') as error:
        load_settings(module, 'development')
    assert 'xyz' not in error.value.message


def test_example_module_works(variables):
    """The example module, from which a deployment starts, is valid."""
    for environment in ('development', 'production'):
        load_settings(ROOT / 'envconf.py', environment)


def test_every_setting_is_in_the_readme():
    """Variable, default and help of each row equal those of the table, and no row is missing."""
    section = (ROOT / 'README.rst').read_text().partition('\nSettings\n')[2]
    _, border, *rest = re.split(r'^(=+ =+)$', section, flags=re.M)
    split = len(border.split()[0]) + 1
    rows, last = {}, ''
    for line in rest[0].strip('\n').splitlines():
        name, cell = line[:split].strip(' `'), line[split:].strip()
        last = name or last
        rows[last] = f'{rows.get(last, "")} {cell}'.strip()
    expected = {}
    for name, row in TABLE.items():
        default = shown_default(row)
        suffix = f' Default: {default}.' if default else ''
        expected[variable(name)] = row.metadata['help'] + suffix
    assert expected == rows


def test_every_setting_is_in_the_help_of_serve():
    """The help of serve has each setting with its default and its meaning."""
    help = describe()
    for name, row in TABLE.items():
        assert variable(name) in help
        assert shown_default(row) in help


@pytest.mark.parametrize(
    ('host', 'url'),
    [('127.0.0.1', 'http://127.0.0.1:80/'), ('0.0.0.0', 'http://localhost:80/'),
     ('::1', 'http://[::1]:80/'), ('::', 'http://localhost:80/')],
)  # fmt: skip
def test_url_can_be_opened(configuration, host, url):
    """The URL can be opened also when the server listens on all interfaces."""
    from dataclasses import replace

    assert url == replace(configuration, host=host, port=80).url
