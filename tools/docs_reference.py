"""The public names and members of usagewire, and the docstrings of their attributes.

`python -m tools.docs_reference build/docs` checks that the built site has an entry for each.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import usagewire

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "src" / "usagewire"
PAGES: Final = sorted((ROOT / "docs" / "reference").glob("*.md"))

CLASSES: Final = [name for name in usagewire.__all__ if inspect.isclass(getattr(usagewire, name))]
"""The public classes."""

DIRECTIVES: Final[list[tuple[str, str, str]]] = re.findall(
    r"^\.\. (?:py:|auto)\w+:: usagewire\.(\w+)(\(\))?\n((?: +:.*\n)*)",
    "".join(path.read_text(encoding="utf-8") for path in PAGES),
    re.MULTILINE,
)
"""The entries of the reference: name, signature if the page has one, and options."""

HIDDEN: Final = {
    name: re.findall(r"\w+", options.partition(":exclude-members:")[2].partition("\n")[0])
    for name, _, options in DIRECTIVES
}
"""The members that the reference leaves out, because they serve other modules of the package."""


def functions(name: str) -> Iterator[tuple[str, Any]]:
    """Yield a public function, or the methods and properties of a class, with their names."""
    thing = getattr(usagewire, name)
    if inspect.isfunction(thing):
        yield name, thing
    for base in thing.__mro__ if name in CLASSES else ():
        is_ours = base.__module__.startswith("usagewire")
        for member, value in vars(base).items() if is_ours else ():
            function = getattr(value, "__func__", value)
            is_public = member == "__call__" or not member.startswith("_")
            is_code = inspect.isfunction(function) or isinstance(function, property)
            if is_public and is_code and member not in HIDDEN[name]:
                yield f"{name}.{member}", function


def attributes(name: str) -> dict[str, str]:
    """Return the docstring of each attribute of a class that the reference shows."""
    docs = attribute_docs(getattr(usagewire, name)) if name in CLASSES else {}
    return {
        attribute: text
        for attribute, (kind, text) in docs.items()
        # The field dictionary shows the tags.
        if attribute not in HIDDEN[name] and not kind.startswith("ClassVar")
    }


@cache
def class_texts() -> dict[str, ast.ClassDef]:
    """Return the syntax tree of each class of the package, by its name."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py"))
    return {one.name: one for t in trees for one in ast.walk(t) if isinstance(one, ast.ClassDef)}


def attribute_docs(cls: type) -> dict[str, tuple[str, str]]:
    """Return the type and the docstring of each public attribute of a class and its bases."""
    found: dict[str, tuple[str, str]] = {}
    for base in reversed([base for base in cls.__mro__ if base.__name__ in class_texts()]):
        tree = class_texts()[base.__name__]
        init = [one for one in tree.body if getattr(one, "name", "") == "__init__"]
        for body in (tree.body, *(one.body for one in init if isinstance(one, ast.FunctionDef))):
            for statement, following in zip(body, [*body[1:], None], strict=True):
                target = getattr(statement, "target", None) or next(
                    iter(getattr(statement, "targets", ())), None
                )
                name = getattr(target, "id" if body is tree.body else "attr", "_")
                if not name.startswith("_"):
                    annotation = getattr(statement, "annotation", None)
                    kind = ast.unparse(annotation) if annotation else ""
                    found[name] = kind, _docstring(following)
    return found


def _docstring(statement: ast.stmt | None) -> str:
    value = getattr(statement, "value", None) if isinstance(statement, ast.Expr) else None
    text = value.value if isinstance(value, ast.Constant) else ""
    return " ".join(text.split()) if isinstance(text, str) else ""


if __name__ == "__main__":
    site = "".join(path.read_text(encoding="utf-8") for path in Path(sys.argv[1]).rglob("*.html"))
    entries = [
        entry
        for name in usagewire.__all__
        for entry in (
            name,
            *(label for label, _ in functions(name)),
            *(f"{name}.{attribute}" for attribute in attributes(name)),
        )
    ]
    if missing := [entry for entry in entries if f'id="usagewire.{entry}"' not in site]:
        raise SystemExit(f"the site has no entry for {', '.join(missing)}")
