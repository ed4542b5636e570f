"""DSNs in messages."""

import re

# Up to the last @: a password that is not percent-encoded may have any character.
PASSWORD = re.compile(r'(?<=://)([^:/?#@]*):.*@|(?<=password=)[^&#]*', re.DOTALL | re.IGNORECASE)
ENCODE = 'user and password are percent-encoded: / is %2F, # is %23, ? is %3F, @ is %40'


def shown_dsn(dsn: str) -> str:
    """Return the DSN without its password, for messages and logs."""
    return PASSWORD.sub(lambda match: '…' if match[1] is None else f'{match[1]}:…@', dsn)
