"""
The HTTP API: one resource per URL.

CherryPy serves the resources. Doors, such as ``POST /api/v1/record``, bypass it, because the
framework's dispatch costs more than storing a record.
"""
