"""Faults planted in the C text: tests find them."""
