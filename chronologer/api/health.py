"""``/health`` and ``/ready``, for load balancers and scripts; no credentials."""

import logging
from threading import Lock

import cherrypy
import orjson

from chronologer import __version__
from chronologer.api.params import check_known
from chronologer.api.respond import JSON
from chronologer.errors import ChronologerError, StorageBusyError
from chronologer.storage import Storage

PATIENCE = 1  # seconds that others wait for one that asks the storage

log = logging.getLogger(__name__)


class HealthResource:
    """Says that the process is up, and its version."""

    exposed = True

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"status": "ok", "version": …}``, without asking the storage."""
        check_known(params)
        return _answer({'status': 'ok', 'version': __version__})


class ReadyResource:
    """Says that the storage answers too, and no more of it: anybody may ask."""

    exposed = True

    def __init__(self, storage: Storage):
        self._storage = storage
        self._turn = Lock()

    def GET(self, *, params: dict[str, str]) -> bytes:
        """``{"status": "ok"}``; one asks at a time, so that they do not take all threads."""
        check_known(params)
        if not self._turn.acquire(timeout=PATIENCE):
            raise StorageBusyError('the storage does not answer')
        try:
            self._storage.check()
        except ChronologerError as ex:
            log.error('Not ready: %s', ex.message)
            raise StorageBusyError('the storage does not answer, or is not migrated') from None
        finally:
            self._turn.release()
        return _answer({'status': 'ok'})


def _answer(answer: object) -> bytes:
    cherrypy.response.headers['Content-Type'] = JSON
    cherrypy.response.headers['Cache-Control'] = 'no-store'
    return orjson.dumps(answer)
