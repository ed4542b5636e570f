"""Records in MySQL or MariaDB, compressed by InnoDB."""

import sys
from collections.abc import Sequence

import orjson

from chronologer.model import Record, instant
from chronologer.storage.listing import SLICE_SIZE, Position
from chronologer.storage.mysql.database import MySQLDatabase
from chronologer.storage.mysql.dialect import MySQLDialect
from chronologer.storage.mysql.dsn import parse_dsn
from chronologer.storage.sql import SqlStorage, ids_of

LARGE = SLICE_SIZE // 50  # bytes of a record that is fetched by itself


class MySQLStorage(SqlStorage):
    """DSN: see `chronologer.storage.mysql.dsn`."""

    def __init__(self, dsn: str, query_timeout: float):
        database = MySQLDatabase(*parse_dsn(dsn), query_timeout)
        super().__init__(database, MySQLDialect(database))

    def _fetch_slice(self, positions: Sequence[Position], whole: bool) -> tuple[list[Record], int]:
        """Leave out large records: the whole result of a statement is in memory."""
        rows = self._fetch_rows(positions, whole, LARGE)
        records: list[Record] = []
        for count, position in enumerate(positions):
            _, id = position
            record = rows.get(id)
            if record is not None:
                records.append(record)
            elif id in rows:
                if records:
                    return records, count
                alone = self._fetch_rows([position], whole, sys.maxsize).get(id)
                return [alone] if alone else [], 1
        return records, len(positions)

    def _fetch_rows(
        self, positions: Sequence[Position], whole: bool, limit: int
    ) -> dict[int, Record | None]:
        """Return records by id; None for those of more bytes than *limit*."""
        ids = ids_of(positions)
        size = 'OCTET_LENGTH(name) + OCTET_LENGTH(message)'
        if whole:
            size += ' + OCTET_LENGTH(logrec)'
        with self._database.read() as db:
            rows = db.execute(
                f"""
                SELECT record.id, {self._dialect.ts}, level, {size} > ?,
                       CASE WHEN {size} <= ? THEN name END,
                       CASE WHEN {size} <= ? THEN message END,
                       {f'CASE WHEN {size} <= ? THEN logrec END' if whole else 'NULL'}
                FROM record JOIN logger ON logger.id = record.logger
                WHERE record.id IN ({', '.join('?' * len(ids))})
                """,
                [*[limit] * (4 if whole else 3), *ids],
            )
            return {
                id: None
                if is_large
                else Record(
                    instant(ts), name, level, message, orjson.loads(logrec) if whole else None, id
                )
                for id, ts, level, is_large, name, message, logrec in rows.fetchall()
            }
