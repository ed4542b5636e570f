"""
Default configuration, by environment.

Each setting can be overridden by the environment variable that stands beside it. A module given by
``-c`` replaces this one completely; the ``envconf.py`` of the source distribution is a start.
Values are checked before anything is opened, so they may stay the text that a variable holds.
"""

from os import environ

base = {
    # Address to listen on; whoever reaches it needs the credentials below.
    'host': environ.get('CHRONOLOGER_HOST', '127.0.0.1'),
    'port': environ.get('CHRONOLOGER_PORT', 8080),
    # Processes that serve requests, on the one port; more than one for more than one core.
    'workers': environ.get('CHRONOLOGER_WORKERS', 1),
    # Questions answered at the same time; taking records needs no threads of these.
    'thread_pool_size': environ.get('CHRONOLOGER_THREAD_POOL_SIZE', 64),
    # Credentials of HTTP Basic authentication, for all under /api.
    'username': environ.get('CHRONOLOGER_USERNAME', 'logger'),
    'password': environ.get('CHRONOLOGER_PASSWORD', ''),
    # Where records are kept: sqlite:///relative/path, sqlite:////absolute/path,
    # mysql://user:password@host:port/database, chdb:///absolute/path/of/directory or
    # clickhouse://user:password@host:port/database.
    'storage_dsn': environ.get('CHRONOLOGER_STORAGE_DSN', 'sqlite:///chronologer.sqlite'),
    # Longest that a question may take, in seconds; it is then given up with 503.
    'query_timeout': environ.get('CHRONOLOGER_QUERY_TIMEOUT', 10),
    # Largest bodies, in bytes; larger ones are refused with 413, never cut: as they are sent, after
    # decompression, both of these for many records (application/x-ndjson), and one record.
    'max_request_bytes': environ.get('CHRONOLOGER_MAX_REQUEST_BYTES', 16 * 2**20),
    'max_decoded_bytes': environ.get('CHRONOLOGER_MAX_DECODED_BYTES', 128 * 2**20),
    'max_ndjson_bytes': environ.get('CHRONOLOGER_MAX_NDJSON_BYTES', 2**30),
    'max_record_bytes': environ.get('CHRONOLOGER_MAX_RECORD_BYTES', 16 * 2**20),
    # File to which the server's own log is appended; empty means standard error.
    'log_file': environ.get('CHRONOLOGER_LOG_FILE', ''),
}

development = {**base}

production = {
    **base,
    'host': environ.get('CHRONOLOGER_HOST', '0.0.0.0'),
}

test_suite = {
    **base,
    'storage_dsn': environ.get('CHRONOLOGER_STORAGE_DSN', 'sqlite:///chronologer-test.sqlite'),
}
