"""
The errors of Chronologer, and the HTTP status of each.

    ChronologerError              500  Chronologer failed
      ConfigurationError          500  a setting, a DSN or an option cannot be used; ends start-up
      InputError                  400  malformed; names the parameter, field or position
      AuthenticationError         401  no credentials, or wrong ones
      ForbiddenError              403  the role is too low, or a cookie lacks its header
      NotFoundError               404  nothing at that address
      MethodError                 405  the address does not support that method
      BodyTimeoutError            408  a body that stopped arriving
      ConflictError               409  an Idempotency-Key that was used for another request
      LeaseError                  409  another process does this work; names it and the expiry
      LengthRequiredError         411  a body whose length is not declared
      LimitError                  413  larger than a documented limit
      MediaTypeError              415  a body in a format that is not accepted here
      HTTPError                   any  refused by the HTTP framework; carries its status
      StorageError                500  the engine failed; nothing of the batch was stored
        RefusedError              500  the engine refuses one of the records
        DiskFullError             507  the disk of the engine is full; reading goes on
        SchemaError               500  the schema is not that of this version
        QueryTimeoutError         503  the query takes longer than the limit; narrow it
        StorageBusyError          503  overloaded or unreachable; sent with Retry-After

API and command line show the same message: what was given, what was expected and, where it helps,
what to do.
"""

from datetime import datetime


class ChronologerError(Exception):
    """Chronologer failed."""

    status = 500

    @property
    def message(self) -> str:
        """One sentence for the person or program that caused the error."""
        return str(self)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The response headers of this error."""
        return []


class ConfigurationError(ChronologerError):
    """A setting, a DSN or a command-line option cannot be used."""


class InputError(ChronologerError):
    """Malformed input; *column* is the position in a text, counted from 1, if there is one."""

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
        """The challenge of RFC 7617, unless a script sent the request."""
        challenge = ('WWW-Authenticate', 'Basic realm="Chronologer", charset="UTF-8"')
        return [challenge] if self._has_challenge else []


class ForbiddenError(ChronologerError):
    """The identity may not do this, or a request with a cookie lacks X-Requested-With."""

    status = 403


class NotFoundError(ChronologerError):
    """Nothing at that address."""

    status = 404


class MethodError(ChronologerError):
    """The address does not support that method."""

    status = 405


class BodyTimeoutError(ChronologerError):
    """A body that stopped arriving."""

    status = 408


class ConflictError(ChronologerError):
    """An ``Idempotency-Key`` that was used for another request."""

    status = 409


class LeaseError(ChronologerError):
    """Another process has this lease, or has had it since this process owned it."""

    status = 409

    def __init__(self, name: str, owner: str = '', expiry: datetime | None = None):
        super().__init__(
            f'the lease {name!r} is owned by {owner} until {expiry:%Y-%m-%d %H:%M:%S} UTC'
            if expiry
            else f'the lease {name!r} is no longer owned, another process may have had it since'
        )
        self.owner, self.expiry = owner, expiry


class LengthRequiredError(ChronologerError):
    """A body whose length is not declared, so that a cut would not be noticed."""

    status = 411


class LimitError(ChronologerError):
    """Larger than a documented limit."""

    status = 413


class MediaTypeError(ChronologerError):
    """A body in a format that is not accepted here."""

    status = 415


class HTTPError(ChronologerError):
    """Refused by the HTTP framework."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class StorageError(ChronologerError):
    """The engine failed; nothing of the batch was stored."""


class RefusedError(StorageError):
    """The engine refuses one of the records of a batch."""


class DiskFullError(StorageError):
    """The disk of the engine is full; records can still be read."""

    status = 507

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Retry-After, in seconds."""
        return [('Retry-After', '10')]


class SchemaError(StorageError):
    """The schema of the database is not that of this version."""


class QueryTimeoutError(StorageError):
    """The query takes longer than the limit; repeating it is useless."""

    status = 503

    def __init__(self, seconds: float):
        super().__init__(
            f'the query took longer than {seconds:g} s; narrow it, by time for instance'
        )


class StorageBusyError(StorageError):
    """The engine is overloaded or cannot be reached now."""

    status = 503

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Retry-After, in seconds."""
        return [('Retry-After', '1')]


def shown(value: object, limit: int = 80) -> str:
    """Return *value* for a message: its repr, cut at *limit* characters."""
    try:
        text = repr(value[: limit + 1] if isinstance(value, str) else value)
    except RecursionError:
        text = f'a {type(value).__name__} that is nested too deeply'
    return text if len(text) <= limit else f'{text[:limit]}…'
