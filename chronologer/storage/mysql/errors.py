"""
The meaning of error codes of MySQL and MariaDB.

They are from the reference manuals' lists of server and client errors.
"""

from chronologer.errors import DiskFullError, StorageBusyError, StorageError

UNDONE = {1205, 1213}  # lock wait timeout, deadlock
LOST = {
    0,  # the driver has closed the connection
    1053,  # server shutdown in progress
    1927,  # connection was killed (MariaDB)
    2006,  # server has gone away
    2013,  # lost connection during query
    2055,  # lost connection, with the system's error
    3169,  # session was killed
    4031,  # disconnected by the server because of inactivity
}
AWAY = {
    1040,  # too many connections
    1158, 1159, 1160, 1161,  # network errors and timeouts
    1203, 1226,  # more connections than the user may have
    1290, 1836,  # read-only
    2002, 2003,  # cannot connect
}  # fmt: skip
TIMED_OUT = {1969, 3024}  # MariaDB's max_statement_time, MySQL's MAX_EXECUTION_TIME
FULL = {1021, 1114}  # disk full, the table is full
OUT_OF_RANGE = 1690
NO_SUCH_TABLE = 1146


def code_of(error: BaseException | None) -> int | None:
    """Return the error code of a driver's exception."""
    args = getattr(error, 'args', ())
    return args[0] if args and isinstance(args[0], int) else None


def error_class(code: int | None) -> type[StorageError]:
    """Return the class of our errors for an error code."""
    if code in FULL:
        return DiskFullError
    return StorageBusyError if code in UNDONE | LOST | AWAY else StorageError


def is_undone(error: BaseException | None, is_committing: bool) -> bool:
    """
    Return whether the server has undone a transaction, or never got its COMMIT.

    If the connection is lost after COMMIT was sent, the transaction may have been committed.
    """
    return code_of(error) in UNDONE or (code_of(error) in LOST and not is_committing)
