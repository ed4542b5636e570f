"""The page at ``/``, and how the files that it loads are served."""

import gzip
import re
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import cherrypy

from chronologer.api.body import request_headers

STATIC = Path(__file__).parent.parent / 'static'

# By suffix; what a machine knows of types differs.
MEDIA_TYPES = {
    'css': 'text/css;charset=utf-8',
    'html': 'text/html;charset=utf-8',
    'ico': 'image/x-icon',
    'js': 'text/javascript;charset=utf-8',
    'json': 'application/json',
    'png': 'image/png',
    'svg': 'image/svg+xml',
    'txt': 'text/plain;charset=utf-8',
    'woff2': 'font/woff2',
}

COMPRESSED = re.compile(r'(text/|application/json|image/svg)')  # types

# CherryPy's settings: compressed where it helps, and asked for again by the hash of the content.
FILES: dict[str, Any] = {
    'tools.etags.on': True,
    'tools.etags.autotags': True,
    'tools.compress.on': True,
}
FILE_HEADERS = {'Cache-Control': 'no-cache', 'Vary': 'Accept-Encoding'}
FOREVER = {'Cache-Control': 'public, max-age=31536000, immutable', 'Vary': 'Accept-Encoding'}


def _version_of_files() -> str:
    digest = blake2b(digest_size=8)
    for path in sorted(STATIC.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


# The page loads its files by an address that changes with them, so that none is asked for twice.
VERSIONED = f'/static/{_version_of_files()}'


@cherrypy.tools.register('before_finalize', priority=90)  # type: ignore[misc]
def compress() -> None:
    """Tool: compress text for who takes it; CherryPy's own fails at headers that it cannot read."""
    response = cherrypy.serving.response
    is_text = COMPRESSED.match(response.headers.get('Content-Type', ''))
    if is_text and takes_gzip(request_headers().get('accept-encoding', '')):
        response.body = _compressed(response.collapse_body())
        response.headers['Content-Encoding'] = 'gzip'
        response.headers.pop('Content-Length', None)


def takes_gzip(accepted: str) -> bool:
    """Whether ``Accept-Encoding`` has gzip, and not with a weight of 0."""
    for coding in accepted.split(','):
        name, _, weight = coding.partition(';')
        if name.strip().lower() == 'gzip':
            return re.fullmatch(r'\s*q\s*=\s*0(\.0*)?\s*', weight) is None
    return False


@lru_cache(maxsize=100)
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


class Page:
    """Serves the page itself; what it loads comes from `VERSIONED`."""

    exposed = True

    def __init__(self) -> None:
        html = (STATIC / 'index.html').read_text(encoding='utf-8')
        self._html = html.replace('"/static/', f'"{VERSIONED}/').encode()

    @cherrypy.config(**FILES, **{'tools.strict_query.is_ours': False})  # type: ignore[misc]
    def GET(self, *, params: dict[str, str]) -> bytes:
        """The HTML document; the query string is for its own scripts."""
        cherrypy.response.headers.update(FILE_HEADERS)
        cherrypy.response.headers['Content-Type'] = MEDIA_TYPES['html']
        return self._html
