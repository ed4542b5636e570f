"""Finds the identity of a request: by HTTP Basic (RFC 7617) or the cookie of a session."""

from base64 import b64decode
from hmac import compare_digest

from chronologer.auth.failures import Failures
from chronologer.auth.identity import Identity, Role
from chronologer.auth.origin import SAFE
from chronologer.auth.session import Sessions
from chronologer.errors import AuthenticationError, ForbiddenError

Headers = dict[str, str]  # of a request, by names in lower case


class Authenticator:
    """Accepts the one configured user, who is an admin."""

    def __init__(self, username: str, password: str, sessions: Sessions):
        self._username, self._password = username, password
        self._credentials = f'{username}:{password}'.encode()
        self._user = Identity(username, Role.ADMIN)
        self._sessions = sessions
        self._failures = Failures()

    def identify(self, method: str, headers: Headers, address: str) -> Identity:
        """
        Return the identity of a request from *address*. Credentials have precedence over a cookie.

        Raises:
            AuthenticationError: There are neither valid credentials nor a session.
            ForbiddenError: The request changes something with a session's cookie alone, which a
                page of another site may have sent.
        """
        authorization = headers.get('authorization')
        if authorization:
            credentials = _decode(authorization)
            if not compare_digest(credentials, self._credentials):
                user = credentials.partition(b':')[0].decode(errors='backslashreplace')
                raise self._failure(user, headers, address)
            return self._user
        if self._sessions.user_of(headers.get('cookie', '')) is None:
            wanted = 'credentials are required: HTTP Basic, user name and password, or a session'
            raise refusal(wanted, headers)
        if method not in SAFE and not is_script(headers):
            raise ForbiddenError(
                f'{method} with the cookie of a session needs the header X-Requested-With, '
                'which pages of other sites cannot send'
            )
        return self._user

    def may_wait(self, headers: Headers) -> bool:
        """Whether `identify` has to read the session secret first; that happens once."""
        return not headers.get('authorization') and self._sessions.may_wait(
            headers.get('cookie', '')
        )

    def sign_in(
        self, username: str, password: str, headers: Headers, address: str
    ) -> tuple[Identity, str]:
        """
        Return the identity of a user at *address*, and the ``Set-Cookie`` that begins a session.

        Raises:
            AuthenticationError: User name or password is wrong.
        """
        is_user = compare_digest(username.encode(), self._username.encode())
        if not (compare_digest(password.encode(), self._password.encode()) and is_user):
            raise self._failure(username, headers, address)
        return self._user, self._sessions.cookie(is_secure(headers))

    def sign_out(self, headers: Headers) -> str:
        """Return the ``Set-Cookie`` that ends a session."""
        return self._sessions.end_cookie(is_secure(headers))

    def _failure(self, username: str, headers: Headers, address: str) -> AuthenticationError:
        """Log a failed sign-in, and return its error."""
        self._failures.add(username, address, headers)
        return refusal('wrong user name or password', headers)


def refusal(why: str, headers: Headers) -> AuthenticationError:
    """Return an error with a challenge, at which browsers show a dialog, but not for scripts."""
    return AuthenticationError(why, has_challenge=not is_script(headers))


def is_script(headers: Headers) -> bool:
    """Whether the request is of a program or of the page's script, not of a form or a link."""
    return 'x-requested-with' in headers


def is_secure(headers: Headers) -> bool:
    """Whether a proxy has received the request by HTTPS."""
    protocol = headers.get('x-forwarded-proto', '').partition(',')[0]
    return protocol.strip().lower() == 'https'


def _decode(authorization: str) -> bytes:
    """Return user name and password of HTTP Basic; both are empty if there are none."""
    scheme, _, credentials = authorization.partition(' ')
    if scheme.lower() != 'basic':
        return b''
    try:
        return b64decode(credentials.strip(), validate=True)
    except ValueError:  # not base64, or not ASCII
        return b''
