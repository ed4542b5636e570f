"""
Sessions of browsers: a cookie that says who has signed in and until when, and that we said so.

Nothing is kept of a session. The cookie is signed with a secret that all processes of a storage
share, and with the credentials, so that another password ends every session.
"""

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hmac import compare_digest, digest
from threading import Lock

from chronologer.errors import StorageBusyError

LIFETIME = 30 * 24 * 3600  # seconds
PATIENCE = 1  # seconds that others wait for one that reads the secret
MAX_TOKEN = 4096  # characters; browsers keep no more

TOKEN = re.compile(r'([\w-]+)\.([0-9]{1,12})\.([\w-]{43})', re.ASCII)


class Sessions:
    """
    Gives and reads cookies of the one user.

    *port* is part of the cookie's name: cookies do not tell ports apart, and servers on one host
    shall not sign each other out. *secret* is called when it is first needed.
    """

    def __init__(self, username: str, password: str, port: int, secret: Callable[[], bytes]):
        self._username = username
        self._credentials = f'{username}\0{password}'.encode()
        self._name = f'chronologer_{port}'
        self._read_secret = secret
        self._key: bytes | None = None
        self._turn = Lock()

    def cookie(self, is_secure: bool) -> str:
        """The ``Set-Cookie`` that begins a session; only for HTTPS, if *is_secure*."""
        user = urlsafe_b64encode(self._username.encode()).decode().rstrip('=')
        signed = f'{user}.{_now() + LIFETIME}'
        return self._set_cookie(f'{signed}.{self._sign(signed)}', LIFETIME, is_secure)

    def end_cookie(self, is_secure: bool) -> str:
        """The ``Set-Cookie`` that ends it."""
        return self._set_cookie('', 0, is_secure)

    def _set_cookie(self, value: str, max_age: int, is_secure: bool) -> str:
        attributes = f'Max-Age={max_age}; Path=/; HttpOnly; SameSite=Strict'
        return f'{self._name}={value}; {attributes}' + ('; Secure' if is_secure else '')

    def user_of(self, cookies: str) -> str | None:
        """
        The user who has signed in, by a ``Cookie`` header; None if it has no valid cookie.

        Raises:
            StorageError: The secret cannot be read.
        """
        return self._username if any(map(self._is_valid, self._tokens(cookies))) else None

    def may_wait(self, cookies: str) -> bool:
        """Whether `user_of` has to read the secret first."""
        return self._key is None and any(map(_is_alive, self._tokens(cookies)))

    def _tokens(self, cookies: str) -> list[str]:
        """Several, if they were set for several paths; the values of others may be anything."""
        pairs = (pair.strip().partition('=') for pair in re.split('[;,]', cookies))
        return [value.strip() for name, _, value in pairs if name.rstrip() == self._name]

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
        """One at a time: anybody may send a cookie, and the storage may take long to fail."""
        if not self._turn.acquire(timeout=PATIENCE):
            raise StorageBusyError('the storage does not answer')
        try:
            if self._key is None:
                self._key = digest(self._read_secret(), self._credentials, 'sha256')
            return self._key
        finally:
            self._turn.release()


def _is_alive(token: str) -> bool:
    match = TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN else None
    return match is not None and int(match[2]) > _now()


def _now() -> int:
    return int(time.time())
