"""Branches of the C text that the proofs take."""
