"""Records in blocks by columns, counters per quarter of an hour, signatures, and keys."""

from yoyo import step

# One row.
step(
    """
    CREATE TABLE state (
        last_id      INTEGER NOT NULL,  -- that was ever given to a record
        changes      INTEGER NOT NULL,  -- how often batches were replaced, or ids were restored
        batched      INTEGER NOT NULL,  -- records in batches
        batched_size INTEGER NOT NULL   -- bytes of their JSON
    )
    """,
    'DROP TABLE state',
)
step('INSERT INTO state VALUES (0, 0, 0, 0)', 'DELETE FROM state')

# See doc/architecture.rst. AUTOINCREMENT: processes cache blocks by their ids.
step(
    """
    CREATE TABLE block (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        first_id  INTEGER NOT NULL,  -- of its records
        last_id   INTEGER NOT NULL,
        n         INTEGER NOT NULL,
        low_ts    INTEGER NOT NULL,  -- microseconds since the epoch
        high_ts   INTEGER NOT NULL,
        max_level INTEGER NOT NULL,
        size      INTEGER NOT NULL,  -- bytes of its columns before compression
        group_id  INTEGER,           -- whose signature it is in
        slot      INTEGER NOT NULL
    )
    """,
    'DROP TABLE block',
)
step('CREATE INDEX block_high ON block (high_ts, low_ts)', 'DROP INDEX block_high')
step('CREATE INDEX block_low ON block (low_ts, high_ts)', 'DROP INDEX block_low')
step('CREATE INDEX block_last ON block (last_id, first_id)', 'DROP INDEX block_last')
step('CREATE INDEX block_group ON block (group_id)', 'DROP INDEX block_group')

# The id is 1024 times that of the block, and the number of the part.
step(
    """
    CREATE TABLE part (
        id   INTEGER PRIMARY KEY,
        data BLOB NOT NULL
    )
    """,
    'DROP TABLE part',
)

# A few records in JSON, until there are enough for a block.
step(
    """
    CREATE TABLE batch (
        id      INTEGER PRIMARY KEY,  -- of its first record
        last_id INTEGER NOT NULL,
        n       INTEGER NOT NULL,
        size    INTEGER NOT NULL,  -- bytes of JSON
        records BLOB NOT NULL
    )
    """,
    'DROP TABLE batch',
)

# A signature consists of all pages of its group; see chronologer/storage/block/signature.py.
step(
    """
    CREATE TABLE signature (
        page     INTEGER NOT NULL,
        group_id INTEGER NOT NULL,
        words    BLOB NOT NULL,
        PRIMARY KEY (page, group_id)
    ) WITHOUT ROWID
    """,
    'DROP TABLE signature',
)

step(
    """
    CREATE TABLE logger (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    )
    """,
    'DROP TABLE logger',
)

# A bucket of 15 minutes, an hour or a day, depending on the grain, is numbered from the epoch.
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
step('CREATE INDEX retry_created ON retry (created)', 'DROP INDEX retry_created')
