"""The example programs, run against a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXAMPLES = Path(__file__).parents[2] / 'examples'


@pytest.fixture
def run(server):
    """A function that runs an example and returns its records, complete and oldest first."""

    def run(name: str, logger: str) -> list[dict]:
        environment = {**os.environ, 'CHRONOLOGER': server.host}
        command = [sys.executable, EXAMPLES / f'{name}.py']
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ('', '', 0) == (done.stdout, done.stderr, done.returncode)
        listing = server.get(f'record?left=0&right=99&name={logger}')
        assert len(listing) == server.count(f'name={logger}')
        return [server.get(f'record/{record["id"]}') for record in reversed(listing)]

    return run


def test_imperative(run):
    """A bare HTTPHandler has no formatter, so the server formats the message."""
    info, error = run('imperative', 'example.imperative')
    assert ('Order 387 of bob', 20) == (info['message'], info['level'])
    assert {'order': 387, 'user': 'bob'} == info['logrec']['data']
    assert 'imperative' == info['logrec']['meta']['module']
    assert ('Order 387 failed', 40) == (error['message'], error['level'])
    assert "ZeroDivisionError('division by zero')" in error['logrec']['error']['exc_info']


def test_dictconfig(run):
    """dictConfig sets up the same handler."""
    (record,) = run('dictconfig', 'example.dictconfig')
    assert 'Disk is 93.5% full' == record['message']
    assert {'disk': '/dev/sda1', 'limits': [80, 95]} == record['logrec']['data']


def test_queue_listener(run):
    """All ten records arrive in order before the program ends."""
    records = run('queue_listener', 'example.queue')
    assert [f'Step {number}' for number in range(10)] == [r['message'] for r in records]
    assert list(range(10)) == [record['logrec']['data']['step'] for record in records]


def test_queue_proxy(run):
    """Message, arguments and traceback are separate; the name has the prefix."""
    info, error = run('queue_proxy', 'shop.example.proxy')
    assert 'Order 387 of bob' == info['message']
    assert [387, 'bob'] == info['logrec']['meta']['args']
    assert {'order': 387, 'origname': 'example.proxy'} == info['logrec']['data']
    assert 'Order 387 failed' == error['message']
    assert error['logrec']['error']['exc_text'].startswith('Traceback')
    assert "KeyError: 'key'" in error['logrec']['error']['exc_text']


def test_batch_json(run):
    """Types are kept, also within structures; an exception is text and structure."""
    info, error = run('batch_json', 'shop.example.batch')
    data = {'order': 387, 'items': [{'sku': 'a-1', 'n': 2}], 'origname': 'example.batch'}
    assert ('Order 387 of bob', data) == (info['message'], info['logrec']['data'])
    assert ('shop.example.batch.payment', 40) == (error['name'], error['level'])
    assert error['logrec']['error']['exc_text'].endswith('ValueError: no such order')
    structure = error['logrec']['error']['exc_info']
    assert ('ValueError', 'no such order') == (structure['type'], structure['message'])
    assert [('cause', 'KeyError')] == [(e['relation'], e['type']) for e in structure['chain']]


def test_every_example_is_run():
    """A new example needs a test of its own."""
    tested = {name.removeprefix('test_') for name in globals() if name.startswith('test_')}
    assert {path.stem for path in EXAMPLES.glob('*.py')} <= tested


def test_nodes_of_the_cluster_are_services():
    """Hosts in the configuration of ClickHouse and Keeper are services of the compose file."""
    cluster = EXAMPLES / 'clickhouse-cluster'
    composed = (cluster / 'docker-compose.yml').read_text()
    services = set(
        re.findall(
            r'^  ([a-z]+(?:-[0-9-]+)?):$',
            composed.split('\nservices:')[1].split('\nvolumes:')[0],
            re.M,
        )
    )
    node, keeper, _ = (
        ElementTree.parse(cluster / f'{name}.xml') for name in ('node', 'keeper', 'tiers')
    )
    replicas = [host.text for host in node.findall('remote_servers/logs/shard/replica/host')]
    keepers = [host.text for host in node.findall('zookeeper/node/host')]
    assert services == {'web-1', 'web-2', 'metastore', *replicas, *keepers}
    assert keepers == [
        name.text for name in keeper.findall('.//raft_configuration/server/hostname')
    ]
    assert ['true'] * 2 == [internal.text for internal in node.findall('.//internal_replication')]
