"""Levels in the objects of other loggers."""

import pytest

from chronologer.ingest.raw import decode_raw_object

PINO = {'pid': 30154, 'hostname': 'vm'}
GELF = {'version': '1.1', 'host': 'vm', 'short_message': 'm'}


def level_of(**fields) -> int:
    return decode_raw_object({'message': 'm', **fields}).level


@pytest.mark.parametrize(
    ('text', 'level'),
    [
        ('WRN', 30), ('dpanic', 50), ('error ', 40), (' Information', 20), ('vrb', 5), ('EROR', 40),
        ('DBG', 10), ('ftl', 50), ('SUCCESS', 25), ('SEVERE', 40), ('FINEST', 5), ('D3', 10),
        ('W', 30), ('40 ', 40), ('', 20), ('-', 20), ('ERROR!', 20),
    ],
)  # fmt: skip
def test_names_of_other_loggers(text, level):
    """Names and abbreviations are read in any case; blanks around them do not count."""
    assert level == level_of(level=text)


@pytest.mark.parametrize(
    ('value', 'level'), [(10, 5), (20, 10), (30, 20), (40, 30), (50, 40), (60, 50), ('info', 20)]
)
def test_numbers_of_pino_and_bunyan(value, level):
    """They are 10 higher than those of Python."""
    assert level == level_of(level=value, **PINO)


@pytest.mark.parametrize(
    ('value', 'level'), [(0, 50), (2, 50), (3, 40), (4, 30), (5, 25), (6, 20), (7, 10), (8, 8)]
)
def test_severities_of_syslog(value, level):
    """GELF, journald and rsyslog have severities of syslog, as numbers or text."""
    assert level == level_of(level=value, **GELF)
    assert level == level_of(PRIORITY=str(value)) == level_of(severity=str(value))


@pytest.mark.parametrize(
    ('number', 'level'), [(1, 5), (5, 10), (9, 20), (13, 30), (17, 40), (24, 50)]
)
def test_severities_of_opentelemetry(number, level):
    """Each level has four of them."""
    assert level == level_of(severityNumber=number)
    assert 20 == level_of(severityNumber=0) == level_of(severityNumber=25)


@pytest.mark.parametrize(
    'fields',
    [
        {'levelname': 'ERROR'}, {'level_name': 'ERROR', 'level': 400}, {'log.level': 'error'},
        {'log': {'level': 'error'}}, {'@l': 'Error'}, {'Level': 'Error'}, {'LogLevel': 'Error'},
        {'lvl': 'eror'}, {'s': 'E', 'c': 'NETWORK'}, {'error_severity': 'ERROR'},
        {'record': {'level': {'name': 'ERROR', 'no': 40}}}, {'severityText': 'Error'},
        {'level': None, 'severity': 'error'}, {'level': {}, 'lvl': 40.0},
    ],
    ids=str,
)  # fmt: skip
def test_where_other_loggers_have_it(fields):
    """The first field that can be read counts."""
    assert 40 == level_of(**fields)
