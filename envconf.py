"""
A configuration to start a deployment from: ``python -m chronologer -c envconf.py -e production …``.

It replaces `chronologer/envconf.py`, which says what each setting means. Here production keeps its
records under /var/lib and takes the password from a file, as container platforms provide secrets.
"""

from os import environ
from pathlib import Path

base = {
    'host': environ.get('CHRONOLOGER_HOST', '127.0.0.1'),
    'port': environ.get('CHRONOLOGER_PORT', 8080),
    'workers': environ.get('CHRONOLOGER_WORKERS', 1),
    'thread_pool_size': environ.get('CHRONOLOGER_THREAD_POOL_SIZE', 64),
    'username': environ.get('CHRONOLOGER_USERNAME', 'logger'),
    'password': environ.get('CHRONOLOGER_PASSWORD', ''),
    'storage_dsn': environ.get('CHRONOLOGER_STORAGE_DSN', 'sqlite:///chronologer.sqlite'),
    'query_timeout': environ.get('CHRONOLOGER_QUERY_TIMEOUT', 10),
    'max_request_bytes': environ.get('CHRONOLOGER_MAX_REQUEST_BYTES', 16 * 2**20),
    'max_decoded_bytes': environ.get('CHRONOLOGER_MAX_DECODED_BYTES', 128 * 2**20),
    'max_ndjson_bytes': environ.get('CHRONOLOGER_MAX_NDJSON_BYTES', 2**30),
    'max_record_bytes': environ.get('CHRONOLOGER_MAX_RECORD_BYTES', 16 * 2**20),
    'log_file': environ.get('CHRONOLOGER_LOG_FILE', ''),
}

development = {**base}

secret = Path(environ.get('CHRONOLOGER_PASSWORD_FILE', '/run/secrets/chronologer_password'))
production = {
    **base,
    'host': environ.get('CHRONOLOGER_HOST', '0.0.0.0'),
    'password': secret.read_text().strip() if secret.exists() else base['password'],
    'storage_dsn': environ.get(
        'CHRONOLOGER_STORAGE_DSN', 'sqlite:////var/lib/chronologer/chronologer.sqlite'
    ),
}
