"""
What Chronologer refuses or fails at, and the HTTP status each goes out with.

    ChronologerError              500  something of ours failed
      ConfigurationError          500  a setting, a DSN or an option cannot be used; ends start-up
      InputError                  400  unusable as sent; names the parameter, field or place
      AuthenticationError         401  no credentials, or wrong ones
      ForbiddenError              403  a session's cookie, without the header that goes with it
      NotFoundError               404  nothing at that address
      MethodError                 405  the address does not take that method
      BodyTimeoutError            408  a body that stopped arriving
      ConflictError               409  an Idempotency-Key that was used for another request
      LengthRequiredError         411  a body whose length is not declared
      LimitError                  413  larger than a documented limit
      MediaTypeError              415  a body in a format that is not taken here
      HTTPError                   any  refused by the HTTP framework; carries its status
      StorageError                500  the engine failed; nothing of the batch was kept
        RefusedError              500  the engine refuses one of the records, and takes others
        DiskFullError             507  the engine has no room left; reading goes on
        SchemaError               500  the storage's schema is not the one this version works with
        QueryTimeoutError         503  the question takes longer than the limit; ask a narrower one
        StorageBusyError          503  behind or unreachable; goes out with Retry-After

API and command line tell the same story: the message names what was given, what was wanted and,
where it helps, what to do.
"""


class ChronologerError(Exception):
    """Something of ours failed."""

    status = 500

    @property
    def message(self) -> str:
        """One sentence for the person or program that caused it."""
        return str(self)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Response headers that belong to this error."""
        return []


class ConfigurationError(ChronologerError):
    """A setting, a DSN or a command-line option cannot be used."""


class InputError(ChronologerError):
    """Unusable as sent; *column* is the place within a text, counted from 1, if it is known."""

    status = 400

    def __init__(self, message: str, column: int | None = None):
        super().__init__(message)
        self.column = column


class AuthenticationError(ChronologerError):
    """No credentials, or wrong ones."""

    status = 401

    def __init__(self, message: str, has_challenge: bool = True):
        super().__init__(message)
        self._has_challenge = has_challenge

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The challenge of RFC 7617, if it is wanted."""
        challenge = ('WWW-Authenticate', 'Basic realm="Chronologer", charset="UTF-8"')
        return [challenge] if self._has_challenge else []


class ForbiddenError(ChronologerError):
    """A session's cookie alone, which pages of other sites may send, is not enough to change."""

    status = 403


class NotFoundError(ChronologerError):
    """Nothing at that address."""

    status = 404


class MethodError(ChronologerError):
    """The address does not take that method."""

    status = 405


class BodyTimeoutError(ChronologerError):
    """A body that stopped arriving."""

    status = 408


class ConflictError(ChronologerError):
    """An ``Idempotency-Key`` that was used for another request."""

    status = 409


class LengthRequiredError(ChronologerError):
    """A body whose length is not declared, so that nobody could tell if it was cut."""

    status = 411


class LimitError(ChronologerError):
    """Larger than a documented limit."""

    status = 413


class MediaTypeError(ChronologerError):
    """A body in a format that is not taken here."""

    status = 415


class HTTPError(ChronologerError):
    """Refused by the HTTP framework."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class StorageError(ChronologerError):
    """The engine failed; nothing of the batch was kept."""


class RefusedError(StorageError):
    """The engine refuses one of the records, and takes others."""


class DiskFullError(StorageError):
    """The engine has no room left; what it has can be read."""

    status = 507

    @property
    def headers(self) -> list[tuple[str, str]]:
        """When to come back, in seconds."""
        return [('Retry-After', '10')]


class SchemaError(StorageError):
    """The storage's schema is not the one this version works with."""


class QueryTimeoutError(StorageError):
    """The question takes longer than the limit; coming back with the same one is no use."""

    status = 503

    def __init__(self, seconds: float):
        super().__init__(
            f'the question took longer than {seconds:g} s; narrow it, by time for instance'
        )


class StorageBusyError(StorageError):
    """The engine is behind or cannot be reached for now."""

    status = 503

    @property
    def headers(self) -> list[tuple[str, str]]:
        """When to come back, in seconds."""
        return [('Retry-After', '1')]


def shown(value: object, limit: int = 80) -> str:
    """Return *value* as it may stand in a message: its repr, cut at *limit* characters."""
    try:
        text = repr(value[: limit + 1] if isinstance(value, str) else value)
    except RecursionError:
        text = f'a {type(value).__name__} that is nested too deeply'
    return text if len(text) <= limit else f'{text[:limit]}…'
