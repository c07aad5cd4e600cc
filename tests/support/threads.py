"""Work in several threads at once."""

import threading
from collections.abc import Callable


def in_threads(work: Callable[[], object], count: int = 8) -> list[BaseException]:
    """Run `work` in threads at once; return what it raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
