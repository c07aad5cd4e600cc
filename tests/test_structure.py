"""The rules of the project's structure."""

from __future__ import annotations

import ast
import inspect
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import usagewire
from usagewire.cli import main

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "usagewire"
C_TEXT = SOURCE / "native" / "csrc"
README = (ROOT / "README.md").read_text(encoding="utf-8")

PAGES = [README, *(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/*.md")))]

EXAMPLES = [
    example
    for page in PAGES
    for example in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
]
COMMANDS = [
    command
    for page in PAGES
    for command in re.findall(
        r"^usagewire (?:summary|validate|convert|info).*$", page, re.MULTILINE
    )
]
FOLLOWING = [
    command for page in PAGES for command in re.findall(r"^usagewire tail .*$", page, re.MULTILINE)
]

MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_module_docstrings(module: str) -> None:
    """Every module says what it holds."""
    assert ast.get_docstring(ast.parse((SOURCE / module).read_text(encoding="utf-8")))


def test_only_the_plans_know_c() -> None:
    """No other module imports the C extension, which import-linter cannot see."""
    imports = re.compile(r"^\s*from usagewire\.native import .*\bextension\b", re.MULTILINE)
    found = [path.name for path in SOURCE.rglob("*.py") if imports.search(path.read_text("utf-8"))]
    assert ["plans.py"] == found


def test_the_c_text_is_listed() -> None:
    """The list in `module.c` names each other file, and each begins with what it holds."""
    module = (C_TEXT / "module.c").read_text(encoding="utf-8")
    listed = re.findall(r"^ \*   ([\w/]+\.[ch]) +\w", module, re.MULTILINE)
    parts = {
        path.relative_to(C_TEXT).as_posix(): path.read_text(encoding="utf-8")
        for path in C_TEXT.glob("*/*.[ch]")
    }
    assert sorted(parts) == sorted(listed)
    assert [] == [name for name, text in parts.items() if not re.match(r"/\* [A-Z`].*\n", text)]
    assert set(re.findall(r'#include "(.*\.c)"', module)) == {
        one for one in parts if one[-1] == "c"
    }


def test_the_c_text_is_narrow() -> None:
    """No line of it has more than 110 characters, and no file more than 500 lines."""
    paths = [*C_TEXT.rglob("*.[ch]")]
    assert [] == [path for path in paths if len(path.read_text("utf-8").splitlines()) > 500]
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert [] == [line for line in lines if len(line) > 110]


def test_exports_are_all_there_is() -> None:
    """What type checkers see imported is what is exported, from the module it is loaded from."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.name: str(node.module).removeprefix("usagewire.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("usagewire.")
        for alias in node.names
    }
    assert imported == usagewire._MODULE_OF  # noqa: SLF001 -- the test is of the table
    assert {*imported, "__version__"} == set(usagewire.__all__) <= set(dir(usagewire))


def test_unknown_export() -> None:
    """A name that is not there is an `AttributeError`, as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'load'"):
        usagewire.load  # noqa: B018


def test_models_alone_load_no_converter() -> None:
    """Who imports the models does not load cattrs or orjson."""
    code = "import sys; from usagewire import CostsResult; print('cattrs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_public_docstrings() -> None:
    """Everything public that can have a docstring has one."""
    bare = [
        name
        for name in usagewire.__all__
        if (inspect.isclass(thing := getattr(usagewire, name)) or inspect.isfunction(thing))
        and not thing.__doc__
    ]
    assert [] == bare


def test_readme_shows_an_example_at_once() -> None:
    """An example ends within the first 30 lines of the README."""
    start = README.splitlines()[:30]
    assert "```python" in start
    assert "```" in start[start.index("```python") :]


@pytest.mark.parametrize("example", EXAMPLES)
def test_readme_examples(
    example: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every Python example of the README and the docs runs, and prints what its comments say."""
    script = tmp_path / "example.py"
    script.write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    printed = capsys.readouterr().out.splitlines()
    comments = re.findall(r"^ *print\(.*?\)  # (.*)$", example, re.MULTILINE)
    assert [comment.removeprefix("Decimal, exact: ") for comment in comments] == printed


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_commands(command: str, tmp_path: Path) -> None:
    """Every command of the README and the docs runs; bad lines of the sample make its status 1."""
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
def test_readme_commands_without_end(command: str) -> None:
    """What follows a log is not run here; its options are those that there are."""
    name, *arguments = shlex.split(command)[1:]
    assert main.usagewire.commands[name].make_context(name, arguments)


def test_import_needs_no_extra() -> None:
    """The library imports with every optional package hidden."""
    hidden = ["click", "rich", "openai", "pydantic", "msgspec", "typing_extensions_not_ours"]
    code = f"import sys; sys.modules.update(dict.fromkeys({hidden})); from usagewire import *"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_nothing_names_its_surroundings() -> None:
    """No file of the project names a path of the machine it was written on."""
    tracked = [
        path
        for folder in ("src", "tests", "benchmarks", "docs", "examples", "proof", "tools", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".json", ".sh", ".c", ".h", ""} and path.is_file()
    ]
    pattern = re.compile("/" + "(root|home|work)/")
    assert [] == [str(path) for path in tracked if pattern.search(path.read_text(encoding="utf-8"))]
