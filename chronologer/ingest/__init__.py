"""
Ingestion: bytes of a wire format become records, and the writer commits them.

The decoders are pure. Their records are in the stored form already, so every engine stores the same
record.
"""
