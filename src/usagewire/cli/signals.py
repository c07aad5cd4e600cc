"""The handling of SIGINT and SIGTERM while a command is at work.

Only the main thread handles signals. In any other thread, everything here does nothing.
"""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any, Final, NoReturn, TypeAlias

_Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int

ECHO: Final = 0.2
"""Seconds in which a second signal counts as an echo of the first. Programs such as `timeout` send
a signal to a process and then to its group."""

_PAUSE: Final = 0.1
"""Seconds between two attempts to wake the main thread."""

_ATTEMPTS: Final = 3


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. It ends everything that an interrupt ends."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does, and let both end it soon."""

    def end(_: int, __: FrameType | None) -> NoReturn:
        raise Terminated

    with _handled({signal.SIGTERM: end}), _woken():
        yield


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal. A second one, unless it is an echo, has its usual effect."""
    asked: list[float] = []

    def end(number: int, _: FrameType | None) -> None:
        if not asked:
            asked.append(monotonic())
            stop()
        elif monotonic() - asked[0] >= ECHO:
            signal.signal(number, before[number] or signal.SIG_DFL)
            signal.raise_signal(number)

    with _handled({signal.SIGINT: end, signal.SIGTERM: end}) as before:
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore signals during a short step that must not stop halfway."""
    with _handled({signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_IGN}):
        yield


@contextmanager
def _handled(handlers: dict[int, _Handler]) -> Iterator[dict[int, Any]]:
    """Set handlers, yield the previous ones, and restore them at the end."""
    before: dict[int, Any] = {}
    if threading.current_thread() is not threading.main_thread():
        yield before
        return
    try:
        for number, handler in handlers.items():
            before[number] = signal.getsignal(number)
            signal.signal(number, handler)
        yield before
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def _woken() -> Iterator[None]:
    """Act on a signal even if it arrives just before a system call that waits.

    CPython notes such a signal and calls the handler after the wait. The wait may never end if no
    more input comes, so a thread sends a second signal, which interrupts it.
    """
    main = threading.main_thread()
    if threading.current_thread() is not main or not hasattr(signal, "SIGURG"):
        yield
        return
    noted, note = socket.socketpair()
    note.settimeout(0)
    done = threading.Event()

    def wake() -> None:
        while numbers := noted.recv(1):
            for _ in range(_ATTEMPTS if numbers[0] != signal.SIGURG else 0):
                if done.wait(_PAUSE):
                    break
                signal.pthread_kill(main.ident or 0, signal.SIGURG)

    waker = threading.Thread(target=wake, daemon=True)
    with noted, note, _handled({signal.SIGURG: lambda _, __: None}):
        waker.start()
        before = signal.set_wakeup_fd(note.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            done.set()
            note.close()
            waker.join()
