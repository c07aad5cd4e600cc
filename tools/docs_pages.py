"""Fill the generated parts of the documentation: `make docs-pages`.

A part begins with `<!-- generated: NAME ARGUMENT -->` and ends with `<!-- end -->`. The text around
it is written by hand. A test compares the committed pages with the output of this script.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, get_args
from unittest import mock

import attrs
import click
from click.testing import CliRunner
from tools.docs_reference import ROOT, attribute_docs

import usagewire as uw
from usagewire.cli.main import usagewire
from usagewire.models import ROW_CLASSES
from usagewire.streaming.follow.tail import FollowedLog
from usagewire.wire import names

PART: Final = re.compile(r"(<!-- generated: (\w+) ?([^\n]*?) ?-->\n)(.*?)(<!-- end -->)", re.DOTALL)

MODELS: Final[tuple[Any, ...]] = (
    uw.UsageResponse,
    uw.UsageTimeBucket,
    *ROW_CLASSES,
    uw.CostsResultAmount,
    uw.UnknownResult,
    uw.UsageTimeBucketResultInner,
)

UNITS: Final = {
    "num_model_requests": "requests",
    "images": "images",
    "size": "pixels",
    "characters": "characters",
    "seconds": "seconds",
    "usage_bytes": "bytes",
    "sessions": "sessions",
    "num_requests": "calls",
    "start_time": "Unix seconds, UTC",
    "end_time": "Unix seconds, UTC",
    "value": "`currency`",
    "quantity": "`quantity_unit`",
}
"""The unit of each attribute whose name does not end in `_tokens`."""

SINCE: Final = re.compile(r"\s*\bSince ([\d-]{10}|openai-python [\d.]*\d)\.")
SOURCE_OF: Final = re.compile(
    r"Source: (?:API specification of )?([\d-]{10}|openai-python [\d.]*\d)"
)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = [*head]
    lines = [head, ["---"] * len(head), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


def code(words: Iterable[str]) -> str:
    """Return words as code, with commas between them."""
    return ", ".join(f"`{word}`" for word in words)


# The field dictionary


def since(cls: Any, attribute: str) -> str:
    """Return the specification that an attribute of a class came with, or "" if none had it."""
    if attribute == names.EXTRA or cls is uw.UnknownResult:
        return ""
    if cls is uw.UsageTimeBucketResultInner:
        dates = (since(row, attribute) for row in ROW_CLASSES if hasattr(row, attribute))
        return min(dates)
    [of_class] = SOURCE_OF.findall(inspect.getdoc(cls) or "")
    of_field = SINCE.findall(attribute_docs(cls)[attribute][1])
    return max(of_class, *of_field) if of_field else of_class  # dates are before openai-python


def unit(cls: Any, attribute: str) -> str:
    """Return the unit of an attribute; each number has one."""
    if attribute.endswith("_tokens"):
        return "tokens"
    kind = attrs.fields_dict(cls)[attribute].type
    is_number = {int, Decimal} & {kind, *get_args(kind)}
    return UNITS[attribute] if is_number else UNITS.get(attribute, "")


def fields(_: str, __: str) -> str:
    """Return a section for each class of the models."""
    sections = []
    for cls in MODELS:
        tags = names.tags(cls)
        docs = attribute_docs(cls)
        rows = [
            (f"`{name}`", SINCE.sub("", text), f"`{kind}`", unit(cls, name), since(cls, name))
            for name in attrs.fields_dict(cls)
            for kind, text in [docs[name]]
        ]
        sections += [
            f"## {cls.__name__}\n",
            (inspect.getdoc(cls) or "").split("\n\n")[0] + "\n",
            *([f"`object` is `{tags[0]}`.\n"] if tags else []),
            *([f"Also read as `object`: {code(tags[1:])}.\n"] if tags[1:] else []),
            table(("Attribute", "Meaning", "Type", "Unit", "Since"), rows),
        ]
    return "\n".join(sections)


def keys(_: str, __: str) -> str:
    """Return the JSON keys of each attribute."""
    attributes = dict.fromkeys(name for cls in MODELS for name in attrs.fields_dict(cls))
    rows = []
    for name in sorted(attributes.keys() - {names.EXTRA}):
        written = [names.spelling(name, dialect) for dialect in names.DIALECTS]
        others = [key for key in names.spellings(name) if key not in written]
        rows.append((f"`{name}`", *(f"`{key}`" for key in written), code(others)))
    head = ("Attribute", *(f"`{dialect}`" for dialect in names.DIALECTS), "Also read")
    return table(head, rows)


# The command line


def options(command: str, _: str) -> str:
    """Return the arguments and options of a command, without `--help`; "" is the program."""
    found = usagewire.commands[command] if command else usagewire
    return table(("Option", "Meaning"), map(_option, found.params))


def _option(parameter: click.Parameter) -> tuple[str, str]:
    if not isinstance(parameter, click.Option):
        needed = "At least one is required." if parameter.nargs == -1 else "Required."
        return f"`{parameter.human_readable_name}`", needed if parameter.required else "Optional."
    words = [parameter.help or ""]
    name = ", ".join(parameter.opts)
    if isinstance(parameter.type, click.Choice):
        words.append(f"One of {code(parameter.type.choices)}.")
    elif parameter.metavar:
        name += f" {parameter.metavar}"
    if parameter.required:
        words.append("Required.")
    elif isinstance(parameter.default, str | int | float) and not parameter.is_flag:
        words.append(f"Default: `{parameter.default}`.")
    return f"`{name}`", " ".join(words)


NO_MESSAGES: Final = " 2>/dev/null"


def run(command: str, old: str) -> str:
    """Return a command and its output as a console block, without versions.

    A log that is followed ends with Ctrl-C after it was read. Without the C extension, the output
    of `info` stays unchanged.
    """
    program, *arguments = shlex.split(command.removesuffix(NO_MESSAGES))
    if arguments == ["info"] and not uw.accelerated():
        return old

    def interrupt(_: FollowedLog) -> None:
        signal.raise_signal(signal.SIGINT)

    terminal = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    with (
        mock.patch.object(FollowedLog, "pause", interrupt),
        mock.patch.dict(os.environ, terminal),
    ):
        result = CliRunner().invoke(usagewire, arguments, prog_name=program)
    text = result.stdout if command.endswith(NO_MESSAGES) else result.output
    text = re.sub(r"^(version|Python)  .*\n", "", text, flags=re.MULTILINE)
    return f"```console\n$ {command}\n{text}```\n"


# Errors


def codes(_: str, old: str) -> str:
    """Return the table of codes. The last two columns are written by hand and stay."""
    rows = [line.strip("| ").split(" | ") for line in old.splitlines()]
    by_hand = {row[0]: row[2:] for row in rows if len(row) == len(CODES_HEAD)}
    meanings = {f"`{name}`": meaning for name, meaning in uw.CODES.items()}
    return table(
        CODES_HEAD, ([name, text, *by_hand.get(name, ("", ""))] for name, text in meanings.items())
    )


CODES_HEAD: Final = ("Code", "Meaning", "Remedy", "Input that gives it")

# The types of fields


def types(name: str, _: str) -> str:
    """Return a table of the types in a file that the tests read too, with equal rows as one."""
    rows: dict[str, list[str]] = {}
    for line in (ROOT / "tests" / "data" / name).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        shown = row.get("shown", f"`{row['type']}`")
        rows.setdefault(row.get("json") or row["reason"], []).extend(filter(None, [shown]))
    last = "Why" if name.startswith("refused") else "JSON"
    return table(("Type", last), ((", ".join(kinds), text) for text, kinds in rows.items()))


def class_code(name: str, _: str) -> str:
    """Return a table of the parts of a class, and of how C makes its instances."""
    lines = (ROOT / "tests" / "data" / name).read_text(encoding="utf-8").splitlines()
    rows = map(json.loads, lines)
    return table(("The class has", "C"), ((row["part"], row["how"]) for row in rows))


GENERATORS: Final[dict[str, Callable[[str, str], str]]] = {
    "class_code": class_code,
    "codes": codes,
    "fields": fields,
    "keys": keys,
    "options": options,
    "run": run,
    "types": types,
}


def pages() -> Iterator[tuple[Path, str, str]]:
    """Yield each page with generated parts, its text, and the text it should have."""

    def filled(match: re.Match[str]) -> str:
        begin, name, argument, old, end = match.groups()
        text = GENERATORS[name](argument, old)
        return f"{begin}\n{text.strip()}\n\n{end}"

    for path in sorted(ROOT.glob("docs/**/*.md")):
        text = path.read_text(encoding="utf-8")
        if PART.search(text):
            with tempfile.TemporaryDirectory() as folder, chdir(folder):
                Path("examples").symlink_to(ROOT / "examples")
                yield path, text, PART.sub(filled, text)


if __name__ == "__main__":
    for path, old, new in pages():
        if old != new:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(ROOT))
