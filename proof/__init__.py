"""Proof that the C extension says what the reference says, and that its memory is in order.

Each module is a program of its own, run as `python -m proof.fuzz` and by a make target; all print
in their last line what they did. Nothing here is installed.
"""
