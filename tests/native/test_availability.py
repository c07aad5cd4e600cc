"""The C extension in use, turned off, not built, and in a subinterpreter."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import usagewire
from tests.support.native import BY_C
from usagewire import accelerated

pytestmark = BY_C

PACKAGE: Final = Path(usagewire.__file__).parent
ASK: Final = """
import usagewire as uw
row = uw.loads('{"object":"organization.usage.vector_stores.result","usage_bytes":5}')
print(uw.accelerated(), row.usage_bytes, uw.dumps(row).decode())
print(uw.Decoder().not_accelerated)
print(uw.Encoder().not_accelerated(uw.UsageVectorStoresResult))
"""
ROW_TEXT: Final = '5 {"object":"organization.usage.vector_stores.result","usage_bytes":5}'


def asked(folder: Path, pure: str) -> list[str]:
    """Return what another process prints about the package in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "USAGEWIRE_PURE": pure}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("value", ["", "0"])
def test_in_use(value: str) -> None:
    """The extension is in use if it was built, and no reason is given against it."""
    assert [f"True {ROW_TEXT}", "None", "None"] == asked(PACKAGE.parent, value)
    assert accelerated()


def test_turned_off() -> None:
    """USAGEWIRE_PURE=1 turns the extension off, and the answers are the same."""
    reason = "USAGEWIRE_PURE is set"

    assert [f"False {ROW_TEXT}", reason, reason] == asked(PACKAGE.parent, "1")


def test_not_built(tmp_path: Path) -> None:
    """The package works without the built extension, and reports that it is missing."""
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "usagewire", ignore=ignored)
    answer, *reasons = asked(tmp_path, "")
    assert f"False {ROW_TEXT}" == answer
    assert [True] * 2 == [one.startswith("the C extension cannot be imported (") for one in reasons]


def test_subinterpreters(tmp_path: Path) -> None:
    """The extension works in a subinterpreter, or CPython refuses to import it there."""
    answer = tmp_path / "answer"
    native = sys.modules["usagewire.native.extension"].__file__
    ask = f"""
import sys
sys.path[:0] = {sys.path!r}
try:
    from importlib.util import module_from_spec, spec_from_file_location
    spec = spec_from_file_location("usagewire.native.extension", {native!r})
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    answer = module.Plan.__name__
except ImportError as error:
    answer = str(error)
open({str(answer)!r}, "w").write(answer)
"""
    run = f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
one = interpreters.create()
interpreters.run_string(one, {ask!r})
interpreters.destroy(one)
"""
    subprocess.run([sys.executable, "-c", run], check=True, capture_output=True)

    assert re.fullmatch(
        r"Plan|module usagewire\.native\.extension does not support loading in subinterpreters",
        answer.read_text(),
    )
