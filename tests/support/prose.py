"""Find the sentences of pages, docstrings and comments.

It must not know the rules that the sentences follow.
"""

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

_FENCE = re.compile(r"^ *(```|~~~|:::).*?^ *\1`*$", re.MULTILINE | re.DOTALL)
_DOCTEST = re.compile(r"^ *>>> .*?(?:\n *\n|\Z)", re.MULTILINE | re.DOTALL)
_LABEL = re.compile(r"^[\w`*., |:]{1,60}?: +(?=\S)")
_ITEM = re.compile(r"^ *(?:[-*]|\d+\.) +|^ *\|")
_MARK = re.compile(r"^#!?:? ?(?:(?:noqa|type|pragma|fmt|pyright)\b[^#]*?(?:-- |$))?")
_END = re.compile(r"(?<=[.!?])[\"')*_`]*\s+(?=[A-Z0-9`\"'(*_\[])")


def sentences(path: Path) -> Iterator[str]:
    """Yield each sentence that a reader of the file sees, without code and tables of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".py", ".pyi"}:
        texts = [*_docstrings(text), *_comments(text)]
    elif path.suffix in {".c", ".h"}:
        texts = re.findall(r"/\*(.*?)\*/", text, re.DOTALL)
        texts = [re.sub(r"^ *\*", "", one, flags=re.MULTILINE) for one in texts]
    else:
        texts = [re.sub(r"^#+ .*$", "", _FENCE.sub("\n\n", text), flags=re.MULTILINE)]
    for one in texts:
        for unit in _units(one):
            yield from _END.split(unit)


def words(sentence: str) -> list[str]:
    """Give the words of a sentence. A span of code, a link and a path are a word each."""
    sentence = re.sub(r"`[^`]*`", "`code`", sentence)
    sentence = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", sentence)
    return [word for word in sentence.split() if re.search(r"\w", word)]


def _units(text: str) -> Iterator[str]:
    """Yield paragraphs, list items, table cells and descriptions of arguments, each on one line."""
    unit: list[str] = []
    for line in [*_DOCTEST.sub("\n\n", text).expandtabs().splitlines(), ""]:
        starts = _ITEM.match(line) or _LABEL.match(line.strip())
        if (not line.strip() or starts) and unit:
            yield " ".join(unit)
            unit = []
        if line.lstrip().startswith("|"):
            yield from (cell.strip() for cell in line.split("|") if re.search(r"[a-z]", cell))
        elif line.strip():
            unit.append(_LABEL.sub("", _ITEM.sub("", line).strip()))


def _docstrings(text: str) -> Iterator[str]:
    """Yield the docstrings of a module, also those after an attribute."""
    for node in ast.walk(ast.parse(text)):
        value = getattr(node, "value", None) if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield inspect.cleandoc(value.value)


def _comments(text: str) -> Iterator[str]:
    """Yield comments. Those on lines that follow each other are one."""
    comment: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        body = _MARK.sub("", token.string)
        if token.start[0] != last + 1 or token.line.strip()[0] != "#":
            yield "\n".join(comment)
            comment = []
        comment.append(body)
        last = token.start[0]
    yield "\n".join(comment)
