#!/bin/sh
# Run the test suite on every Python of the supported range that this machine has, each in its own
# environment. Interpreters come from PATH and, where pyenv is installed, from its versions.
set -eu

find_python() {
    if "python$1" -c '' 2>/dev/null; then
        command -v "python$1"
    elif command -v pyenv >/dev/null 2>&1; then
        find "$(pyenv root)/versions" -maxdepth 3 -path "*/$1*/bin/python$1" | sort | tail -n 1
    fi
}

ran=0
for version in 3.11 3.12 3.13 3.14; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        echo "Python $version: not on this machine"
        continue
    fi
    echo "Python $version"
    test -x ".venv-$version/bin/python" || "$python" -m venv ".venv-$version"
    ".venv-$version/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[test]'
    ".venv-$version/bin/python" -m pytest --quiet -p no:cacheprovider
    ran=$((ran + 1))
done
test "$ran" -gt 0
