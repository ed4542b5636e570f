"""Records in one SQLite file: nothing to install, nothing to run."""

from chronologer.storage.block import BlockStorage
from chronologer.storage.sqlite.database import SQLiteDatabase, parse_path
from chronologer.storage.sqlite.dialect import SQLiteDialect


class SQLiteStorage(BlockStorage):
    """DSN: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``, percent-encoded."""

    def __init__(self, dsn: str, query_timeout: float):
        super().__init__(SQLiteDatabase(parse_path(dsn), query_timeout), SQLiteDialect())
