"""Records in one SQLite file: nothing to install, nothing to run."""

from collections.abc import Sequence

import orjson

from chronologer.model import Record, instant
from chronologer.storage.listing import SLICE_SIZE, Position
from chronologer.storage.sql import SqlStorage, ids_of
from chronologer.storage.sqlite.database import SQLiteDatabase, parse_path
from chronologer.storage.sqlite.dialect import SQLiteDialect


class SQLiteStorage(SqlStorage):
    """DSN: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``, percent-encoded."""

    def __init__(self, dsn: str, query_timeout: float):
        super().__init__(SQLiteDatabase(parse_path(dsn), query_timeout), SQLiteDialect())

    def _fetch_slice(self, positions: Sequence[Position], whole: bool) -> tuple[list[Record], int]:
        records: list[Record] = []
        size = 0
        with self._database.read() as db:
            rows = db.execute(
                f"""
                SELECT wanted.key, record.id, ts, name, level, message,
                       {'logrec' if whole else 'NULL'}
                FROM json_each(?) AS wanted
                CROSS JOIN record ON record.id = wanted.value
                CROSS JOIN logger ON logger.id = record.logger
                """,
                (orjson.dumps(ids_of(positions)).decode(),),
            )
            for key, id, ts, name, level, message, logrec in rows:
                parsed = orjson.loads(logrec) if whole else None
                records.append(Record(instant(ts), name, level, message, parsed, id))
                size += len(name) + len(message) + len(logrec or '')
                if size > SLICE_SIZE:
                    rows.close()
                    return records, key + 1
        return records, len(positions)
