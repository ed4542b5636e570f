"""
Ingestion: bytes of a wire format become records, and the writer commits them.

The decoders are pure. What they hand on is in its stored form already, so that every engine keeps
the same record.
"""
