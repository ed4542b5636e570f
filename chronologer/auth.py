"""Who may use the API: HTTP Basic authentication (RFC 7617) of the one configured user."""

from base64 import b64decode
from hmac import compare_digest

from chronologer.errors import AuthenticationError


class BasicAuth:
    """Checks the ``Authorization`` header of each request under ``/api``."""

    def __init__(self, username: str, password: str):
        self._username = username
        self._credentials = f'{username}:{password}'.encode()

    def check(self, authorization: str | None) -> str:
        """
        Let the request pass, and return the name of the user.

        Raises:
            AuthenticationError: There are no credentials, or they are not the user's.
        """
        if not authorization:
            raise AuthenticationError(
                'credentials are required: HTTP Basic, user name and password'
            )
        if not compare_digest(_decode(authorization), self._credentials):
            raise AuthenticationError('wrong user name or password')
        return self._username


def _decode(authorization: str) -> bytes:
    scheme, _, token = authorization.partition(' ')
    if scheme.lower() != 'basic':
        return b''
    try:
        return b64decode(token.strip(), validate=True)
    except ValueError:  # no base64, or no ASCII
        return b''
