"""``POST /api/v1/record``: records of Python's logging, or any JSON objects."""

from functools import partial
from typing import Any

from chronologer.auth.authenticator import Authenticator
from chronologer.auth.identity import Role
from chronologer.doors import Door, Request
from chronologer.doors.reception import (
    Body,
    Document,
    Reception,
    Retry,
    Several,
    Single,
    digest_of,
)
from chronologer.doors.report import ItemReport, RecordReport
from chronologer.errors import (
    InputError,
    LengthRequiredError,
    LimitError,
    MediaTypeError,
    shown,
)
from chronologer.ingest.encoding import find_encoding
from chronologer.ingest.json_array import Item, decode_array, is_array
from chronologer.ingest.logrecord import decode_form, decode_json, decode_object
from chronologer.ingest.ndjson import Decoder
from chronologer.ingest.raw import decode_raw, decode_raw_object
from chronologer.model import Record
from chronologer.parse import OFFSET_MAX, parse_integer
from chronologer.settings import Settings
from chronologer.storage import Storage
from chronologer.web.declare import Declaration, Parameters
from chronologer.web.params import choice
from chronologer.web.respond import JSON

FORM, NDJSON = 'application/x-www-form-urlencoded', 'application/x-ndjson'
MEDIA_TYPES = FORM, JSON, NDJSON
LINES = frozenset([NDJSON, *(f'application/{name}' for name in ('ndjson', 'jsonl', 'x-jsonlines'))])
MAX_KEY_LENGTH = 255


class RecordDoor(Door):
    """One record as a form or as JSON, or many as a JSON array or NDJSON."""

    path = '/api/v1/record'
    declaration = Declaration(
        Role.WRITER,
        (Parameters(choice('raw', ('0', '1'), '0', '1 accepts any JSON object as a record')),),
    )

    def __init__(self, settings: Settings, authenticator: Authenticator, storage: Storage):
        super().__init__(authenticator)
        self._settings, self._storage = settings, storage

    def begin(self, request: Request) -> Reception:
        """
        Check the request; return the reception of the body.

        Raises:
            ChronologerError: The request is refused: credentials, parameters, format or length.
        """
        identity, params = self.check(request)
        is_raw, headers = params['raw'] == '1', request.headers
        media_type = headers.get('content-type', '').partition(';')[0].strip().lower()
        _check_format(media_type, is_raw)
        encoding = find_encoding(headers.get('content-encoding', ''))
        settings = self._settings
        is_ndjson = media_type in LINES
        limit = settings.max_ndjson_bytes if is_ndjson else settings.max_request_bytes
        length = _parse_length(headers.get('content-length'), limit)
        retry = _parse_key(
            headers.get('idempotency-key'), length, identity.name, media_type, is_raw
        )
        decoded = limit if is_ndjson else settings.max_decoded_bytes
        body = Body(length, limit, encoding(decoded))
        if is_ndjson:
            return self._lines(body, retry, is_raw)
        report, most = RecordReport(self._storage.get), settings.max_record_bytes
        if media_type == FORM:
            return Single(body, retry, report, most, decode_form)
        decode = _decode_raw_text if is_raw else _decode_text
        slice_records = self._storage.slice_records
        return Document(body, retry, report, most, decode, _report_of_array, slice_records)

    def _lines(self, body: Body, retry: Retry | None, is_raw: bool) -> Reception:
        storage = self._storage
        is_engines = storage.reads_lines and not is_raw  # which decodes LogRecords itself
        decoder = Decoder(
            decode_raw if is_raw else decode_json,
            self._settings.max_record_bytes,
            storage.slice_records,
            retry is not None,
            partial(storage.prepare, decode=decode_json) if is_engines else None,
        )
        return Several(body, retry, ItemReport('line', decoder.bad_lines), decoder)


def _report_of_array() -> ItemReport:
    return ItemReport('index')


def _decode_text(text: bytes) -> Record | list[Item]:
    return decode_array(text, decode_object) if is_array(text) else decode_json(text)


def _decode_raw_text(text: bytes) -> Record | list[Item]:
    return decode_array(text, decode_raw_object) if is_array(text) else decode_raw(text)


def _check_format(media_type: str, is_raw: bool) -> None:
    if media_type not in MEDIA_TYPES and media_type not in LINES:
        wanted = ', '.join(MEDIA_TYPES)
        raise MediaTypeError(f'Content-Type: expected one of {wanted}, got {shown(media_type)}')
    if is_raw and media_type == FORM:
        raise InputError(f'raw: a form is not a JSON object; send {JSON} or {NDJSON}')


def _parse_length(declared: str | None, limit: int) -> int | None:
    if declared is None:
        return None
    length = parse_integer('Content-Length', declared, 0, OFFSET_MAX, 'a number of bytes')
    if length > limit:
        raise LimitError(f'the body has {length:,} bytes, the limit is {limit:,}')
    return length


def _parse_key(key: str | None, length: int | None, *request: Any) -> 'Retry | None':
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        wanted = f'expected up to {MAX_KEY_LENGTH} printable ASCII characters'
        raise InputError(f'Idempotency-Key: {wanted}, got {shown(key)}')
    if length is None:
        raise LengthRequiredError(
            'Idempotency-Key needs a Content-Length: a cut of a chunked body would not be noticed'
        )
    user, *form = request
    return Retry(digest_of(f'{user}\0{key}'.encode()), repr(form).encode())
