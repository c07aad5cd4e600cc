"""Sums and conversions of records. This package must not know JSON or files."""
