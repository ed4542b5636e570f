"""Settings: checked before anything is opened, and documented."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from chronologer.configuration import DEFAULT_MODULE, Configuration, load_configuration
from chronologer.errors import ConfigurationError

ROOT = Path(__file__).parent.parent
NAMES = [field.name for field in fields(Configuration)]


@pytest.fixture
def variables(monkeypatch):
    """Set CHRONOLOGER_ variables, starting from none."""
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
    """Production listens to everybody, development to this machine."""
    conf = load_configuration(None, environment)
    assert (host, 8080, 'logger', '') == (conf.host, conf.port, conf.username, conf.password)
    assert conf.storage_dsn.startswith('sqlite:///')


@pytest.mark.parametrize('environment', ['development', 'production', 'test_suite'])
def test_each_value_can_be_overridden(variables, environment):
    """By its environment variable, in every environment."""
    values = {**dict.fromkeys(NAMES, '2345'), 'workers': '23'}
    variables(**values)
    conf = load_configuration(None, environment)
    assert values == {name: str(getattr(conf, name)) for name in NAMES}


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('port', ''), ('port', 'http'), ('port', '0'), ('port', '65536'), ('port', '80.0'),
        ('port', '-1'), ('thread_pool_size', '0'), ('thread_pool_size', 'many'),
        ('max_request_bytes', '16M'), ('host', ''), ('username', ''), ('username', 'a:b'),
        ('storage_dsn', ''),
    ],
)  # fmt: skip
def test_a_malformed_value_is_named(variables, name, value):
    """With the variable, the value and what was expected."""
    variables(**{name: value})
    with pytest.raises(ConfigurationError) as error:
        load_configuration(None, 'development')
    assert f'CHRONOLOGER_{name.upper()}' in error.value.message
    assert not value or repr(value) in error.value.message or 'colon' in error.value.message


def test_an_unknown_environment_is_refused(variables):
    """With those that exist."""
    with pytest.raises(ConfigurationError, match=r"'staging' .* development, production"):
        load_configuration(None, 'staging')


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        ('', 'development'),
        ('development = {}', 'lacks .*port'),
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
    """In one line that names it."""
    module = tmp_path / 'envconf.py'
    module.write_text(text)
    with pytest.raises(ConfigurationError, match=named) as error:
        load_configuration(module, 'development')
    assert '\n' not in error.value.message


def test_a_missing_module_is_refused(tmp_path):
    """Likewise."""
    with pytest.raises(ConfigurationError, match='No such file'):
        load_configuration(tmp_path / 'envconf.py', 'development')


def test_a_module_replaces_the_default_one(variables, tmp_path):
    """Completely: a variable that it does not read means nothing."""
    variables(port='2345')
    text = DEFAULT_MODULE.read_text().replace("environ.get('CHRONOLOGER_PORT', 8080)", '999')
    module = tmp_path / 'envconf.py'
    module.write_text(text.replace('production', 'staging'))
    assert 999 == load_configuration(module, 'staging').port


def test_an_unknown_setting_is_refused(tmp_path):
    """It is probably misspelled."""
    module = tmp_path / 'envconf.py'
    module.write_text(DEFAULT_MODULE.read_text().replace("'port'", "'prot'"))
    with pytest.raises(ConfigurationError, match='lacks port'):
        load_configuration(module, 'development')
    module.write_text(DEFAULT_MODULE.read_text() + "\ndevelopment['colour'] = 'blue'\n")
    with pytest.raises(ConfigurationError, match='no use for colour'):
        load_configuration(module, 'development')


def test_example_module_works(variables):
    """The one that a deployment starts from."""
    for environment in ('development', 'production'):
        load_configuration(ROOT / 'envconf.py', environment)


@pytest.mark.parametrize('document', ['README.rst', 'chronologer/envconf.py', 'envconf.py'])
def test_every_setting_is_documented(document):
    """And nothing that is not a setting."""
    named = set(re.findall(r'CHRONOLOGER_([A-Z_]+)', (ROOT / document).read_text()))
    assert {name.upper() for name in NAMES} == named - {'PASSWORD_FILE', 'TEST_REQUIRE'}


@pytest.mark.parametrize(
    ('host', 'url'),
    [('127.0.0.1', 'http://127.0.0.1:80/'), ('0.0.0.0', 'http://localhost:80/'),
     ('::1', 'http://[::1]:80/'), ('::', 'http://localhost:80/')],
)  # fmt: skip
def test_url_can_be_opened(configuration, host, url):
    """Also when we listen everywhere."""
    from dataclasses import replace

    assert url == replace(configuration, host=host, port=80).url
