"""Fixtures of all tests, and the settings of Hypothesis.

A test that decodes or encodes uses the fixture `path` (or `loads`). It then runs once for each way
in `PATHS`, and every decoder and encoder must go that way.
"""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

import usagewire
from tests.support.paths import CACHES, PATHS, SHIPPED, Way, check_ways
from usagewire.converters import classes
from usagewire.native import plans

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background processes with this signal ignored, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=5000)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)


@pytest.fixture(scope="session", params=PATHS)
def path(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Decode and encode in one way from the first object."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (SHIPPED | PATHS[request.param]).items():
            patch.setattr(classes, name, value)
        patch.setattr(plans, "PURE", request.param != "c")
        check_ways(patch)
        # Cached decoders may have seen objects before.
        for cached in CACHES:
            cached.cache_clear()
        assert (request.param == "c") == usagewire.accelerated()
        yield Way(request.param, usagewire.loads, usagewire.Decoder)


@pytest.fixture
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode as the package does by default."""
    for name, value in SHIPPED.items():
        monkeypatch.setattr(classes, name, value)
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def _small_heap() -> Iterator[None]:
    """Freeze all existing objects, so that the garbage collector does not visit them."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def loads(path: Way) -> Callable[..., Any]:
    """Return `usagewire.loads` in one way to decode."""
    return path.loads


@pytest.fixture
def no_gc_callbacks() -> Iterator[None]:
    """Remove Hypothesis's callbacks from the garbage collector, which drops their errors."""
    before = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = before
