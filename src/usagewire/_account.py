"""`Counts` is in `usagewire.codec.counts`. Older pickles and code import it from here."""

from usagewire.codec.counts import Counts

__all__ = ["Counts"]
