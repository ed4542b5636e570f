"""The process of ``serve``: background, pid file, user, file limit, address."""

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
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from chronologer.errors import ConfigurationError

STARTED = b'\0'  # ends the output that a detached server sends to the process that waits for it


def detach() -> None:
    """
    Go on in the background, as the leader of a session of its own.

    The calling process waits until `announce` is called, shows what was printed until then, and
    exits: with 0 if it was called, else with 1. So ``serve -d`` fails visibly.
    """
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:  # is no session leader, so it can never get a terminal again
            os.close(read)
            _redirect(write)
            return
        os._exit(0)
    os.close(write)
    os.wait()
    said = b''
    # Not until the end of the stream: helpers of multiprocessing keep this stderr open.
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
    """Print *line* and, if detached, end the process that waits for it."""
    print(line, flush=True)
    if sys.stdout is sys.stderr:
        print(STARTED.decode(), end='', flush=True)
        sys.stdout.close()
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


@contextmanager
def pid_file(path: Path, user: str | None, group: str | None) -> Iterator[None]:
    """
    Write the id of this process to a file of *user* and *group*, which is deleted after the block.

    The file is new, so that root neither follows a link nor gives the file of another away.

    Raises:
        ConfigurationError: The file cannot be written, or belongs to a process that runs.
    """
    try:
        _remove_stale(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        _fill(descriptor, user, group)
    except OSError as ex:
        raise ConfigurationError(f'pid file {path}: {ex.strerror}') from ex
    try:
        yield
    finally:
        try:
            path.unlink()
        except OSError:  # after a change of user the directory may not be ours, but the file is
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _fill(descriptor: int, user: str | None, group: str | None) -> None:
    os.write(descriptor, b'%d\n' % os.getpid())
    os.fchmod(descriptor, 0o644)  # it is no secret, as other files are
    uid, _, gid = _find_user(user)
    gid = _find_group(group) if group is not None else gid
    os.fchown(descriptor, -1 if uid is None else uid, -1 if gid is None else gid)


def _remove_stale(path: Path) -> None:
    """Remove the file of a process that has ended."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    with open(descriptor, errors='replace') as file:
        text = file.read(100).strip()
    if text and not (text.isascii() and text.isdecimal()):
        raise ConfigurationError(f'pid file {path}: it has other content, so it is not replaced')
    # Our own id was left by the last run of a container, whose process had the same one.
    if text and int(text) != os.getpid() and _is_running(int(text)):
        raise ConfigurationError(f'pid file {path}: process {text} is running')
    path.unlink()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OverflowError:
        return False
    except OSError as ex:
        return ex.errno == errno.EPERM
    return True


def drop_privileges(user: str | None, group: str | None) -> None:
    """
    Change to *user* and *group*, names or numbers; the default group is that of the user.

    Raises:
        ConfigurationError: There is no such user or group, or this process may not change to it.
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
        ConfigurationError: It has failed; the message is that of its own error.
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
    Return the address of a host, and make sure that the server can listen there.

    granian itself would share a port that another server uses.

    Raises:
        ConfigurationError: The port is in use or forbidden, or the host is not this machine.
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
    """Raise the limit of open files for this process and its children, as far as is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def die_with_parent(parent: int) -> None:
    """
    Have the kernel kill this process when *parent* is gone; Linux only, see prctl(2).

    A signal that Python has to handle would not end a process that hangs, and such a process may
    have the write lock. What was acknowledged is stored. If the parent is gone already, this
    process ends immediately.
    """
    if sys.platform == 'linux':
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
