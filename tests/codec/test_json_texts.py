"""Texts that are JSON, or nearly, in every place of a record.

`tests/data/json_texts.txt` has the texts. `make conformance` also reads those of other projects.
"""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from proof.conformance import suites
from proof.conformance.__main__ import Conformance
from proof.conformance.places import DOCUMENT, PLACES, Place
from proof.conformance.suites import Input, our_list

from tests.support.paths import Way
from usagewire import DecodeError

"""A `Decimal` under an unknown key that is written as an integer, and so reads as an int."""
LISTED = our_list()


@pytest.fixture(scope="module")
def decoders(path: Way) -> Conformance:
    """Return decoders of one path and of the reference."""
    assert path.name
    return Conformance()


@pytest.fixture
def conformance(decoders: Conformance) -> Conformance:
    """Return decoders without a difference."""
    decoders.differences.clear()
    return decoders


def test_the_list() -> None:
    """Each text is in the list once."""
    texts = [one.text for one in LISTED]
    assert len(set(texts)) == len(texts) > 700


@pytest.mark.parametrize(
    "place", [*PLACES, None], ids=lambda place: place.name if place else "lines"
)
def test_places(conformance: Conformance, place: Place | None) -> None:
    """A text in a place is read, written and read again as Python's JSON parser reads it."""
    for one in LISTED:
        if place is None:
            conformance.read_lines(one)
        else:
            conformance.read(one, place)
    assert [] == conformance.differences


def test_documents(path: Way) -> None:
    """A document is read, or refused, as the list says."""
    found = []
    for one in LISTED:
        try:
            value = ascii(path.loads(one.text, Any))
        except DecodeError as error:
            value = error.code
        expected = "syntax" if one.is_json is False else one.document or value
        if expected != value:
            found.append((one.text, expected, value))
    assert [] == found


def test_verdicts(conformance: Conformance) -> None:
    """A document that is not read as its suite says is a difference."""
    for text, is_json in ((b"[1", True), (b"[1]", False), (b"[1]", True), (b"[1", False)):
        conformance.read(Input("text", text, is_json), DOCUMENT)
    assert 2 == len(conformance.differences)


def test_suites(tmp_path: Path) -> None:
    """The inputs of other projects are read from their folders, with the verdicts in the names."""
    files = {
        "a/test_parsing/y_one.json": b"[1]",
        "a/test_parsing/n_two.json": b"[1",
        "a/test_transform/three.json": b"[1,1]",
        "b/data/jsonchecker/fail02.json": b"[",
        "b/data/blns.txt.xz": lzma.compress("é\n".encode()),
        "b/data/big.json.xz": lzma.compress(b"{}"),
        "b/test/test_a.py": b'"""Words."""\nloads("[2]")\nloads(b"\\xff")\n',
        "c/tests/unit/test_b.py": b'loads("x")\n',
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    read = {
        name: {one.text: one.is_json for one in suites.widened(inputs(tmp_path / folder))}
        for folder, (name, inputs) in zip("abc", suites.SUITES.items(), strict=True)
    }

    assert {
        "JSONTestSuite": {b"[1]": True, b"1": None, b"[1": False, b"[1,1]": None, b"1,1": None},
        "orjson": {
            b"[": False,
            b"{}": True,
            b"[2]": None,
            b"2": None,
            b"\xff": None,
            **{json.dumps("é", ensure_ascii=e).encode(): True for e in (False, True)},
        },
        "msgspec": {b"x": None},
    } == read
