"""No records are lost or duplicated when programs, servers and connections fail."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from test.servers.chronologer import Server
from test.system.client.faults import SCENARIOS


@pytest.fixture(scope='module')
def outcomes(tmp_path_factory):
    """The outcomes of all scenarios, run in parallel because they mostly wait."""

    directories = {s: tmp_path_factory.mktemp(s.__name__) for s in SCENARIOS}  # not in threads

    def run(scenario):
        directory = directories[scenario]
        with Server(directory) as server:
            return scenario(server, directory / 'spool', random.Random(387))

    with ThreadPoolExecutor(4) as executor:
        yield {scenario: executor.submit(run, scenario) for scenario in SCENARIOS}


@pytest.mark.parametrize('scenario', SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_safe_record_is_lost_and_none_is_duplicated(scenario, outcomes):
    """All records that were stored or on disk before a fault arrive once."""
    outcome = outcomes[scenario].result()
    assert (0, 0) == (outcome.lost, outcome.duplicate)
    assert outcome.safe > outcome.planned / 20
