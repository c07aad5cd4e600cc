"""The rules of the project's structure that no linter checks."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import usagewire

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "usagewire"
C_TEXT = SOURCE / "native" / "csrc"
MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_module_docstrings(module: str) -> None:
    """Every module has a docstring."""
    assert ast.get_docstring(ast.parse((SOURCE / module).read_text(encoding="utf-8")))


@pytest.mark.parametrize("folder", sorted({str(Path(module).parent) for module in MODULES}))
def test_folder_size(folder: str) -> None:
    """No folder has more than 8 modules, except the one with a module for each command.

    `__init__` does not count, and modules that only re-export moved names do not count.
    """
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in (SOURCE / folder).glob("*.py")
        if path.name != "__init__.py"
    ]
    modules = [
        tree
        for tree in trees
        if not all(isinstance(n, ast.ImportFrom | ast.Assign) for n in tree.body[1:])
    ]
    assert folder == "cli/commands" or len(modules) <= 8


@pytest.mark.parametrize("module", MODULES)
def test_module_length(module: str) -> None:
    """No module has more than 400 lines."""
    assert len((SOURCE / module).read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.name
)
def test_no_test_imports_another(path: Path) -> None:
    """Shared helpers of tests are in `tests/support`."""
    imported = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert [] == [name for name in imported if re.search(r"\btests\..*\btest_", name)]


def test_only_the_plans_know_c() -> None:
    """No other module imports the C extension, which import-linter cannot see."""
    imports = re.compile(r"^\s*from usagewire\.native import .*\bextension\b", re.MULTILINE)
    found = [path.name for path in SOURCE.rglob("*.py") if imports.search(path.read_text("utf-8"))]
    assert ["plans.py"] == found


def test_the_c_text_is_listed() -> None:
    """The list in `module.c` names each other file, and each file begins with a description."""
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
    """Each line has at most 110 characters, and each file at most 500 lines."""
    paths = [*C_TEXT.rglob("*.[ch]")]
    assert [] == [path for path in paths if len(path.read_text("utf-8").splitlines()) > 500]
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert [] == [line for line in lines if len(line) > 110]


def test_exports_are_those_type_checkers_see() -> None:
    """The stub imports each exported name, unchanged, from the module that it is loaded from."""
    tree = ast.parse((SOURCE / "__init__.pyi").read_text(encoding="utf-8"))
    imported = [
        (alias.name, alias.asname, str(node.module).removeprefix("usagewire."))
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    table = usagewire._MODULE_OF  # noqa: SLF001 -- the test is of the table
    assert [(name, name, table.get(name)) for name, *_ in imported] == imported
    assert sorted(["__version__", *(name for name, *_ in imported)]) == sorted(usagewire.__all__)
    assert set(usagewire.__all__) <= set(dir(usagewire))


def test_unknown_export() -> None:
    """An unknown name is an `AttributeError`, as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'load'"):
        usagewire.load  # noqa: B018


def test_models_alone_load_no_converter() -> None:
    """Importing the models does not load cattrs or orjson."""
    code = (
        "import sys; from usagewire import CostsResult; "
        "print({'cattrs', 'orjson'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


def test_public_docstrings() -> None:
    """Every public class and function has a docstring."""
    bare = [
        name
        for name in usagewire.__all__
        if (inspect.isclass(thing := getattr(usagewire, name)) or inspect.isfunction(thing))
        and not thing.__doc__
    ]
    assert [] == bare


def test_import_needs_no_extra() -> None:
    """The library can be imported without any optional package."""
    hidden = ["click", "rich", "openai", "pydantic", "msgspec", "typing_extensions_not_ours"]
    code = f"import sys; sys.modules.update(dict.fromkeys({hidden})); from usagewire import *"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_nothing_names_its_surroundings() -> None:
    """No file of the project names a path of the machine on which it was written."""
    tracked = [
        path
        for folder in ("src", "tests", "benchmarks", "docs", "examples", "proof", "tools", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".json", ".sh", ".c", ".h", ""} and path.is_file()
    ]
    pattern = re.compile("/" + "(root|home|work)/")
    assert [] == [str(path) for path in tracked if pattern.search(path.read_text(encoding="utf-8"))]
