"""`Summary` is in `usagewire.analysis.summary`. Older pickles and code import it from here."""

from usagewire.analysis.summary import Summary

__all__ = ["Summary"]
