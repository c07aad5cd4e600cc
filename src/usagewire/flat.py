"""`UsageTimeBucketResultInner` is in `usagewire.converters.flat_row`; older pickles name this."""

from usagewire.converters.flat_row import UsageTimeBucketResultInner

__all__ = ["UsageTimeBucketResultInner"]
