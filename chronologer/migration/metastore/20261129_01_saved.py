"""
Saved searches, the secret of sessions, leases.

On MySQL the first two tables may already exist with rows, because unreleased versions stored them
in the database of the records.
"""

from yoyo import step

# Searches that users have named: as bytes, so that case and trailing spaces count.
step(
    """
    CREATE TABLE IF NOT EXISTS saved (
        name  $bytes800 NOT NULL PRIMARY KEY,
        state $text NOT NULL
    ) $options
    """,
    'DROP TABLE saved',
)

# Signs the cookies of sessions in all processes and after restarts; created on first use.
step(
    """
    CREATE TABLE IF NOT EXISTS secret (
        only  $small NOT NULL PRIMARY KEY,
        value $bytes32 NOT NULL
    ) $options
    """,
    'DROP TABLE secret',
)

# Tasks that one process at a time may run.
step(
    """
    CREATE TABLE lease (
        name   $name NOT NULL PRIMARY KEY,
        owner  $name NOT NULL,
        expiry $integer NOT NULL  -- microseconds since the epoch
    ) $options
    """,
    'DROP TABLE lease',
)
