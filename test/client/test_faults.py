"""Programs, servers and connections that fail."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from test.client.faults import SCENARIOS
from test.servers.chronologer import Server


@pytest.fixture(scope='module')
def outcomes(tmp_path_factory):
    """Of each scenario, with a server of its own; most of the time they wait."""

    directories = {s: tmp_path_factory.mktemp(s.__name__) for s in SCENARIOS}  # not in threads

    def run(scenario):
        directory = directories[scenario]
        with Server(directory) as server:
            return scenario(server, directory / 'spool', random.Random(387))

    with ThreadPoolExecutor(4) as executor:
        yield {scenario: executor.submit(run, scenario) for scenario in SCENARIOS}


@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_nothing_is_lost_and_nothing_doubled(scenario, outcomes):
    """Of what was stored or on disk."""
    outcome = outcomes[scenario].result()
    assert (0, 0) == (outcome.lost, outcome.doubled)
    assert outcome.safe > outcome.planned / 20
