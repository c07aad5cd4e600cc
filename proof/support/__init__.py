"""Shared code of the proofs: builds, classes, records, exact comparison."""
