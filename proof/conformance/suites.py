"""The texts of suites: our own list, and checkouts of other projects that the user has.

This module only reads files. It runs nothing of the other projects.
"""

from __future__ import annotations

import ast
import json
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

LIST: Final = Path(__file__).parents[2] / "tests" / "data" / "json_texts.txt"


class Input(NamedTuple):
    """A text of a suite."""

    name: str
    text: bytes
    is_json: bool | None = None
    """Whether it must be read as JSON. None if the suite does not say, or RFC 8259 leaves it open."""
    document: str = ""
    """In our list: the value of the document as `ascii` shows it, or the code of its refusal."""


def our_list() -> list[Input]:
    r"""Return the texts of our list. In the file, `<[ x 3>` means `[[[`, and `\xff` means a byte."""
    rows = [
        [cell.strip() for cell in line.split("|")]
        for line in LIST.read_text("ascii").splitlines()
        if line and not line.startswith("#")
    ]
    verdicts = {"JSON": True, "not JSON": False, "free": None}
    texts = [(_bytes(text), verdicts[verdict], document) for verdict, document, text in rows]
    return [Input(ascii(text[:40]), text, is_json, here) for text, is_json, here in texts]


def _bytes(cell: str) -> bytes:
    whole = re.sub(r"<(\S+?) x (\d+)>", lambda found: found[1] * int(found[2]), cell)
    return whole.encode("ascii").decode("unicode_escape").encode("latin-1")


def json_test_suite(folder: Path) -> Iterator[Input]:
    """Yield the files of https://github.com/nst/JSONTestSuite. The first letter is the verdict."""
    for path in sorted(folder.glob("test_*/*.json")):
        yield Input(path.name, path.read_bytes(), _verdict(path.name))


def orjson(folder: Path) -> Iterator[Input]:
    """Yield the data files of https://github.com/ijl/orjson, and the literals of its tests."""
    for path in sorted((folder / "data").rglob("*.json")):
        yield Input(path.name, path.read_bytes(), _verdict(path.name))
    for path in sorted((folder / "data").glob("*.xz")):
        whole = lzma.decompress(path.read_bytes())
        if path.suffixes[0] == ".json":
            yield Input(path.name, whole, is_json=True)
            continue
        for number, line in enumerate(whole.decode().splitlines(), 1):
            for escaped in (False, True):
                text = json.dumps(line, ensure_ascii=escaped).encode()
                yield Input(f"{path.name}:{number}", text, is_json=True)
    yield from literals(sorted((folder / "test").glob("test_*.py")))


def msgspec(folder: Path) -> Iterator[Input]:
    """Yield the literals of the tests of https://github.com/jcrist/msgspec."""
    yield from literals(sorted((folder / "tests").rglob("test_*.py")))


SUITES: Final[dict[str, Callable[[Path], Iterator[Input]]]] = {
    "JSONTestSuite": json_test_suite,
    "orjson": orjson,
    "msgspec": msgspec,
}

_DISPUTED: Final = {"fail01.json", "fail18.json"}
"""A text that is a string, and 20 nested arrays. JSON_checker refuses them, and RFC 8259 does not."""


def _verdict(name: str) -> bool | None:
    """Return whether the text of a file must be JSON, by its name."""
    if name in _DISPUTED:
        return True
    if name.startswith(("y_", "pass", "roundtrip")):
        return True
    return False if name.startswith(("n_", "fail")) else None


def literals(modules: Iterable[Path]) -> Iterator[Input]:
    """Yield the text and byte literals of Python modules, without docstrings."""
    for path in modules:
        tree = ast.parse(path.read_text("utf-8"))
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in statements:
                continue
            if isinstance(node.value, str | bytes):
                value = node.value
                text = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
                yield Input(f"{path.name}:{node.lineno}", text)


def widened(inputs: Iterable[Input]) -> Iterator[Input]:
    """Yield each text once, and also the text between the brackets of an array."""
    seen = set()
    for one in inputs:
        stripped = one.text.strip(b" \t\r\n")
        inner = stripped[1:-1] if stripped[:1] + stripped[-1:] == b"[]" else one.text
        for found in (one, Input(f"{one.name}, inside", inner)):
            if found.text not in seen:
                seen.add(found.text)
                yield found
