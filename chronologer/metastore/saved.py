"""Saved searches, which users have named."""

from sqlalchemy import delete, func, select, update

from chronologer.errors import LimitError
from chronologer.metastore import Connection
from chronologer.metastore.tables import insert_missing, saved

MAX_SAVED = 1000  # searches


def searches(db: Connection) -> dict[str, str]:
    """Return the state of each saved search, by name."""
    return {row.name: row.state for row in db.execute(select(saved))}


def save(db: Connection, name: str, state: str) -> bool:
    """
    Save a search, and replace that of the same name.

    Returns:
        Whether the name is new.
    Raises:
        LimitError: There are `MAX_SAVED` others.
    """
    if not insert_missing(db, saved, name=name, state=state):
        db.execute(update(saved).where(saved.c.name == name).values(state=state))
        return False
    if db.execute(select(func.count()).select_from(saved)).scalar_one() > MAX_SAVED:
        raise LimitError(f'{MAX_SAVED:,} searches are saved, which is the limit; delete some')
    return True


def remove(db: Connection, name: str) -> bool:
    """Delete a saved search and return whether it existed."""
    return db.execute(delete(saved).where(saved.c.name == name)).rowcount == 1
