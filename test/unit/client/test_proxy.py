"""The proxy that the environment names."""

import pytest

from chronologer.client.proxy import Proxy, proxy_of

NAMES = ('http_proxy', 'https_proxy', 'no_proxy', 'all_proxy', 'REQUEST_METHOD')


@pytest.fixture
def environment(monkeypatch):
    """A function that sets variables, of which there are none before."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def set_all(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


BOTH = {'http_proxy': 'http://plain:1', 'https_proxy': 'http://tls:2'}


@pytest.mark.parametrize(
    ('variables', 'host', 'secure', 'wanted'),
    [
        ({}, 'logs', False, None),
        (BOTH, 'logs:8080', False, 'plain:1'),
        (BOTH, 'logs:8080', True, 'tls:2'),
        ({'HTTPS_PROXY': 'http://tls:2'}, 'logs', True, 'tls:2'),
        ({'HTTPS_PROXY': 'http://tls:2'}, 'logs', False, None),
        ({'http_proxy': 'proxy'}, 'logs', False, 'proxy:80'),
        ({'http_proxy': 'HTTP://proxy:3128/'}, 'logs', False, 'proxy:3128'),
        ({'http_proxy': 'http://[::1]:3128'}, 'logs', False, '[::1]:3128'),
        ({**BOTH, 'no_proxy': 'other,logs'}, 'logs:8080', False, None),
        ({**BOTH, 'no_proxy': '.example'}, 'logs.example', True, None),
        ({**BOTH, 'no_proxy': '*'}, 'logs', False, None),
        ({**BOTH, 'no_proxy': ''}, 'logs', False, 'plain:1'),
        (BOTH, 'localhost:8080', False, None),
        (BOTH, '127.0.0.1', True, None),
        (BOTH, '[::1]:8080', False, None),
        ({'HTTP_PROXY': 'http://evil', 'REQUEST_METHOD': 'GET'}, 'logs', False, None),
    ],
)  # fmt: skip
def test_the_proxy_of_an_address(environment, variables, host, secure, wanted):
    """It is as `urllib` reads the environment, but never for this machine itself."""
    environment(**variables)
    found = proxy_of(host, secure)
    assert wanted == (found and found.host)


def test_credentials(environment):
    """They are sent to the proxy as a header."""
    environment(http_proxy='http://bob:p%40ss@proxy:3128')
    assert Proxy('proxy:3128', {'Proxy-Authorization': 'Basic Ym9iOnBAc3M='}) == proxy_of(
        'x', False
    )


@pytest.mark.parametrize('value', ['socks5://u:secret@proxy:1', 'https://u:secret@proxy', 'a b'])
def test_other_proxies_are_refused(environment, value):
    """The message has the variable, and no password."""
    environment(https_proxy=value)
    with pytest.raises(ValueError, match=r'^https_proxy: expected http://host:port, got') as caught:
        proxy_of('logs', True)
    assert 'secret' not in str(caught.value)
