"""
Bounds of slices, queues and transactions: records, and bytes as they were sent.

Each storage has its own best numbers of records: `Storage.slice_records` for a slice of a body of
many records, `Storage.group_records` for a transaction.
"""

from chronologer.storage import Storage

# A slice of a body is stored completely or not at all. It ends after these bytes or
# `slice_records`.
SLICE_BYTES = 8 * 2**20

# Lines of a body. Beyond them, so many for each byte that is sent: few compressed bytes can have
# millions of lines. Those of a loop that logs a counter need half a byte each.
FREE_LINES, LINES_PER_BYTE = 100_000, 20

# Submissions of few records have a queue of their own, so that slices of long bodies never occupy
# the room of single posts.
SMALL = 10  # records
SMALL_RECORDS, SMALL_BYTES = 20_000, 16 * 2**20  # in their queue, or being committed
QUEUED_SLICES = 20  # in the queue of the large ones, if they are full
LARGE_BYTES = 6 * SLICE_BYTES

# Of each UDP listener, so that a flood of datagrams leaves room for posts in the small queue.
DATAGRAM_RECORDS, DATAGRAM_BYTES = SMALL_RECORDS // 10, SMALL_BYTES // 4

# A transaction has up to so many small submissions, so usually all waiting posts, and large ones up
# to `group_records`, so that posts wait for few large ones.
GROUP_SUBMISSIONS = 1000


def slices_in_flight(storage: Storage) -> int:
    """Slices of one body that wait for their commit at a time: enough for a transaction."""
    return max(2, storage.group_records // storage.slice_records)
