"""Moved to `usagewire.streaming.pipeline`; pickles and code made before name this module."""

from usagewire.streaming.pipeline import Position

__all__ = ["Position"]
