"""Faults in the C text that the tests must find."""
