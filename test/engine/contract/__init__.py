"""
The contract of all storage engines, tested on real servers.

To add an engine, add its name to `ENGINES` in conftest.py, and there the DSN of an empty database.
Tests that depend on the driver have the mark `EVERY_DRIVER`, and also run with the other drivers.
"""
