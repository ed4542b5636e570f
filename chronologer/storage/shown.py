"""DSNs in messages."""

import re

PATH = re.compile(r'(sqlite|chdb):/{3}', re.IGNORECASE)
SCHEME = re.compile(r'[a-z0-9+]*:/+', re.IGNORECASE)
NO_PORT = re.compile(r'(?<=:)(?![0-9]*([/?#]|\Z))[^/?#]*')  # a password where a port is expected
IN_QUERY = re.compile(r'(?<=password=)[^&#]*|(?<=passwd=)[^&#]*', re.IGNORECASE)
ENCODE = 'user and password are percent-encoded: / is %2F, # is %23, ? is %3F, @ is %40'


def shown_dsn(dsn: str) -> str:
    """
    Return the DSN without its password, for messages and logs.

    It may be malformed: a password that is not percent-encoded may have any character.
    """
    if PATH.match(dsn):
        return dsn
    scheme = SCHEME.match(dsn)
    start = scheme.end() if scheme else 0
    rest = dsn[start:]
    colon, at = rest.find(':'), rest.rfind('@')
    if at < 0 and not rest.startswith('['):
        rest = NO_PORT.sub('…', rest, count=1)
    elif 0 <= colon < at:
        rest = f'{rest[:colon]}:…{rest[at:]}'
    return IN_QUERY.sub('…', dsn[:start] + rest)
