#!/bin/sh
# Run the test suite on every supported Python of this machine, in parallel and in separate
# environments. Interpreters come from PATH and from pyenv. The argument is a version to skip, because
# it is tested elsewhere. To save time the compiled path is skipped, which `make test` runs.
set -eu
export USAGEWIRE_REQUIRE_NATIVE=1
unset USAGEWIRE_PURE

find_python() {
    if "python$1" -c '' 2>/dev/null; then
        command -v "python$1"
    elif command -v pyenv >/dev/null 2>&1; then
        find "$(pyenv root)/versions" -maxdepth 3 -path "*/$1*/bin/python$1" | sort | tail -n 1
    fi
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ran=
for version in 3.11 3.12 3.13 3.14 3.15; do
    test "$version" != "${1:-}" || continue
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        echo "Python $version: not on this machine"
        continue
    fi
    test -x ".venv-$version/bin/python" || "$python" -m venv ".venv-$version"
    ".venv-$version/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[test]'
    ".venv-$version/bin/python" -c 'import usagewire; assert usagewire.accelerated()'
    (
        ".venv-$version/bin/python" -m pytest --quiet -p no:cacheprovider -k 'not [compiled' >"$folder/$version" 2>&1 ||
            touch "$folder/failed"
    ) &
    ran="$ran $version"
done
wait
for version in $ran; do
    echo "Python $version"
    tail -n 40 "$folder/$version"
done
test -n "$ran" && test ! -e "$folder/failed"
