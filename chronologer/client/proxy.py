"""The proxy that the environment names for an address."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import NamedTuple
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

LOOPBACK = re.compile(r'(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?', re.IGNORECASE)
PROXY = re.compile(r'(http://)?((?P<user>[^/]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/@:?#\[\]]+)'
                   r'(:(?P<port>[0-9]{1,5}))?/?', re.IGNORECASE)  # fmt: skip


class Proxy(NamedTuple):
    """A proxy, and what it has to be told."""

    host: str  # with the port
    headers: dict[str, str]


def proxy_of(host: str, secure: bool) -> Proxy | None:
    """
    Return the proxy for *host*, which may have a port; None if there is none.

    It is that of ``http_proxy`` or ``https_proxy``, unless ``no_proxy`` excludes the host, which is
    what `urllib` makes of the environment; on Windows and macOS also of the system's settings. No
    proxy can reach this machine's own addresses.

    Raises:
        ValueError: It is a proxy of another kind.
    """
    if LOOPBACK.fullmatch(host):
        return None
    scheme = 'https' if secure else 'http'
    text = getproxies().get(scheme)
    if not text or proxy_bypass(host):
        return None
    match = PROXY.fullmatch(text.strip())
    if match is None:
        shown = text.rpartition('@')[2]  # no passwords
        raise ValueError(f'{scheme}_proxy: expected http://host:port, got {shown!r}')
    headers = {}
    if match['user'] is not None:
        token = b64encode(unquote(match['user']).encode()).decode()
        headers['Proxy-Authorization'] = f'Basic {token}'
    return Proxy(f'{match["host"]}:{match["port"] or 80}', headers)
