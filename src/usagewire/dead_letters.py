"""The dead letters are in `usagewire.streaming.dead_letters`. Older pickles name this module."""

from usagewire.streaming.dead_letters import DeadLetter, DeadLetters

__all__ = ["DeadLetter", "DeadLetters"]
