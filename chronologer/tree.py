"""Mounts every door and resource at its path, as one callable."""

from typing import Any

import cherrypy

from chronologer.api.export import ExportResource
from chronologer.api.facet import FacetResource
from chronologer.api.field import FieldResource
from chronologer.api.health import HealthResource, ReadyResource
from chronologer.api.interpretation import InterpretationResource
from chronologer.api.record import RecordResource
from chronologer.api.saved import SavedResource
from chronologer.api.session import SessionResource
from chronologer.api.timeline import TimelineResource
from chronologer.auth.authenticator import Authenticator
from chronologer.auth.session import Sessions
from chronologer.doors import Doors
from chronologer.doors.record import RecordDoor
from chronologer.front import Front
from chronologer.front.connections import MAX_CONNECTIONS, Connections
from chronologer.front.health_port import HealthPort
from chronologer.front.intake import Intake
from chronologer.front.listener import Listeners
from chronologer.front.site import Site, WSGIApplication
from chronologer.ingest.writer import Writer
from chronologer.metastore import Metastore
from chronologer.metastore.secret import session_secret
from chronologer.settings import Settings
from chronologer.storage import Storage
from chronologer.web.dispatch import Dispatcher
from chronologer.web.page import (
    FILE_HEADERS,
    FILES,
    FOREVER,
    MEDIA_TYPES,
    PAGES,
    STATIC,
    VERSIONED,
    Page,
)
from chronologer.web.respond import framework_error, pending_error

HEADERS = [
    ('Content-Security-Policy', "default-src 'self'; frame-ancestors 'none'; base-uri 'self'"),
    ('Referrer-Policy', 'no-referrer'),
    ('X-Content-Type-Options', 'nosniff'),
]


class Branch:
    """A part of a path that has resources below it, and is none itself."""

    def __init__(self, **children: object):
        self.__dict__.update(children)


def create_app(settings: Settings, storage: Storage, metastore: Metastore, writer: Writer) -> Front:
    """Return the whole of Chronologer as an ASGI callable, to be closed after use."""
    sessions = Sessions(
        settings.username, settings.password, settings.port, lambda: session_secret(metastore)
    )
    authenticator = Authenticator(settings.username, settings.password, sessions)
    doors = create_doors(settings, authenticator, storage)
    tree = create_tree(authenticator, storage, metastore, settings.base_path)
    application = create_site(tree, configure(authenticator, doors))
    site = Site(application, settings.thread_pool_size)
    health_port = HealthPort(site, settings.host, settings.health_port)
    return Front(
        doors,
        Intake(writer),
        site,
        Connections(settings.port, MAX_CONNECTIONS),
        (Listeners(doors.listeners, writer), health_port),
    )


def create_doors(settings: Settings, authenticator: Authenticator, storage: Storage) -> Doors:
    """Return the table of doors: a row for each way in for records."""
    return Doors([RecordDoor(settings, authenticator, storage)])


def create_site(tree: Branch, configuration: dict[str, dict[str, Any]]) -> WSGIApplication:
    """Return the CherryPy application."""
    cherrypy.log.screen = False
    site: WSGIApplication = cherrypy.Application(tree, '', configuration)
    return site


def create_tree(
    authenticator: Authenticator, storage: Storage, metastore: Metastore, base_path: str
) -> Branch:
    """Return the tree of resources."""
    pages = {path or 'index': Page(base_path, module) for path, module in PAGES.items()}
    return Branch(
        **pages,
        health=HealthResource(),
        ready=ReadyResource(storage, metastore),
        api=Branch(
            v1=Branch(
                export=ExportResource(storage),
                facet=FacetResource(storage),
                field=FieldResource(storage),
                interpretation=InterpretationResource(),
                record=RecordResource(storage),
                saved=SavedResource(metastore),
                session=SessionResource(authenticator),
                timeline=TimelineResource(storage),
            )
        ),
    )


def configure(authenticator: Authenticator, doors: Doors) -> dict[str, dict[str, Any]]:
    """CherryPy's settings, by the paths that they are for."""
    return {
        '/': {
            'request.dispatch': Dispatcher(doors.methods_at),
            'request.error_response': pending_error,
            'error_page.default': framework_error,
            'request.process_request_body': False,
            'request.query_string_encoding': 'latin-1',  # never fails, unlike our own check
            'request.show_tracebacks': False,
            'tools.log_tracebacks.on': False,
            'tools.log_headers.on': False,
            'tools.response_headers.on': True,
            'tools.response_headers.headers': HEADERS,
            'tools.declared_parameters.on': True,
        },
        '/api': {
            'tools.authenticate.on': True,
            'tools.authenticate.authenticator': authenticator,
            'tools.gzip.on': True,
            'tools.gzip.compress_level': 1,  # a third less time than the default, for a tenth more
            'tools.gzip.mime_types': ['application/json', 'application/x-ndjson', 'text/*'],
        },
        '/static': {
            'tools.staticdir.on': True,
            'tools.staticdir.dir': str(STATIC),
            'tools.staticdir.content_types': MEDIA_TYPES,
            'tools.response_headers.headers': [*HEADERS, *FILE_HEADERS.items()],
            **FILES,
        },
        VERSIONED: {
            'tools.staticdir.dir': str(STATIC),
            'tools.response_headers.headers': [*HEADERS, *FOREVER.items()],
        },
    }
