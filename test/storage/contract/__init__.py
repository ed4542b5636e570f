"""
What every engine promises, tried on the real thing.

A new engine adds its word to `ENGINES` in conftest.py, and the way to an empty database.
"""
