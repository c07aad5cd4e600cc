"""`usagewire info`, which lists the types that C reads and writes."""

import json
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import run
from tests.support.paths import OURS
from usagewire import DeadLetter, UsageTimeBucketResultInner, __version__, accelerated
from usagewire.native import plans
from usagewire.native.lowering import Lowering, NotLoweredError

SHOP = """
import attrs, usagewire

@attrs.frozen
class Order:
    number: int
    usage: usagewire.UsageResult | None = None

class Tills:
    @attrs.frozen
    class Till:
        number: int = attrs.field(converter=int)

Either = usagewire.CostsResult | usagewire.UsageVectorStoresResult
Mixed = Order | int

@attrs.frozen
class Blob:
    raw: bytes

@attrs.frozen
class Unreadable:
    field: object()
"""

BLOB = [f"Blob is {done} by the reference" for done in ("read", "written")]
TILL = "Till is not for C"

native = pytest.mark.skipif(not accelerated(), reason="needs the C extension")


@pytest.fixture
def shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write a module of classes, and modules that cannot be imported, into the current folder."""
    (folder / "shop.py").write_text(SHOP)
    (folder / "broken.py").write_text("1 / 0")
    (folder / "ended.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = Lowering._class  # noqa: SLF001 -- C takes every class, so this refuses some

    def refusing(self: Any, layout: Any, *given: Any) -> Any:
        match layout.cls.__name__:
            case "Till":
                raise NotLoweredError(TILL)
            case "Blob":
                raise NotLoweredError(BLOB[self._direction != "read"])
        return made(self, layout, *given)

    monkeypatch.setattr(Lowering, "_class", refusing)
    yield
    sys.modules.pop("shop", None)


def listed(*arguments: str) -> dict[str, Any]:
    """Return what `info` prints as JSON."""
    return json.loads(run("info", "--format", "json", *arguments).stdout)  # type: ignore[no-any-return]


@native
@pytest.mark.usefixtures("shop")
def test_the_reasons_are_those_of_the_decoder_and_the_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each class of the package and each given type is listed with the reasons."""
    monkeypatch.setattr(plans, "PURE", False)
    names = ("shop:Order", "shop:Tills.Till", "shop:Either", "shop:Blob")
    whole = listed(*names)
    types = {each["type"]: [*each.values()][1:] for each in whole["types"]}
    assert [True, None, __version__] == [
        whole[key] for key in ("accelerated", "not_accelerated", "version")
    ]
    assert {
        *(kind.__name__ for kind in [*OURS, UsageTimeBucketResultInner, DeadLetter]),
        *names,
    } == types.keys()
    others = {name: reasons for name, reasons in types.items() if reasons != [None, None]}
    assert {"shop:Tills.Till": [TILL] * 2, "shop:Blob": BLOB} == others


@pytest.mark.usefixtures("shop")
def test_without_the_extension_the_reason_is_printed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extension, the reference reads and writes every type."""
    monkeypatch.setattr(plans, "PURE", True)
    whole = listed("shop:Order")
    reason = "USAGEWIRE_PURE is set"
    assert (False, reason) == (whole["accelerated"], whole["not_accelerated"])
    assert {(reason, reason)} == {tuple([*each.values()][1:]) for each in whole["types"]}
    head, body = run("info", "shop:Order").stdout.split("\n\n")
    assert f"path     reference: {reason}" == head.splitlines()[-1]
    assert {("reference", "reference")} == {
        tuple(line.split()[1:]) for line in body.splitlines()[1:]
    }


@native
@pytest.mark.usefixtures("shop")
def test_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason that holds for both ways is printed once, and different reasons with their way."""
    monkeypatch.setattr(plans, "PURE", False)
    printed = run("info", "shop:Tills.Till", "shop:Blob").stdout.splitlines()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    assert [f"version  {__version__}", f"Python   {python}", "path     C extension", ""] == printed[
        :4
    ]
    cells = {line.split()[0]: re.split(" {2,}", line)[1:] for line in printed[4:]}
    by = ["reference", "reference"]
    assert ["read by", "written by", "why not by C"] == cells["type"]
    assert ["C", "C"] == cells["UsageResponse"]
    assert [*by, TILL] == cells["shop:Tills.Till"]
    assert [*by, f"reading: {BLOB[0]}; writing: {BLOB[1]}"] == cells["shop:Blob"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop", "shop: a type must be given as module:Class"),
        (":Order", ":Order: a type must be given as module:Class"),
        ("shop:", "shop:: a type must be given as module:Class"),
        ("shop:Nothing", "shop:Nothing: cannot be imported: AttributeError: module 'shop' has no"),
        ("absent:Order", "absent:Order: cannot be imported: ModuleNotFoundError: No module named"),
        (".shop:Order", ".shop:Order: cannot be imported: TypeError: "),
        ("broken:Order", "broken:Order: cannot be imported: ZeroDivisionError: division by zero"),
        ("ended:Order", "ended:Order: cannot be imported: SystemExit: 3"),
        ("builtins:int", "builtins:int: not an attrs class or a union of attrs classes"),
        ("shop:Mixed", "shop:Mixed: not an attrs class or a union of attrs classes"),
        ("shop:Unreadable", "shop:Unreadable: cannot decode into "),
        ("\x1b:Order", "\\x1b:Order: cannot be imported"),
    ],
)
def test_an_unusable_type_is_an_error(name: str, expected: str) -> None:
    """Only the error is printed, and it quotes the given type."""
    result = run("info", "usagewire:CostsResult", name)
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"Error: {expected}" in result.stderr
