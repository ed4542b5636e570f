"""The secret of sessions."""

import contextlib
import subprocess
import sys
import textwrap

from chronologer.metastore import open_metastore
from chronologer.metastore.secret import session_secret
from test.engine.metastore.conftest import ONCE, in_parallel


def test_the_secret_is_persistent_and_random(empty_dsn):
    """The secret has 32 bytes and is the same after the metastore is opened again."""
    secrets = []
    for dsn in (empty_dsn(), empty_dsn()):
        for _ in range(2):
            with open_metastore(dsn) as metastore:
                metastore.migrate()
                secrets += [session_secret(metastore), session_secret(metastore)]
    assert 32 == len(secrets[0])
    assert ([secrets[0]] * 4, [secrets[4]] * 4) == (secrets[:4], secrets[4:])
    assert secrets[0] != secrets[4]


def test_concurrent_threads_get_the_same_secret(dsn):
    """Threads with own or shared metastores create one secret."""
    with contextlib.ExitStack() as stack:
        metastores = [stack.enter_context(open_metastore(dsn)) for _ in range(6)]
        tasks = [lambda m=metastore: session_secret(m) for metastore in metastores * 2]
        secrets = in_parallel(tasks)
    assert (12, 1) == (len(secrets), len(set(secrets)))


@ONCE
def test_concurrent_processes_get_the_same_secret(dsn):
    """Processes that start at the same time create one secret."""
    code = f"""
        import sys
        from chronologer.metastore import open_metastore
        from chronologer.metastore.secret import session_secret
        with open_metastore('{dsn}') as metastore:
            print('ready', flush=True)
            sys.stdin.read()
            print(session_secret(metastore).hex())
    """
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', textwrap.dedent(code)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert 'ready\n' == process.stdout.readline()
    for process in processes:
        process.stdin.close()
    secrets = [process.stdout.read() for process in processes]
    for process in processes:
        process.stdout.close()
        assert 0 == process.wait()
    assert 1 == len(set(secrets))
    assert 65 == len(secrets[0])
