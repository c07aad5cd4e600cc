"""Moved to `usagewire.converters.flat_row`; pickles and code made before name this module."""

from usagewire.converters.flat_row import UsageTimeBucketResultInner

__all__ = ["UsageTimeBucketResultInner"]
