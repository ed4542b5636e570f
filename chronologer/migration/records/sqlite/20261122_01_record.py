"""Records, their loggers, counters per quarter of an hour, the search index, and keys."""

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

# AUTOINCREMENT: the id of a purged record must not be used again.
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

# Finds and counts by time, level and logger without reading the wide rows.
step(
    'CREATE INDEX record_ts ON record (ts, id, level, logger)',
    'DROP INDEX record_ts',
)

# A bucket of 15 minutes or a day, depending on the grain, is numbered from the epoch.
step(
    """
    CREATE TABLE count_by_level (
        grain  INTEGER NOT NULL,  -- minutes
        bucket INTEGER NOT NULL,
        level  INTEGER NOT NULL,
        n      INTEGER NOT NULL,
        PRIMARY KEY (grain, bucket, level)
    ) WITHOUT ROWID
    """,
    'DROP TABLE count_by_level',
)

step(
    """
    CREATE TABLE count_by_logger (
        logger INTEGER NOT NULL,
        grain  INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        level  INTEGER NOT NULL,
        n      INTEGER NOT NULL,
        PRIMARY KEY (logger, grain, bucket, level)
    ) WITHOUT ROWID
    """,
    'DROP TABLE count_by_logger',
)

# The search index has blocks of records in the order of ids; see
# chronologer/storage/sql/index/block.py. A record too large for a block is a block of its own,
# without text and tokens.
step(
    """
    CREATE TABLE block (
        last_id   INTEGER PRIMARY KEY,
        first_id  INTEGER NOT NULL,
        low_ts    INTEGER NOT NULL,  -- microseconds since the epoch
        high_ts   INTEGER NOT NULL,
        max_level INTEGER NOT NULL,
        signature INTEGER,           -- of its group, once there is one
        slot      INTEGER,          -- within the group
        columns   BLOB NOT NULL,
        text      BLOB,
        tokens    BLOB
    )
    """,
    'DROP TABLE block',
)

step(
    'CREATE INDEX block_time ON block (high_ts, low_ts, max_level, signature, slot)',
    'DROP INDEX block_time',
)

step(
    'CREATE INDEX block_signature ON block (signature, last_id)',
    'DROP INDEX block_signature',
)

# A signature consists of all pages with its id; see chronologer/storage/sql/index/signature.py.
step(
    """
    CREATE TABLE signature (
        page  INTEGER NOT NULL,
        id    INTEGER NOT NULL,
        words BLOB NOT NULL,
        PRIMARY KEY (page, id)
    ) WITHOUT ROWID
    """,
    'DROP TABLE signature',
)

# The fields of records in blocks, named as in a query, in UTF-8.
step(
    """
    CREATE TABLE field (
        name BLOB NOT NULL,
        type TEXT NOT NULL,
        PRIMARY KEY (name, type)
    ) WITHOUT ROWID
    """,
    'DROP TABLE field',
)

# Ids stored for an Idempotency-Key; see chronologer/storage/idempotency.py.
step(
    """
    CREATE TABLE retry (
        owner    BLOB NOT NULL,     -- hash of user and key
        part     TEXT NOT NULL,     -- of the request
        digest   BLOB NOT NULL,
        first_id INTEGER NOT NULL,
        n        INTEGER NOT NULL,
        created  INTEGER NOT NULL,  -- seconds since the epoch
        PRIMARY KEY (owner, part)
    ) WITHOUT ROWID
    """,
    'DROP TABLE retry',
)

step(
    'CREATE INDEX retry_created ON retry (created)',
    'DROP INDEX retry_created',
)
