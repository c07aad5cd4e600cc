#!/bin/sh
# Build the wheel and the sdist, check their contents, and install them: the wheel in an empty
# environment; the sdist with a compiler, without one, and without one but with the C extension
# required. The argument is a Python that has `build`.
set -eu

unset USAGEWIRE_PURE USAGEWIRE_REQUIRE_NATIVE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python="$folder/venv/bin/python"

# Remove the list of sources of an earlier build, because setuptools would use it again.
rm -rf dist src/usagewire.egg-info
USAGEWIRE_REQUIRE_NATIVE=1 "$1" -m build --outdir dist >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
ls dist
"$1" tools/packaging.py dist
"$1" tools/readme_example.py >"$folder/example.py"

install() {
    "$python" -m pip install --quiet --disable-pip-version-check "$@"
}

# Run the README's first example. The argument is whether the C extension must be in use.
try() {
    (cd "$folder" && "$python" example.py >/dev/null)
    (cd "$folder" && "$python" -c "
import usagewire
reason = usagewire.Decoder().not_accelerated
print('with the C extension' if reason is None else f'with the reference: {reason}')
assert usagewire.accelerated() is $1 is (reason is None)")
}

"$1" -m venv "$folder/venv"
echo "the wheel"
install dist/*.whl
try True
echo "the sdist, with a compiler"
install --no-deps --force-reinstall dist/*.tar.gz
try True
echo "the sdist, without a compiler"
CC=/bin/false install --no-deps --force-reinstall dist/*.tar.gz
try False
echo "the sdist, without a compiler, with the C extension required"
if CC=/bin/false USAGEWIRE_REQUIRE_NATIVE=1 install --no-deps --force-reinstall dist/*.tar.gz \
    >"$folder/log" 2>&1; then
    echo "the installation succeeded, but must fail"
    exit 1
fi
grep -i "error: command.*/bin/false" "$folder/log"
