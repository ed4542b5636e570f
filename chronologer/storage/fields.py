"""
Fields of records: paths in ``logrec`` as a query names them, and their types.

Every engine stores the fields of its records, up to `chronologer.storage.MAX_FIELDS`.
"""

TYPES = {int: 'number', float: 'number', str: 'text', bool: 'boolean', list: 'array'}
MAX_FIELD_NAME = 200  # characters; fields with longer names are not kept

Fields = set[tuple[str, str]]  # names, as in a query, and types
