#!/bin/sh
# Run tests and proof.memory.leaks on a debug build of Python, in another environment. A debug build checks
# what C does, and counts all references:
#     proof/memory/debug.sh PYTHON MODULE ARGUMENT...
set -eu
python=$1 environment=build/proof/debug-venv
shift
if ! command -v "$python" >/dev/null; then
    echo "$python is not on this machine, so this is skipped (Debian: python3.11-dbg, libpython3.11-dev)"
    exit 0
fi
test -x "$environment/bin/python" || "$python" -m venv "$environment"
python=$environment/bin/python
"$python" -c 'import sys; sys.gettotalrefcount()'
# Do not install the project, because pip would build it in its source folder.
needed='import tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = ("hypothesis", "pytest")
print(*project["dependencies"], *extras)'
# shellcheck disable=SC2046 -- words
"$python" -W ignore -m pip install --quiet --disable-pip-version-check $("$python" -c "$needed")
# pyconfig.h sets Py_DEBUG, but Debian's headers are links, and gcc follows them.
sh proof/support/build.sh "$python" build/proof/debug gcc -DPy_DEBUG -O1 -fno-omit-frame-pointer
export PYTHONPATH=build/proof/debug:.
"$python" -m proof.support.run_on_build "$@"
"$python" -m proof.support.run_on_build proof.memory.leaks
