"""``/health`` and ``/ready``, for load balancers and scripts; no credentials."""

import logging
from threading import Lock

from chronologer import __version__
from chronologer.errors import ChronologerError, StorageBusyError
from chronologer.metastore import Metastore
from chronologer.storage import Storage
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.respond import json_answer

PATIENCE = 1  # seconds that a check waits for another check

log = logging.getLogger(__name__)


class HealthResource:
    """Reports that the process is up, and its version."""

    exposed = True

    @takes(Parameters(), role=None)
    def GET(self, *, params: Values) -> bytes:
        """``{"status": "ok", "version": …}``, without a query."""
        return json_answer({'status': 'ok', 'version': __version__}, cache='no-store')


class ReadyResource:
    """Reports whether storage and metastore answer too, without details: it is open to anybody."""

    exposed = True

    def __init__(self, storage: Storage, metastore: Metastore):
        self._storage, self._metastore = storage, metastore
        self._lock = Lock()

    @takes(Parameters(), role=None)
    def GET(self, *, params: Values) -> bytes:
        """``{"status": "ok"}``; one check runs at a time, so checks never occupy all threads."""
        if not self._lock.acquire(timeout=PATIENCE):
            raise StorageBusyError('the storage or the metastore does not answer')
        try:
            self._storage.check()
            self._metastore.check()
        except ChronologerError as ex:
            log.error('Not ready: %s', ex.message)
            raise StorageBusyError(
                'storage or metastore does not answer, or is not migrated'
            ) from None
        finally:
            self._lock.release()
        return json_answer({'status': 'ok'}, cache='no-store')
