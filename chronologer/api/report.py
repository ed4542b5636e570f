"""The answer to a body of many records: which lines were stored, and what was wrong with others."""

from array import array
from collections.abc import Iterator, Sequence
from heapq import merge

import orjson

from chronologer.api.respond import JSON, Answer, error_response, printable
from chronologer.errors import ChronologerError, InputError
from chronologer.ingest.ndjson import BadLine, bad_line


class Report:
    """Knows what has become of each line, in little memory."""

    def __init__(self, bad_lines: list[BadLine]):
        self._refused = bad_lines  # more may be added by whoever decodes
        self._stored: list[tuple[Sequence[int], int]] = []  # lines, first id

    def __len__(self) -> int:
        return len(self._refused) + sum(len(lines) for lines, _ in self._stored)

    def add_stored(self, lines: Sequence[int], ids: list[int]) -> None:
        """Note records that were stored together."""
        first, last = lines[0], lines[-1]
        is_gapless = last - first + 1 == len(lines)
        kept = range(first, last + 1) if is_gapless else array('Q', lines)
        self._stored.append((kept, ids[0]))

    def add_refused(self, line: int, error: ChronologerError) -> None:
        """Note a record that the storage does not take."""
        self._refused.append(bad_line(line, error))

    def answer(self, error: Exception | None) -> Answer:
        """
        201 and the ids, 207 and what became of each line, or an error.

        An error that ended the request early, or that no line was stored, comes with what became
        of each line too.
        """
        if error is None and self._refused and not self._stored:
            error = InputError(f'none of {len(self._refused):,} lines could be stored')
        if error is not None:
            return self._add_records(error_response(error, 'POST'))
        if self._refused:
            return 207, [('content-type', JSON)], b'{"records":[%b]}' % self._records()
        ids = (range(first, first + len(lines)) for lines, first in self._stored)
        body = b','.join(orjson.dumps(list(some))[1:-1] for some in ids)
        return 201, [('content-type', JSON)], b'[%b]' % body

    def _add_records(self, answer: Answer) -> Answer:
        status, headers, body = answer
        if not (self._stored or self._refused):
            return answer
        headers = [header for header in headers if header[0].lower() != 'content-length']
        return status, headers, b'%b,"records":[%b]}' % (body[:-1], self._records())

    def _records(self) -> bytearray:
        """What became of each line, in their order; with hardly more memory than the text."""
        text = bytearray()
        for _, entry in merge(self._stored_entries(), self._refused_entries()):
            text += b',' if text else b''
            text += entry
        return text

    def _stored_entries(self) -> Iterator[tuple[int, bytes]]:
        for lines, first in sorted(self._stored, key=lambda stored: stored[0][0]):
            for id, line in enumerate(lines, first):
                yield line, b'{"line":%d,"id":%d}' % (line, id)

    def _refused_entries(self) -> Iterator[tuple[int, bytes]]:
        for line, kind, message in sorted(self._refused):
            error = {'type': kind, 'message': printable(message)}
            yield line, orjson.dumps({'line': line, 'error': error})
