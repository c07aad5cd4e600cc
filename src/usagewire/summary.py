"""Moved to `usagewire.analysis.summary`; pickles and code made before name this module."""

from usagewire.analysis.summary import Summary

__all__ = ["Summary"]
