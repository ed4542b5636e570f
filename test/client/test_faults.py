"""Programs, servers and connections that fail."""

import random

import pytest

from test.client.faults import SCENARIOS
from test.servers.chronologer import Server


@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_nothing_is_lost_and_nothing_doubled(scenario, tmp_path):
    """Of what was stored or on disk; in the order of the moments that chance has chosen."""
    with Server(tmp_path) as server:
        outcome = scenario(server, tmp_path / 'spool', random.Random(387))
    assert (0, 0) == (outcome.lost, outcome.doubled)
    assert outcome.safe > outcome.logged / 20
