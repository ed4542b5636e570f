"""
Records with counts of them, keys of batches, fields, and process numbers.

``$on`` is empty, or ON CLUSTER with a name. ``$local`` is the table of the records of a shard, and
``$sharded`` its engine. ``$everywhere`` begins the engine of a table that every node has as a
whole. ``$path`` is its path in Keeper; ``$path_and`` is the path before other arguments.
"""

STATEMENTS = (
    # Texts are stored as decoded, so that a record is returned unchanged: the type JSON loses
    # nulls, dots in keys and that 387.0 is a float, and inserting it needs three times as long.
    # Each field of every LogRecord has a column, because its values are similar: this halves the
    # disk space, and a query for one field reads only its column.
    #
    # A partition is a day, but all times before 1970 are one, and all from 2100 on. Projections are
    # in the same parts as their records, so counts stay exact when records are inserted, purged,
    # expired, or lost in a crash.
    """
    CREATE TABLE IF NOT EXISTS $local $on (
        id      UInt64 CODEC(Delta, ZSTD),
        ts      Int64 CODEC(Delta, ZSTD),                     -- microseconds since the epoch
        day     Date MATERIALIZED toDate(least(greatest(intDiv(ts, 86400000000), 0), 47482))
                CODEC(ZSTD),
        bucket  Int32 MATERIALIZED intDiv(ts + 62135596800000000, 900000000) - 69039552
                CODEC(Delta, ZSTD),                           -- of 15 minutes, from the epoch
        level   Int32 CODEC(ZSTD),
        name    LowCardinality(String) CODEC(ZSTD),
        message String CODEC(ZSTD),
        data    String CODEC(ZSTD),                           -- sections of logrec: JSON, or empty
        meta    Tuple(                                        -- fields, each JSON or empty
            args            String,
            asctime         String,
            filename        LowCardinality(String),
            funcName        LowCardinality(String),
            levelname       LowCardinality(String),
            lineno          LowCardinality(String),
            module          LowCardinality(String),
            msecs           String,
            msg             String,
            pathname        LowCardinality(String),
            process         LowCardinality(String),
            processName     LowCardinality(String),
            relativeCreated String,
            stack_info      String,
            taskName        LowCardinality(String),
            thread          LowCardinality(String),
            threadName      LowCardinality(String),
            others          String                            -- the section without these, or empty
        ) CODEC(ZSTD),
        error   String CODEC(ZSTD),
        rest    String CODEC(ZSTD),                           -- an object of all other sections
        text    String CODEC(LZ4HC(4)),                       -- searched text, case-folded
        INDEX ids id TYPE minmax GRANULARITY 1,
        INDEX fields
            arrayMap(field -> sipHash64(field.1, '=', field.2), JSONExtractKeysAndValuesRaw(data))
            TYPE bloom_filter(0.01) GRANULARITY 1,
        INDEX trigrams text TYPE ngrambf_v1(3, 8192, 1, 0) GRANULARITY 1,
        PROJECTION count_by_level (SELECT bucket, level, count() GROUP BY bucket, level),
        PROJECTION count_by_name (SELECT name, bucket, level, count() GROUP BY name, bucket, level)
    )
    ENGINE = $sharded
    PARTITION BY day
    ORDER BY (ts, id)
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1,
             max_suspicious_broken_parts = 0
    """,
    # Ids stored for an Idempotency-Key; written before the records, see insertion.py.
    """
    CREATE TABLE IF NOT EXISTS retry $on (
        owner    String,
        part     String,
        digest   String,
        first_id UInt64,
        n        UInt32,
        created  Int64                                        -- seconds since the epoch
    )
    ENGINE = ${everywhere}MergeTree($path)
    ORDER BY (owner, part, first_id)
    TTL toDateTime(created) + INTERVAL 2 DAY
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
    """,
    """
    CREATE TABLE IF NOT EXISTS field $on (name String, type LowCardinality(String))
    ENGINE = ${everywhere}ReplacingMergeTree($path)
    ORDER BY (name, type)
    """,
    # Which process writes with which number, until when; see process_number.py.
    """
    CREATE TABLE IF NOT EXISTS node $on (
        node  UInt8,
        owner String,
        until Int64                                           -- microseconds since the epoch
    )
    ENGINE = ${everywhere}MergeTree($path)
    ORDER BY (node, until)
    TTL toDateTime(intDiv(until, 1000000)) + INTERVAL 1 DAY
    """,
    # Batches of records that are restored with their ids. A batch is written with its length n
    # before the records, and with 0 after them, so that interrupted batches can be found.
    """
    CREATE TABLE IF NOT EXISTS restored $on (
        after_id UInt64,
        last_id  UInt64,
        n        UInt32,
        version  UInt64
    )
    ENGINE = ${everywhere}ReplacingMergeTree(${path_and}version)
    ORDER BY (after_id, last_id)
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
    """,
)

# On a cluster, the table named record reads and writes all shards. The records of one insert, of
# one process and mostly of one time slot, go to one shard. The shard is a hash: slot and process
# number modulo a power of two would be the process number, so a process would use one shard only.
ON_CLUSTER = (
    """
    CREATE TABLE IF NOT EXISTS record $on AS $local
    ENGINE = Distributed('$cluster', '$database', '$local', intHash64(intDiv(id, 16384)))
    """,
)
