"""
Sessions of browsers: a signed cookie with the user name and the expiry.

The server stores no session. It signs the cookie with a secret that all processes share through the
metastore, and with the credentials, so that a new password ends every session.
"""

import logging
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hmac import compare_digest, digest
from itertools import islice
from threading import Lock

from chronologer.errors import StorageBusyError, StorageError

LIFETIME = 30 * 24 * 3600  # seconds
PATIENCE = 1  # seconds that a thread waits for another one that reads the secret
MAX_TOKEN = 4096  # characters; browsers store no longer cookie
MAX_TOKENS = 10  # of a request: each may be a signature to check

AWAY = 'the metastore, which has the secret of sessions, does not answer'

TOKEN = re.compile(r'([\w-]+)\.([0-9]{1,12})\.([\w-]{43})', re.ASCII)

log = logging.getLogger(__name__)


class Sessions:
    """
    Creates and checks cookies of the one user.

    *port* is part of the cookie's name, because browsers send a cookie to all ports of a host,
    where servers must not sign each other's users out. *secret* is called when it is needed first.
    """

    def __init__(self, username: str, password: str, port: int, secret: Callable[[], bytes]):
        self._username = username
        self._credentials = f'{username}\0{password}'.encode()
        self._name = f'chronologer_{port}'
        self._cookie = re.compile(rf'(?:^|[;,])\s*{self._name}\s*=([^;,]*)')
        self._read_secret = secret
        self._key: bytes | None = None
        self._lock = Lock()

    def cookie(self, is_secure: bool) -> str:
        """Return the ``Set-Cookie`` that begins a session; only for HTTPS, if *is_secure*."""
        user = urlsafe_b64encode(self._username.encode()).decode().rstrip('=')
        signed = f'{user}.{_now() + LIFETIME}'
        return self._set_cookie(f'{signed}.{self._sign(signed)}', LIFETIME, is_secure)

    def end_cookie(self, is_secure: bool) -> str:
        """Return the ``Set-Cookie`` that ends a session."""
        return self._set_cookie('', 0, is_secure)

    def _set_cookie(self, value: str, max_age: int, is_secure: bool) -> str:
        attributes = f'Max-Age={max_age}; Path=/; HttpOnly; SameSite=Strict'
        return f'{self._name}={value}; {attributes}' + ('; Secure' if is_secure else '')

    def user_of(self, cookies: str) -> str | None:
        """
        Return the user of a ``Cookie`` header; None if it has no valid cookie.

        Raises:
            StorageBusyError: The secret cannot be read.
        """
        return self._username if any(map(self._is_valid, self._tokens(cookies))) else None

    def may_wait(self, cookies: str) -> bool:
        """Whether `user_of` has to read the secret first."""
        return self._key is None and any(map(_is_alive, self._tokens(cookies)))

    def _tokens(self, cookies: str) -> list[str]:
        """There are several if they were set for several paths; of very many, the first count."""
        found = islice(self._cookie.finditer(cookies), MAX_TOKENS)
        return [match[1].strip() for match in found]

    def _is_valid(self, token: str) -> bool:
        if not _is_alive(token):
            return False
        signed, _, signature = token.rpartition('.')
        if not compare_digest(signature, self._sign(signed)):
            return False
        user = signed.partition('.')[0]
        return urlsafe_b64decode(user + '=' * (-len(user) % 4)).decode() == self._username

    def _sign(self, signed: str) -> str:
        signature = digest(self._key or self._make_key(), signed.encode(), 'sha256')
        return urlsafe_b64encode(signature).decode().rstrip('=')

    def _make_key(self) -> bytes:
        """One thread at a time: anybody can send a cookie, and a metastore can be slow to fail."""
        if not self._lock.acquire(timeout=PATIENCE):
            raise StorageBusyError(AWAY)
        try:
            if self._key is None:
                self._key = digest(self._read_secret(), self._credentials, 'sha256')
            return self._key
        except StorageError as ex:  # its message is not for strangers
            log.error('Sessions: the secret cannot be read: %s', ex.message)
            raise StorageBusyError(AWAY) from ex
        finally:
            self._lock.release()


def _is_alive(token: str) -> bool:
    match = TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN else None
    return match is not None and int(match[2]) > _now()


def _now() -> int:
    return int(time.time())
