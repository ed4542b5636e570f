"""Tests that share a server run in one worker of pytest-xdist."""

import pytest


@pytest.mark.xdist_group('example')
def test_pytest_xdist_reads_groups(request):
    """It adds the group to the node id, without which it distributes tests one by one."""
    is_grouped = getattr(request.config.option, 'loadgroup', False)  # in a worker
    assert is_grouped == request.node.nodeid.endswith('@example')
