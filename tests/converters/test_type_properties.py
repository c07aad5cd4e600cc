"""Properties of the types of fields: each value reads back equal, or is not written."""

from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.comparing import exact
from tests.support.paths import Loads
from tests.support.type_strategies import ANYTHING, CLASSES, TYPES
from usagewire import EncodeError, dumps

SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@SLOW
@given(st.data())
def test_round_trip(loads: Loads, data: st.DataObject) -> None:
    """A class with fields of any supported types reads back equal."""
    cls, values = data.draw(CLASSES)
    record = data.draw(values)
    for _ in range(2):
        assert exact(record) == exact(loads(dumps(record), cls))


@SLOW
@given(TYPES, ANYTHING)
def test_wrong_value(loads: Loads, of: Any, value: Any) -> None:
    """A field with a value of any other type reads back equal, or is not written."""
    cls = attrs.make_class("Holder", {"x": attrs.field(type=of[0])})
    try:
        written = dumps(cls(value))
    except EncodeError:
        return
    assert value == loads(written, cls).x
