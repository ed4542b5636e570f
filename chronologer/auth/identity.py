"""The identity of a request, and its role."""

from dataclasses import dataclass
from enum import Enum

from chronologer.errors import ForbiddenError

DEFAULT_PROJECT = 'default'


class Role(Enum):
    """What an identity may do. As a requirement: the lowest role that may do it."""

    ANY = 'any'  # a requirement that every identity fulfils; no identity has it
    READER = 'reader'  # reads
    WRITER = 'writer'  # adds records, reads nothing
    EDITOR = 'editor'  # reader and writer; also changes saved searches, issues and rules
    ADMIN = 'admin'  # editor; also manages keys, users and retention, and purges

    def covers(self, required: 'Role') -> bool:
        """Whether an identity of this role fulfils the requirement *required*."""
        return required in COVERED[self]


COVERED = {
    Role.ANY: frozenset[Role](),
    Role.READER: frozenset([Role.ANY, Role.READER]),
    Role.WRITER: frozenset([Role.ANY, Role.WRITER]),
    Role.EDITOR: frozenset([Role.ANY, Role.READER, Role.WRITER, Role.EDITOR]),
    Role.ADMIN: frozenset(Role),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A user or a key."""

    name: str
    role: Role
    project: str = DEFAULT_PROJECT  # of the records that it adds
    prefix: str = ''  # of the loggers that it is confined to; empty for all

    def require(self, role: Role) -> None:
        """
        Make sure that this identity fulfils the requirement *role*.

        Raises:
            ForbiddenError: It does not; names both roles.
        """
        if not self.role.covers(role):
            raise ForbiddenError(
                f'{self.name} has the role {self.role.value}; this requires {role.value}'
            )
