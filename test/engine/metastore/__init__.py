"""The contract of the metastore, on each dialect with each of its drivers."""
