"""
Levels of raw objects, as levels of Python's logging.

The same number means different things: 30 is a warning in Python and an information in pino. The
other fields of the object tell which logger has written it.
"""

import math
from typing import Any

from chronologer.parse import LEVEL_MAX, LEVEL_MIN
from chronologer.parse import LEVELS as PYTHON

# Names and abbreviations that Python's logging lacks: of syslog, log4j, java.util.logging, Google
# Cloud, .NET, Serilog, log15, zap, loguru, PostgreSQL, MongoDB and glog.
NAMES = {
    **PYTHON,
    **dict.fromkeys(['TRACE', 'TRC', 'TRCE', 'VERBOSE', 'VRB', 'V', 'T', 'FINEST', 'FINER'], 5),
    **dict.fromkeys(['DBG', 'DBUG', 'D', 'FINE', 'CONFIG', *(f'D{n}' for n in range(1, 6))], 10),
    **dict.fromkeys(['INF', 'I', 'INFORMATION', 'INFORMATIONAL', 'LOG', 'DEFAULT'], 20),
    **dict.fromkeys(['NOTICE', 'SUCCESS'], 25),
    **dict.fromkeys(['WRN', 'W'], 30),
    **dict.fromkeys(['ERR', 'EROR', 'E', 'SEVERE'], 40),
    **dict.fromkeys(['CRIT', 'CRT', 'C', 'FTL', 'F', 'PANIC', 'DPANIC'], 50),
    **dict.fromkeys(['ALERT', 'EMERG', 'EMERGENCY'], 50),
}
SYSLOG = (50, 50, 50, 40, 30, 25, 20, 10)  # by the severity, RFC 5424 section 6.2.1
OTLP = (5, 10, 20, 30, 40, 50)  # each for four severity numbers, from 1

Fields = dict[str, Any]


def read_level(value: Any, _: Fields) -> int | None:
    """Return the level that a name, or a number of Python's logging, means."""
    if isinstance(value, str):
        name = value.strip().upper()
        if name in NAMES:
            return NAMES[name]
    return _number(value)


def read_plain(value: Any, fields: Fields) -> int | None:
    """Read ``level``, whose numbers depend on the logger."""
    level = read_level(value, fields)
    if level is None or level != _number(value):
        return level  # a name
    if 'pid' in fields and 'hostname' in fields and 10 <= level <= 60:
        return max(5, level - 10)  # pino and bunyan: from trace, 10, to fatal, 60
    return read_syslog(value, fields) if 'short_message' in fields else level  # GELF


def read_syslog(value: Any, fields: Fields) -> int | None:
    """Read a severity of syslog, 0 to 7, or what `read_level` reads."""
    number = _number(value)
    is_syslog = number is not None and 0 <= number < len(SYSLOG)
    return SYSLOG[number] if is_syslog and number is not None else read_level(value, fields)


def read_otlp(value: Any, _: Fields) -> int | None:
    """Read a severity number of OpenTelemetry, 1 to 24."""
    number = _number(value)
    return OTLP[(number - 1) // 4] if number is not None and 1 <= number <= 24 else None


def read_nested(value: Any, fields: Fields) -> int | None:
    """Read the level within ``log`` of ECS, or within ``record`` of loguru."""
    level = value.get('level') if isinstance(value, dict) else None
    return read_level(level.get('no') if isinstance(level, dict) else level, fields)


def _number(value: Any) -> int | None:
    """Return a whole number of 32 bits, which may be text or a float."""
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else None
    elif isinstance(value, float):
        value = int(value) if math.isfinite(value) and value.is_integer() else None
    return value if type(value) is int and LEVEL_MIN <= value <= LEVEL_MAX else None


# Fields that may have the level, and how each is read; the first that can be read has precedence.
LEVELS = {
    'level_name': read_level,  # Monolog, whose numbers of ``level`` are others
    'level': read_plain,
    'levelno': read_level,
    'levelname': read_level,
    'severity': read_syslog,
    'severityText': read_level,
    'severityNumber': read_otlp,
    'log.level': read_level,
    '@l': read_level,
    'Level': read_level,
    'LogLevel': read_level,
    'loglevel': read_level,
    'lvl': read_level,
    'error_severity': read_level,
    'PRIORITY': read_syslog,
    's': read_level,
    'log': read_nested,
    'record': read_nested,
}
