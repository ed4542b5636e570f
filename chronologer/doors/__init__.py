"""
Doors: the ways in for records. Each is a protocol with a path, or a socket, of its own.

A new door is a decoder in `chronologer.ingest`, a module here, a row in the table that
`chronologer.tree` makes, and a test with a real client of its protocol. A protocol beside HTTP has
a `ListenerDoor`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronologer.auth.authenticator import Authenticator
from chronologer.auth.identity import Identity
from chronologer.auth.origin import check_origin
from chronologer.doors.listener import ListenerDoor
from chronologer.errors import ChronologerError
from chronologer.web.declare import Declaration, Values
from chronologer.web.respond import Answer, render_error

if TYPE_CHECKING:
    from chronologer.doors.reception import Reception


@dataclass(frozen=True, slots=True)
class Request:
    """A request before its body."""

    method: str
    path: str
    query_string: str  # bytes as Latin-1 characters
    headers: dict[str, str]  # by names in lower case
    address: str  # of the client, or of its proxy


class Door(ABC):
    """Accepts the requests of one protocol."""

    path: str
    methods = frozenset(['POST'])
    declaration: Declaration

    def __init__(self, authenticator: Authenticator):
        self._authenticator = authenticator

    def may_wait(self, request: Request) -> bool:
        """Whether `begin` has to read from a database first."""
        return self._authenticator.may_wait(request.headers)

    def check(self, request: Request) -> tuple[Identity, Values]:
        """
        Return the identity and the parameters of a request.

        Raises:
            ChronologerError: Another site's page sent the request, the credentials are wrong, the
                role is too low, or a parameter is bad.
        """
        check_origin(request.method, request.headers)
        identity = self._authenticator.identify(request.method, request.headers, request.address)
        role = self.declaration.role
        if role is not None:
            identity.require(role)
        return identity, self.declaration.parse(request.query_string)

    @abstractmethod
    def begin(self, request: Request) -> 'Reception':
        """
        Check a request before its body is read; return the reception of the body.

        Raises:
            ChronologerError: The request is refused.
        """

    def error(self, request: Request, error: ChronologerError) -> Answer:
        """
        Render any error of a request in the form of the protocol.

        The error may come from `begin`, the body, the queue or the storage. The report of the
        reception adds the records that were stored before, see `Report.amend`.
        """
        return render_error(error, request.method)


class Doors:
    """The table of doors: those for requests by path, and those that have a socket of their own."""

    def __init__(self, doors: Iterable[Door | ListenerDoor]):
        doors = tuple(doors)
        self._by_path = {door.path: door for door in doors if isinstance(door, Door)}
        self.listeners = tuple(door for door in doors if isinstance(door, ListenerDoor))

    def __iter__(self) -> Iterator[Door]:
        return iter(self._by_path.values())

    def find(self, method: str, path: str) -> Door | None:
        """The door that accepts requests of this method at this path."""
        door = self._by_path.get(path)
        return door if door is not None and method in door.methods else None

    def methods_at(self, path: str) -> frozenset[str]:
        """Return the methods that the door at this path accepts."""
        door = self._by_path.get(path)
        return frozenset() if door is None else door.methods
