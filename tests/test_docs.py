"""The examples of the documentation run, its links lead to files, and it is complete."""

import inspect
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from tools import docs_pages
from tools.docs_reference import CLASSES, DIRECTIVES, attributes, functions

import usagewire
from usagewire.cli import exits, main

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
}


def found(pattern: str) -> list[Any]:
    """Return what a pattern finds in each page, each with the name of the page as its id."""
    pairs = [
        (name, match)
        for name, page in PAGES.items()
        for match in re.findall(pattern, page, re.MULTILINE)
    ]
    return [pytest.param(match, id=f"{name}-{n}") for n, (name, match) in enumerate(pairs)]


EXAMPLES = found(r"^```python\n((?s:.*?))^```$")
COMMANDS = found(r"^usagewire (?:summary|validate|convert|info).*$")
FOLLOWING = found(r"^usagewire tail .*$")


def test_readme_begins_with_an_example() -> None:
    """An example ends within the first 30 lines of the README."""
    start = PAGES["README.md"].splitlines()[:30]
    assert "```python" in start
    assert "```" in start[start.index("```python") :]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(
    example: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every Python example runs and prints the text of its comments."""
    script = tmp_path / "example.py"
    script.write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    printed = capsys.readouterr().out.splitlines()
    comments = re.findall(r"^ *print\(.*?\)  # (.*)$", example, re.MULTILINE)
    assert [comment.removeprefix("Decimal, exact: ") for comment in comments] == printed


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, tmp_path: Path) -> None:
    """Every command runs. The sample's bad lines make its status 1."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with usagewire.DeadLetters(tmp_path / "rejects.ndjson") as letters:
        usagewire.Decoder(on_error=letters).decode_lines(b"what?")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    written = [path for path in tmp_path.iterdir() if path.suffix in (".gz", ".ndjson")]
    status = 0 if command.startswith("usagewire info") else 1
    assert (status, True) == (done.returncode, bool(done.stdout) or len(written) == 2), done.stderr


@pytest.mark.parametrize("command", FOLLOWING)
def test_commands_that_follow_a_log(command: str) -> None:
    """The options of `usagewire tail` are valid. The command is not run, as it would never end."""
    name, *arguments = shlex.split(command)[1:]
    assert main.usagewire.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    """Each relative link of a page leads to a file that exists."""
    text = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\((?![a-z]+:)([^)#\s]+)", text)
    assert [] == [to for to in targets if not (ROOT / page).parent.joinpath(to).exists()]


def test_generated_parts_are_current() -> None:
    """The committed pages have what `make docs-pages` makes."""
    for path, old, new in docs_pages.pages():
        assert old.splitlines() == new.splitlines(), path


# Each thing has its line


def rows_of(page: str, head: str) -> list[list[str]]:
    """Return the cells of the table of a page whose first cell is `head`."""
    [text] = re.findall(
        rf"^\| {re.escape(head)} \|.*\n\|[-| :]+\|\n((?:\|.*\n)+)", PAGES[page], re.MULTILINE
    )
    return [line.strip("| ").split(" | ") for line in text.splitlines()]


CODES = {row[0].strip("`"): row for row in rows_of("docs/errors.md", "Code")}


def test_every_code_has_its_line() -> None:
    """The table lists each code, and a remedy for it."""
    assert [*usagewire.CODES] == [*CODES]
    assert [] == [name for name, row in CODES.items() if not all(row)]


@pytest.mark.parametrize("name", CODES)
def test_inputs_give_their_codes(name: str) -> None:
    """The code that a line of the table shows raises that error."""
    with pytest.raises(usagewire.DecodeError) as error:
        eval(CODES[name][3].strip("`"), {one: getattr(usagewire, one) for one in usagewire.__all__})  # noqa: S307
    assert name == error.value.code


def test_every_exception_has_its_line() -> None:
    """The table lists each exception class with its base."""
    names = [name for name in CLASSES if issubclass(getattr(usagewire, name), Exception)]
    rows = {row[0].strip("`"): row[1].strip("`") for row in rows_of("docs/errors.md", "Exception")}
    assert sorted(names) == sorted(rows)
    for name, base in rows.items():
        bases = [one.__name__ for one in getattr(usagewire, name).__mro__[1:]]
        assert base == next(one for one in bases if one in {*names, "Exception"})


def test_every_exit_status_has_its_line() -> None:
    """The table lists each status in `cli.exits`, and 0."""
    statuses = {value for value in vars(exits).values() if type(value) is int}
    rows = rows_of("docs/command_line.md", "Status")
    assert sorted({0, *statuses}) == [int(status) for status, _ in rows]


@pytest.mark.parametrize("command", main.usagewire.commands)
def test_every_option_has_its_line(command: str) -> None:
    """The section of a command lists its options, and shows its output."""
    [section] = re.findall(
        rf"^## {command}\n((?s:.*?))^## ", PAGES["docs/command_line.md"], re.MULTILINE
    )
    expected = [name for one in main.usagewire.commands[command].params for name in one.opts]
    expected = [name for name in expected if name.startswith("-")]
    assert [] == [
        opt for opt in expected if not re.search(rf"^\| `[^`]*{opt}\b", section, re.MULTILINE)
    ]
    assert f"\n$ usagewire {command}" in section


@pytest.mark.parametrize("cls", docs_pages.MODELS, ids=lambda cls: cls.__name__)
def test_every_field_has_its_lines(cls: Any) -> None:
    """The section of a class lists its fields, and the table of keys has them too."""
    page = PAGES["docs/fields.md"]
    section = page.partition(f"\n## {cls.__name__}\n")[2].partition("\n## ")[0]
    names = [attribute.name for attribute in attrs.fields(cls)]
    assert names == re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    keys = [row[0].strip("`") for row in rows_of("docs/fields.md", "Attribute | `api`")]
    assert set(names) - {"additional_properties"} <= set(keys)


def test_every_model_is_in_the_field_dictionary() -> None:
    """Each public class with fields of the API has a section."""
    public = [getattr(usagewire, name) for name in usagewire.__all__]
    models = {one for one in public if attrs.has(one) and hasattr(one, "object")}
    assert {*models, usagewire.CostsResultAmount} == {*docs_pages.MODELS}


# The reference


def test_every_name_is_in_the_reference() -> None:
    """Each public name has one entry."""
    assert sorted(usagewire.__all__) == sorted(name for name, *_ in DIRECTIVES)


@pytest.mark.parametrize("name", usagewire.__all__)
def test_every_member_has_a_docstring(name: str) -> None:
    """Each public function, class, method, property and attribute has a docstring."""
    documented = [(name, getattr(usagewire, name))] if name in CLASSES else []
    bare = [one for one, thing in (*documented, *functions(name)) if not inspect.getdoc(thing)]
    assert [] == bare + [f"{name}.{one}" for one, text in attributes(name).items() if not text]


@pytest.mark.parametrize("name", usagewire.__all__)
def test_every_parameter_is_described(name: str) -> None:
    """The function or its class describes each parameter in `Args:`, or as an attribute."""
    cls = getattr(usagewire, name) if name in CLASSES else None
    described = {one for one, text in attributes(name).items() if text} | parameters(cls)
    is_made_by_users = (name, "()") not in {directive[:2] for directive in DIRECTIVES}
    constructors = [(name, cls.__init__)] if cls and is_made_by_users else []
    missing = []
    for label, function in (*constructors, *functions(name)):
        if inspect.isfunction(function):
            names = [*inspect.signature(function).parameters][bool(cls) :]  # without `self`
            known = described | parameters(function)
            missing += [f"{label}: {one}" for one in names if one not in known]
    assert [] == missing


def parameters(thing: Any) -> set[str]:
    """Return the parameters that the section `Args:` of a docstring describes."""
    section = re.search(r"^Args:\n((?:    .*\n|\n)*)", f"{inspect.getdoc(thing)}\n", re.MULTILINE)
    return set(re.findall(r"^    \**(\w+): ", section[1], re.MULTILINE)) if section else set()


@pytest.mark.parametrize("name", usagewire.__all__)
def test_every_name_has_an_example(name: str) -> None:
    """Its docstring has one, or an example in the reference uses the name."""
    reference = "".join(page for path, page in PAGES.items() if path.startswith("docs/reference/"))
    examples = re.findall(r"^```python\n(?s:.*?)^```$", reference, re.MULTILINE)
    documented = ">>>" in (inspect.getdoc(getattr(usagewire, name)) or "")
    assert documented or re.search(rf"\b{name}\b", "".join(examples))
