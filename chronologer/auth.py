"""Who may use the API: the one configured user, by HTTP Basic (RFC 7617) or by a session."""

from base64 import b64decode
from hmac import compare_digest

from chronologer.errors import AuthenticationError, ForbiddenError
from chronologer.session import Sessions

SAFE = frozenset(['GET', 'HEAD', 'OPTIONS', 'TRACE'])  # methods that change nothing, RFC 9110

Headers = dict[str, str]  # of a request, by names in lower case


class Auth:
    """Checks the headers of each request under ``/api``."""

    def __init__(self, username: str, password: str, sessions: Sessions):
        self._username, self._password = username, password
        self._credentials = f'{username}:{password}'.encode()
        self._sessions = sessions

    def check(self, method: str, headers: Headers) -> str:
        """
        Let the request pass, and return the name of the user. Credentials decide before a cookie.

        Raises:
            AuthenticationError: There are neither credentials nor a session, or not the user's.
            ForbiddenError: It may be that another site has sent the session's cookie.
        """
        authorization = headers.get('authorization')
        if authorization:
            if not compare_digest(_decode(authorization), self._credentials):
                raise refusal('wrong user name or password', headers)
            return self._username
        user = self._sessions.user_of(headers.get('cookie', ''))
        if user is None:
            wanted = 'credentials are required: HTTP Basic, user name and password, or a session'
            raise refusal(wanted, headers)
        if method not in SAFE and not is_script(headers):
            raise ForbiddenError(
                f'{method} with the cookie of a session needs the header X-Requested-With, '
                'which pages of other sites cannot send'
            )
        return user

    def may_wait(self, headers: Headers) -> bool:
        """Whether `check` has to ask the storage; it has to once."""
        return not headers.get('authorization') and self._sessions.may_wait(
            headers.get('cookie', '')
        )

    def sign_in(self, username: str, password: str, headers: Headers) -> str:
        """
        Return the ``Set-Cookie`` that begins a session.

        Raises:
            AuthenticationError: They are not the user's.
        """
        is_user = compare_digest(username.encode(), self._username.encode())
        if not (compare_digest(password.encode(), self._password.encode()) and is_user):
            raise refusal('wrong user name or password', headers)
        return self._sessions.cookie(is_secure(headers))

    def sign_out(self, headers: Headers) -> str:
        """Return the ``Set-Cookie`` that ends a session."""
        return self._sessions.end_cookie(is_secure(headers))


def refusal(why: str, headers: Headers) -> AuthenticationError:
    """With a challenge, at which browsers ask for a password; but not over a page's own form."""
    return AuthenticationError(why, has_challenge=not is_script(headers))


def is_script(headers: Headers) -> bool:
    """Whether a page of ours, or another program, and no form or link, has made the request."""
    return 'x-requested-with' in headers


def is_secure(headers: Headers) -> bool:
    """Whether it came through a proxy that speaks HTTPS; we do not."""
    protocol = headers.get('x-forwarded-proto', '').partition(',')[0]
    return protocol.strip().lower() == 'https'


def _decode(authorization: str) -> bytes:
    scheme, _, token = authorization.partition(' ')
    if scheme.lower() != 'basic':
        return b''
    try:
        return b64decode(token.strip(), validate=True)
    except ValueError:  # no base64, or no ASCII
        return b''
