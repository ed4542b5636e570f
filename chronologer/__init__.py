"""Chronologer, the log server at the other end of ``logging.handlers.HTTPHandler``."""

__version__ = '1.0.0.dev0'
