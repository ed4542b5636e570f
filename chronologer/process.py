"""What `serve` does to its own process before anything is opened: detach, pid file, privileges."""

import errno
import grp
import multiprocessing
import os
import pwd
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from chronologer.errors import ConfigurationError

STARTED = b'\0'  # ends what a detached server says to the one who waits for it


def detach() -> None:
    """
    Go on in the background, as the leader of a session of its own.

    The calling process waits until `announce` is called, shows what was printed until then, and
    exits: with 0 if it was called, else with 1. So ``serve -d`` fails visibly.
    """
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:  # not a session leader: can never get a terminal again
            os.close(read)
            _redirect(write)
            return
        os._exit(0)
    os.close(write)
    os.wait()
    said = b''
    # Not to its end alone: helpers of multiprocessing keep what is stderr now open for good.
    while STARTED not in said and (chunk := os.read(read, 2**16)):
        said += chunk
    print(said.replace(STARTED, b'').decode(errors='replace'), end='', flush=True)
    os._exit(0 if STARTED in said else 1)


def _redirect(write: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    sys.stdout = sys.stderr = os.fdopen(
        write, 'w', buffering=1, encoding='utf-8', errors='backslashreplace'
    )


def announce(line: str) -> None:
    """Print *line* and, if detached, let the one who waits go."""
    print(line, flush=True)
    if sys.stdout is sys.stderr:
        print(STARTED.decode(), end='', flush=True)
        sys.stdout.close()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


@contextmanager
def pid_file(path: Path, user: str | None, group: str | None) -> Iterator[None]:
    """
    Keep this process's id in a file of that user and group, for as long as the block runs.

    Raises:
        ConfigurationError: The file cannot be written, or belongs to a process that runs.
    """
    _check_stale(path)
    try:
        path.write_text(f'{os.getpid()}\n')
        uid, _, gid = _find_user(user)
        gid = _find_group(group) if group is not None else gid
        os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)
    except OSError as ex:
        raise ConfigurationError(f'pid file {path}: {ex.strerror}') from ex
    try:
        yield
    finally:
        try:
            path.unlink()
        except OSError:  # after a change of user the directory may not be ours, but the file is
            with suppress(OSError):
                path.write_text('')


def _check_stale(path: Path) -> None:
    try:
        pid = int(path.read_text())
        if pid == os.getpid():  # left by a container's last run, whose process had the same id
            return
        os.kill(pid, 0)
    except (OSError, ValueError, OverflowError) as ex:
        if getattr(ex, 'errno', None) != errno.EPERM:
            return
    raise ConfigurationError(f'pid file {path}: process {path.read_text().strip()} is running')


def drop_privileges(user: str | None, group: str | None) -> None:
    """
    Become *user* and *group*, given by name or number; without *group*, the user's own group.

    Raises:
        ConfigurationError: There is no such user or group, or we are not allowed to.
    """
    uid, name, gid = _find_user(user)
    gid = _find_group(group) if group is not None else gid
    try:
        if name is not None and gid is not None:
            os.initgroups(name, gid)
        elif gid is not None:
            os.setgroups([gid])
        if gid is not None:
            os.setgid(gid)
        if uid is not None:
            os.setuid(uid)
            os.environ.update(LOGNAME=name or str(uid), USER=name or str(uid))
    except PermissionError as ex:
        raise ConfigurationError('-u and -g need to be started as root') from ex
    for path in (sys.executable, __file__):
        if not os.access(path, os.R_OK):
            wanted = 'Python and Chronologer have to be installed where that user can read them'
            raise ConfigurationError(f'user {os.getuid()} cannot read {path}: {wanted}')


def _find_user(user: str | None) -> tuple[int | None, str | None, int | None]:
    if user is None:
        return None, None, None
    try:
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError) as ex:
        raise ConfigurationError(f'-u {user}: there is no such user') from ex
    return entry.pw_uid, entry.pw_name, entry.pw_gid


def _find_group(group: str) -> int:
    try:
        return (grp.getgrgid(int(group)) if group.isdecimal() else grp.getgrnam(group)).gr_gid
    except (KeyError, OverflowError) as ex:
        raise ConfigurationError(f'-g {group}: there is no such group') from ex


def run_in_child(work: Callable[[], None]) -> None:
    """
    Call *work*, which can be pickled, in a process that ends with it.

    Raises:
        ConfigurationError: It has failed; says why in the words of its own error.
    """
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_tell, args=(work, sender))
    child.start()
    sender.close()
    try:
        error = receiver.recv()
    except EOFError:
        error = 'it died'
    child.join()
    if error:
        raise ConfigurationError(error)


def _tell(work: Callable[[], None], sender: Connection) -> None:
    try:
        work()
        sender.send('')
    except Exception as ex:
        sender.send(getattr(ex, 'message', f'{type(ex).__name__}: {ex}'))


def check_address(host: str, port: int) -> str:
    """
    Return the host's address, and make sure that we can listen there.

    The front would share a port in use with another server.

    Raises:
        ConfigurationError: The port is in use or not ours to use, or the host is not one of ours.
    """
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
        return str(address[0])
    except PermissionError as ex:
        wanted = 'ports under 1024 are for root, and -u takes effect before the port is opened'
        raise ConfigurationError(f'cannot listen on port {port}: {wanted}') from ex
    except (OSError, UnicodeError) as ex:
        why = getattr(ex, 'strerror', None) or 'that is no host'
        raise ConfigurationError(f'cannot listen on {host} port {port}: {why}') from ex


def raise_file_limit(wanted: int) -> None:
    """Let this process and its children have so many files and connections, or what is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def die_with_parent(parent: int) -> None:
    """
    Have the kernel end this process when *parent* is gone; Linux only, see prctl(2).

    It may be gone already: then it ends at once.
    """
    if sys.platform == 'linux':
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
