"""The command line: `info`, which lists the types that C reads and writes."""

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
class Odd:
    raw: bytes

@attrs.frozen
class Unreadable:
    what: object()
"""

ODD = [f"bytes is {done} by a hook that C does not know" for done in ("read", "written")]
TILL = "Till does more with number than to store it"

native = pytest.mark.skipif(not accelerated(), reason="needs the C extension")


@pytest.fixture
def shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in a folder with a module of classes, and with modules that cannot be imported."""
    (folder / "shop.py").write_text(SHOP)
    (folder / "broken.py").write_text("1 / 0")
    (folder / "ended.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(sys, "path", [*sys.path])
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
    """Each class of ours is listed, and each type that is given, with the reasons."""
    monkeypatch.setattr(plans, "PURE", False)
    whole = listed("shop:Order", "shop:Tills.Till", "shop:Either", "shop:Odd")
    types = {each["type"]: [*each.values()][1:] for each in whole["types"]}
    assert [True, None, __version__] == [
        whole[key] for key in ("accelerated", "not_accelerated", "version")
    ]
    assert {
        *(kind.__name__ for kind in [*OURS, UsageTimeBucketResultInner, DeadLetter]),
        *("shop:Order", "shop:Tills.Till", "shop:Either", "shop:Odd"),
    } == types.keys()
    others = {name: reasons for name, reasons in types.items() if reasons != [None, None]}
    hooks = "__attrs_pre_init__ or __attrs_post_init__"
    assert {
        "DeadLetter": [f"DeadLetter has {hooks}"] * 2,
        "shop:Tills.Till": [TILL] * 2,
        "shop:Odd": ODD,
    } == others


@pytest.mark.usefixtures("shop")
def test_without_the_extension_says_why_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is read and written by the reference then."""
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
    """A reason for both ways is said once, and others by themselves."""
    monkeypatch.setattr(plans, "PURE", False)
    printed = run("info", "shop:Tills.Till", "shop:Odd").stdout.splitlines()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    assert [f"version  {__version__}", f"Python   {python}", "path     C extension", ""] == printed[
        :4
    ]
    cells = {line.split()[0]: re.split(" {2,}", line)[1:] for line in printed[4:]}
    by = ["reference", "reference"]
    assert ["read by", "written by", "why not by C"] == cells["type"]
    assert ["C", "C"] == cells["UsageResponse"]
    assert [*by, TILL] == cells["shop:Tills.Till"]
    assert [*by, f"reading: {ODD[0]}; writing: {ODD[1]}"] == cells["shop:Odd"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop", "shop: a type is named as module:Class"),
        (":Order", ":Order: a type is named as module:Class"),
        ("shop:", "shop:: a type is named as module:Class"),
        ("shop:Nothing", "shop:Nothing: cannot be imported: AttributeError: module 'shop' has no"),
        ("absent:Order", "absent:Order: cannot be imported: ModuleNotFoundError: No module named"),
        (".shop:Order", ".shop:Order: cannot be imported: TypeError: "),
        ("broken:Order", "broken:Order: cannot be imported: ZeroDivisionError: division by zero"),
        ("ended:Order", "ended:Order: cannot be imported: SystemExit: 3"),
        (
            "builtins:int",
            "builtins:int: this is neither an attrs class nor a union of such classes",
        ),
        ("shop:Mixed", "shop:Mixed: this is neither an attrs class nor a union of such classes"),
        ("shop:Unreadable", "shop:Unreadable: cannot decode into "),
        ("\x1b:Order", "\\x1b:Order: cannot be imported"),
    ],
)
def test_a_type_that_is_none_is_named(name: str, expected: str) -> None:
    """Nothing is printed then but what is wrong."""
    result = run("info", "usagewire:CostsResult", name)
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"Error: {expected}" in result.stderr
