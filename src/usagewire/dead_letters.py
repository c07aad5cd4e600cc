"""Moved to `usagewire.streaming.dead_letters`; pickles and code made before name this module."""

from usagewire.streaming.dead_letters import DeadLetter, DeadLetters

__all__ = ["DeadLetter", "DeadLetters"]
