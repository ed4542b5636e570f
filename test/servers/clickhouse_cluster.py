"""
A cluster of one node on chDB: ``python -m test.servers.clickhouse_cluster PORT PATH``.

The engine is configured with clusters. Both shards of ``two`` are this node; the second one of
``away`` does not exist. Distributed tables, and the execution of their queries on shards and on the
initiator, are those of ClickHouse. All shards have the same table of records, so a row policy shows
each shard only the records of its sharding key.

Keeper is missing: ON CLUSTER is removed before a statement is executed, and engines are not
replicated. Statements are recorded as they were sent, with their settings.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from test.servers.clickhouse import ClickHouse
from test.servers.clickhouse_engine import Engine, Result
from test.servers.clickhouse_http import main

PORT = 9000  # of a shard that is this node; chDB does not listen on it
SHARDS = {'two': (PORT, PORT), 'away': (PORT, 9)}  # no server listens on the discard port
ON_CLUSTER = re.compile(rb" ON CLUSTER '[^']*'")
REPLICATED = re.compile(rb"Replicated(\w*MergeTree\()'[^']*', '[^']*'(?:, )?")
DATABASES = 200  # with the row policy
FILTER = 'shardNum() = 0 OR shardNum() = 1 + intHash64(intDiv(id, 16384)) % 2'
USERS = """
<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
      <databases>{}</databases>
    </default>
  </users>
</clickhouse>
"""


def configuration(directory: Path, more: str = '') -> Path:
    """Write the configuration of a node whose data are below *directory*, and return its path."""
    clusters = ''.join(
        f'<{name}>{"".join(map(_shard, ports))}</{name}>' for name, ports in SHARDS.items()
    )
    users = directory / 'users.xml'
    policy = f'<record_local><filter>{FILTER}</filter></record_local>'
    names = [f'shards_{number}' for number in range(DATABASES)]
    users.write_text(USERS.format(''.join(f'<{name}>{policy}</{name}>' for name in names)))
    path = directory / 'config.xml'
    path.write_text(
        f"""
        <clickhouse>
          <path>{directory}/data/</path>
          <tcp_port>{PORT}</tcp_port>
          <users_config>{users}</users_config>
          <remote_servers>{clusters}</remote_servers>
          <macros><shard>01</shard><replica>first</replica></macros>
          {more}
        </clickhouse>
        """
    )
    return path


def _shard(port: int) -> str:
    replica = f'<replica><host>127.0.0.1</host><port>{port}</port></replica>'
    return f'<shard><internal_replication>true</internal_replication>{replica}</shard>'


class ClusterEngine(Engine):
    """chDB with clusters."""

    def __init__(self, path: str):
        directory = Path(path)
        super().__init__(f'{directory}/data?config-file={configuration(directory)}')
        self._log = (directory / 'statements').open('a')

    def execute(
        self, text: bytes, database: str, settings: dict[str, str], parameters: dict[str, str]
    ) -> Result:
        statement = text.decode(errors='replace')
        self._log.write(json.dumps((database, statement, settings)) + '\n')
        self._log.flush()
        text = REPLICATED.sub(rb'\1', ON_CLUSTER.sub(b'', text))
        return super().execute(text, database, settings, parameters)


class Cluster(ClickHouse):
    """The cluster in a process of its own."""

    module = 'test.servers.clickhouse_cluster'

    def __init__(self, directory: Path):
        self._statements = directory / 'data' / 'statements'
        self._numbers = iter(range(DATABASES))
        super().__init__(directory)

    def empty_dsn(self, name: str = '') -> str:
        """Return the DSN of a new database; one with a *name* shows each shard all records."""
        return super().empty_dsn(name or f'shards_{next(self._numbers)}')

    def statements(self, database: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the statements that were executed in a database, with their settings."""
        lines = map(json.loads, self._statements.read_text().splitlines())
        return [(text, settings) for name, text, settings in lines if name == database]


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2], ClusterEngine)
