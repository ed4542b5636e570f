"""
Records, with counts of them; and what is kept for retries and for users.

``$on`` is empty, or ON CLUSTER with a name. ``$local`` is the table of records of a shard; its
engine is ``$sharded``; ``$everywhere`` begins the engine of a table that every node has as a whole,
and ``$path`` is where Keeper has it; ``$path_and`` is that before other arguments.
"""

STATEMENTS = (
    # Texts are as they were decoded, so that a record comes back as it was: the type JSON forgets
    # nulls, dots in keys and that 387.0 is a float, and takes three times as long to be inserted.
    # What each LogRecord has, which says much the same in many records, is a column for each field;
    # so it takes half of the disk, and a question about one field reads that one.
    #
    # Partitions are days, of which all times before 1970 are one, and all from 2100 on. Projections
    # are kept in the same parts as their records, so that counts are exact whatever is inserted,
    # purged, expired, or cut off by a crash.
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
        text    String CODEC(LZ4HC(4)),                       -- what is searched, folded
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
    # What was stored for an Idempotency-Key; written before the records, so see insertion.py.
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
    """
    CREATE TABLE IF NOT EXISTS secret $on (value String, created Int64)
    ENGINE = ${everywhere}MergeTree($path)
    ORDER BY (created, value)
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
    """,
    # A search that was dropped is a version without a state.
    """
    CREATE TABLE IF NOT EXISTS saved $on (name String, state Nullable(String), version UInt64)
    ENGINE = ${everywhere}ReplacingMergeTree(${path_and}version)
    ORDER BY name
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
    """,
    # Which process writes as which node, until when; see node.py.
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
    # Batches of records that are restored with their ids: written before with their number n, and
    # with 0 after, so that those that were interrupted are known.
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

# On a cluster, what is read and written by the name of the table reaches all shards. The records of
# an insert, which are of one process and mostly of one slot of time, go to one shard; by a hash,
# because slot and node, modulo a power of two, are the node: a process would have but one shard.
ON_CLUSTER = (
    """
    CREATE TABLE IF NOT EXISTS record $on AS $local
    ENGINE = Distributed('$cluster', '$database', '$local', intHash64(intDiv(id, 16384)))
    """,
)
