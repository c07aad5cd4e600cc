"""Check the contents of the wheel and the sdist in a folder. `packaging.sh` calls this."""

import sys
import tarfile
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
[wheel] = folder.glob("*.whl")
[sdist] = folder.glob("*.tar.gz")
source = {path.as_posix() for path in Path("src/usagewire").rglob("*") if path.is_file()}
text = {path for path in source if path.endswith((".c", ".h"))}
python = {path for path in source if path.endswith((".py", ".pyi", ".typed"))}

with zipfile.ZipFile(wheel) as archive:
    names = {f"src/{name}" for name in archive.namelist() if name.startswith("usagewire/")}
built = {name for name in names - python if Path(name).suffix in (".so", ".pyd")}
assert names - built == python, (names - built) ^ python
assert len(built) == 1, built

with tarfile.open(sdist) as archive:
    names = {name.partition("/")[2] for name in archive.getnames()}
needed = {"setup.py", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"} | python | text
assert needed <= names, needed - names
assert not [name for name in names if name.startswith("tests")]
assert not [name for name in names if name.endswith((".so", ".pyd"))]
print(f"{wheel.name}: {len(python)} modules and the C extension, no C text")
print(f"{sdist.name}: all sources, and nothing built")
