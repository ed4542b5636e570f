"""
Refuses what pages of other sites have a browser send.

A browser adds credentials that it knows to a form of any page, and the default password is known to
everybody. Programs send none of these headers.
"""

from urllib.parse import urlsplit

from chronologer.errors import ForbiddenError, shown

SAFE = frozenset(['GET', 'HEAD', 'OPTIONS', 'TRACE'])  # methods that change nothing, RFC 9110
OURS = frozenset(['same-origin', 'none'])  # of Sec-Fetch-Site; none: the user has typed the address


def check_origin(method: str, headers: dict[str, str]) -> None:
    """
    Make sure that no page of another site has sent a request that changes something.

    Raises:
        ForbiddenError: One has.
    """
    if method in SAFE or 'x-requested-with' in headers:  # which they cannot send
        return
    site, origin = headers.get('sec-fetch-site'), headers.get('origin')
    if site is not None:  # W3C Fetch Metadata; browsers send it by HTTPS and to localhost
        is_ours = site in OURS
    else:
        is_ours = origin is None or _host_of(origin) in _hosts(headers)
    if not is_ours:
        where = f' ({shown(origin)})' if origin else ''
        raise ForbiddenError(f'{method} by a page of another site{where} is not allowed')


def _host_of(origin: str) -> str:
    """Return host and port of an origin; text that no host has, if it is malformed."""
    try:
        return urlsplit(origin).netloc.lower() or '/'
    except ValueError:
        return '/'


def _hosts(headers: dict[str, str]) -> set[str]:
    """Return the hosts by which a browser may know this server."""
    forwarded = headers.get('x-forwarded-host', '').partition(',')[0]
    return {headers.get('host', '').lower(), forwarded.strip().lower()}
