"""Logs that grow and are rotated."""
