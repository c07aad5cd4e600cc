"""The examples and commands of the README and the docs run."""

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


def test_readme_begins_with_an_example() -> None:
    """An example ends within the first 30 lines of the README."""
    start = README.splitlines()[:30]
    assert "```python" in start
    assert "```" in start[start.index("```python") :]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(
    example: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every Python example of the README and the docs runs and prints the text of its comments."""
    script = tmp_path / "example.py"
    script.write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))
    printed = capsys.readouterr().out.splitlines()
    comments = re.findall(r"^ *print\(.*?\)  # (.*)$", example, re.MULTILINE)
    assert [comment.removeprefix("Decimal, exact: ") for comment in comments] == printed


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, tmp_path: Path) -> None:
    """Every command of the README and the docs runs. The sample's bad lines make its status 1."""
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
