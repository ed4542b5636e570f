"""Saved searches, from a metastore or a running server to a metastore."""

from chronologer.copy.remote import RemoteSource
from chronologer.errors import SchemaError
from chronologer.metastore import Connection, Metastore
from chronologer.metastore.saved import save, searches


def read_saved(source: Metastore | RemoteSource) -> dict[str, str]:
    """
    Return the state of each saved search, by name.

    Raises:
        SchemaError: The source has no schema, or that of another version.
    """
    try:
        source.check()
    except SchemaError as ex:
        raise SchemaError(f'the source: {ex.message}') from ex
    return source.saved() if isinstance(source, RemoteSource) else source.read(searches)


def write_saved(target: Metastore, saved: dict[str, str]) -> None:
    """
    Save searches in one transaction; they replace those with the same names.

    Raises:
        LimitError: With the searches that the target has, they are too many.
    """

    def write(db: Connection) -> None:
        for name, state in saved.items():
            save(db, name, state)

    target.write(write)
