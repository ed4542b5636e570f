"""The HTML documents of the pages, and how the files that they load are served."""

import gzip
import re
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import cherrypy

from chronologer.settings import BASE_PATH
from chronologer.web.body import request_headers
from chronologer.web.declare import Values, takes

STATIC = Path(__file__).parent.parent / 'static'

# The path of each page below the base -> the module that shows it. ``static/app/pages.js`` has the
# same paths; a test compares them.
PAGES = {'': 'log/log-page.js', 'saved': 'saved/saved-page.js'}

# By suffix; the types that a machine has configured differ.
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

# CherryPy's settings: text is compressed, and the ETag is a hash of the content.
FILES: dict[str, Any] = {
    'tools.etags.on': True,
    'tools.etags.autotags': True,
    'tools.compress.on': True,
}
FILE_HEADERS = {'Cache-Control': 'no-cache', 'Vary': 'Accept-Encoding'}
FOREVER = {'Cache-Control': 'public, max-age=31536000, immutable', 'Vary': 'Accept-Encoding'}


def _version_of_files() -> str:
    digest = blake2b(digest_size=8)
    for path in sorted(path for path in STATIC.rglob('*') if path.is_file()):
        digest.update(str(path.relative_to(STATIC)).encode() + path.read_bytes())
    return digest.hexdigest()


# The URL of the files changes with their content, so that none is requested twice.
VERSIONED = f'/static/{_version_of_files()}'


@cherrypy.tools.register('before_finalize', priority=90)  # type: ignore[misc]
def compress() -> None:
    """Tool: compress text if the client accepts it; CherryPy's tool fails at malformed headers."""
    response = cherrypy.serving.response
    is_text = COMPRESSED.match(response.headers.get('Content-Type', ''))
    if is_text and accepts_gzip(request_headers().get('accept-encoding', '')):
        response.body = _compressed(response.collapse_body())
        response.headers['Content-Encoding'] = 'gzip'
        response.headers.pop('Content-Length', None)


def accepts_gzip(accepted: str) -> bool:
    """Whether ``Accept-Encoding`` has gzip, and not with a weight of 0."""
    for coding in accepted.split(','):
        name, _, weight = coding.partition(';')
        if name.strip().lower() == 'gzip':
            return re.fullmatch(r'\s*q\s*=\s*0(\.0*)?\s*', weight) is None
    return False


@lru_cache(maxsize=100)
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


IMPORT = re.compile(r"^import (?:.* from )?'(.+)';$", re.MULTILINE)


@lru_cache
def imported_by(*modules: str) -> tuple[str, ...]:
    """
    The modules, and all that they import when they are loaded, in alphabetical order.

    Names are paths below `STATIC`.
    """
    found: set[Path] = set()
    left = {(STATIC / name).resolve() for name in modules}
    while left:
        module = left.pop()
        found.add(module)
        names = IMPORT.findall(module.read_text(encoding='utf-8'))
        left |= {(module.parent / name).resolve() for name in names} - found
    return tuple(sorted(module.relative_to(STATIC.resolve()).as_posix() for module in found))


class Page:
    """
    The HTML document of one page; the files that it loads are at `VERSIONED`.

    It is the same for each page but for the modules that it preloads: those of the shell and of the
    page, so that the browser requests all of them at the same time. All its addresses are relative
    to its ``<base>``, so it works below any path of a proxy.
    """

    exposed = True

    def __init__(self, base_path: str, module: str) -> None:
        html = (STATIC / 'index.html').read_text(encoding='utf-8')
        links = (
            f'<link rel="modulepreload" href="static/{name}">'
            for name in imported_by('app/main.js', module)
        )
        html = html.replace('<!-- modulepreload -->', '\n'.join(links))
        self._html = html.replace('"static/', f'"{VERSIONED[1:]}/')
        self._base_path = base_path

    @cherrypy.config(**FILES)  # type: ignore[misc]
    @takes(role=None)
    def GET(self, *, params: Values) -> bytes:
        """The HTML document; its scripts read the query string."""
        headers = cherrypy.response.headers
        headers.update(FILE_HEADERS)
        headers['Vary'] += ', X-Forwarded-Prefix'
        headers['Content-Type'] = MEDIA_TYPES['html']
        base_path = self._base_path or forwarded_prefix(request_headers())
        base = f'{base_path}/' if base_path else path_to_root(_path())
        return self._html.replace('<base href="./">', f'<base href="{base}">').encode()


def _path() -> str:
    """Return the path of the request with all slashes, some of which CherryPy drops."""
    return str(cherrypy.serving.request.wsgi_environ['PATH_INFO'])


def path_to_root(path: str) -> str:
    """The relative path from a document to the root: ``./`` from /saved, ``../`` from /saved/."""
    return '../' * (path.count('/') - 1) or './'


def forwarded_prefix(headers: dict[str, str]) -> str:
    """The path in ``X-Forwarded-Prefix``; empty if there is none, or if it is not a plain path."""
    prefix = headers.get('x-forwarded-prefix', '').removesuffix('/')
    return prefix if BASE_PATH.fullmatch(prefix) else ''
