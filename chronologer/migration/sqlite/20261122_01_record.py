"""Records, the loggers that emitted them, and counters per quarter of an hour."""

from yoyo import step

step(
    """
    CREATE TABLE logger (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    )
    """,
    'DROP TABLE logger',
)

# AUTOINCREMENT: the id of a purged record must not be given to another one.
step(
    """
    CREATE TABLE record (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        ts      INTEGER NOT NULL,  -- microseconds since the epoch
        level   INTEGER NOT NULL,
        logger  INTEGER NOT NULL REFERENCES logger,
        message TEXT NOT NULL,
        logrec  TEXT NOT NULL      -- JSON
    )
    """,
    'DROP TABLE record',
)

# Finds and counts by time, level and logger without touching the wide rows.
step(
    'CREATE INDEX record_ts ON record (ts, id, level, logger)',
    'DROP INDEX record_ts',
)

# A bucket is numbered from the epoch.
step(
    """
    CREATE TABLE count_by_level (
        bucket INTEGER NOT NULL,
        level  INTEGER NOT NULL,
        n      INTEGER NOT NULL,
        PRIMARY KEY (bucket, level)
    ) WITHOUT ROWID
    """,
    'DROP TABLE count_by_level',
)

step(
    """
    CREATE TABLE count_by_logger (
        logger INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        level  INTEGER NOT NULL,
        n      INTEGER NOT NULL,
        PRIMARY KEY (logger, bucket, level)
    ) WITHOUT ROWID
    """,
    'DROP TABLE count_by_logger',
)
