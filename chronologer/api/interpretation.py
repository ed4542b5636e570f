"""``/api/v1/interpretation``: how typed text is interpreted."""

from dataclasses import asdict

from chronologer.auth.identity import Role
from chronologer.query.interpretation import Mistake, Nothing, Query, Text, interpret
from chronologer.web.declare import Parameters, Values, takes
from chronologer.web.params import text
from chronologer.web.respond import json_answer

KINDS = {Nothing: 'none', Query: 'query', Text: 'search', Mistake: 'error'}
INTERPRETATION = Parameters(text('text', 'what a user has typed', is_required=True))


class InterpretationResource:
    """Distinguishes queries from texts to search for."""

    exposed = True

    @takes(INTERPRETATION, role=Role.READER)
    def GET(self, *, params: Values) -> bytes:
        """``{"kind"}`` with ``why``, ``terms`` and ``without``, or ``message`` and ``column``."""
        interpretation = interpret(params['text'])
        return json_answer({'kind': KINDS[type(interpretation)], **asdict(interpretation)})
