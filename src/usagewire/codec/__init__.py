"""Bytes to records and records to bytes, without input or output."""
