"""Records, their loggers, counters per quarter of an hour, the search index, and keys."""

from yoyo import step

# A name has any length; case and trailing spaces count. It is found by the hash of its bytes.
step(
    """
    CREATE TABLE logger (
        id   INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
        hash BINARY(16) NOT NULL UNIQUE,
        name LONGTEXT NOT NULL
    ) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
    """,
    'DROP TABLE logger',
)

# Pages of 8 KB have half the size of uncompressed rows (336 of 692 bytes for a short record), and
# inserts need a sixth more time, measured on MySQL 9.7. Pages of 4 KB: 210 bytes, two thirds more
# time. The index finds and counts by time, level and logger without reading the wide rows.
step(
    """
    CREATE TABLE record (
        id      BIGINT PRIMARY KEY,
        ts      DATETIME(6) NOT NULL,
        level   INT NOT NULL,
        logger  INT UNSIGNED NOT NULL,
        message LONGTEXT NOT NULL,
        logrec  JSON NOT NULL,
        KEY record_ts (ts, id, level, logger)
    ) ENGINE = InnoDB ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE = 8
      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
    """,
    'DROP TABLE record',
)

# Each transaction that writes records locks the only row, so ids are in the order of commits.
# AUTO_INCREMENT assigns ids earlier, and transactions commit in any order.
step(
    """
    CREATE TABLE next_id (
        only TINYINT PRIMARY KEY,
        id   BIGINT NOT NULL
    ) ENGINE = InnoDB
    """,
    'DROP TABLE next_id',
)
step('INSERT INTO next_id (only, id) VALUES (1, 1)', 'DELETE FROM next_id')

# A bucket of 15 minutes or a day, depending on the grain, is numbered from the epoch.
step(
    """
    CREATE TABLE count_by_level (
        grain  SMALLINT NOT NULL,  -- minutes
        bucket INT NOT NULL,
        level  INT NOT NULL,
        n      BIGINT NOT NULL,
        PRIMARY KEY (grain, bucket, level)
    ) ENGINE = InnoDB
    """,
    'DROP TABLE count_by_level',
)

step(
    """
    CREATE TABLE count_by_logger (
        logger INT UNSIGNED NOT NULL,
        grain  SMALLINT NOT NULL,
        bucket INT NOT NULL,
        level  INT NOT NULL,
        n      BIGINT NOT NULL,
        PRIMARY KEY (logger, grain, bucket, level)
    ) ENGINE = InnoDB
    """,
    'DROP TABLE count_by_logger',
)

# The search index has blocks of records in the order of ids; see
# chronologer/storage/sql/index/block.py. A record too large for a block is a block of its own,
# without text and tokens.
step(
    """
    CREATE TABLE block (
        last_id   BIGINT PRIMARY KEY,
        first_id  BIGINT NOT NULL,
        low_ts    BIGINT NOT NULL,  -- microseconds since the epoch
        high_ts   BIGINT NOT NULL,
        max_level INT NOT NULL,
        signature BIGINT,           -- of its group, once there is one
        slot      TINYINT,          -- within the group
        columns   LONGBLOB NOT NULL,
        text      LONGBLOB,
        tokens    LONGBLOB,
        KEY block_time (high_ts, low_ts, max_level, signature, slot),
        KEY block_signature (signature, last_id)
    ) ENGINE = InnoDB
    """,
    'DROP TABLE block',
)

# A signature consists of all pages with its id; see chronologer/storage/sql/index/signature.py.
step(
    """
    CREATE TABLE signature (
        page  SMALLINT NOT NULL,
        id    BIGINT NOT NULL,
        words VARBINARY(2048) NOT NULL,
        PRIMARY KEY (page, id)
    ) ENGINE = InnoDB
    """,
    'DROP TABLE signature',
)

# The fields of records in blocks, named as in a query, in UTF-8.
step(
    """
    CREATE TABLE field (
        name VARBINARY(800) NOT NULL,
        type VARCHAR(10) NOT NULL,
        PRIMARY KEY (name, type)
    ) ENGINE = InnoDB
    """,
    'DROP TABLE field',
)

# Ids stored for an Idempotency-Key; see chronologer/storage/idempotency.py.
step(
    """
    CREATE TABLE retry (
        owner    BINARY(16) NOT NULL,  -- hash of user and key
        part     VARBINARY(64) NOT NULL,  -- of the request
        digest   BINARY(16) NOT NULL,
        first_id BIGINT NOT NULL,
        n        INT NOT NULL,
        created  BIGINT NOT NULL,  -- seconds since the epoch
        PRIMARY KEY (owner, part),
        KEY retry_created (created)
    ) ENGINE = InnoDB
    """,
    'DROP TABLE retry',
)
