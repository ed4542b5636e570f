"""DSNs as they may be seen."""

from urllib.parse import urlsplit


def shown_dsn(dsn: str) -> str:
    """The DSN as it may stand in a message or a log: without its password."""
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return f'{dsn.partition(":")[0]}:…'
    credentials, at, host = parts.netloc.rpartition('@')
    user, colon, _ = credentials.partition(':')
    if not (at and colon):
        return dsn
    return parts._replace(netloc=f'{user}:…@{host}').geturl()
