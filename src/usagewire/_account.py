"""Moved to `usagewire.codec.counts`; pickles and code made before name this module."""

from usagewire.codec.counts import Counts

__all__ = ["Counts"]
