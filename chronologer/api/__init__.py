"""
HTTP: one resource per URL, and what they share.

CherryPy serves the resources. Only ingestion, ``POST /api/v1/record``, passes it by, because the
framework's dispatch costs more than storing the record does.
"""
