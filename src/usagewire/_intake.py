"""`Position` is in `usagewire.streaming.pipeline`. Older pickles and code import it from here."""

from usagewire.streaming.pipeline import Position

__all__ = ["Position"]
