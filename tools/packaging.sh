#!/bin/sh
# Build the wheel and the sdist, look at what is in them, and install them: the wheel alone in an
# empty environment, the sdist with a compiler, without one, and without one where the C extension
# is required. The argument is a Python that has `build`.
set -eu

unset USAGEWIRE_PURE USAGEWIRE_REQUIRE_NATIVE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python="$folder/venv/bin/python"

# A list of sources from an earlier build would be taken over, whatever setup.py says now.
rm -rf dist src/usagewire.egg-info
USAGEWIRE_REQUIRE_NATIVE=1 "$1" -m build --outdir dist >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
ls dist
"$1" tools/packaging.py dist
"$1" tools/readme_example.py >"$folder/example.py"

install() {
    "$python" -m pip install --quiet --disable-pip-version-check "$@"
}

# Run the README's first example; the argument is whether that is by the C extension.
try() {
    (cd "$folder" && "$python" example.py >/dev/null)
    (cd "$folder" && "$python" -c "
import usagewire
reason = usagewire.Decoder().not_accelerated
print('by the C extension' if reason is None else f'by the reference: {reason}')
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
echo "the sdist, without a compiler, where the C extension is required"
if CC=/bin/false USAGEWIRE_REQUIRE_NATIVE=1 install --no-deps --force-reinstall dist/*.tar.gz \
    >"$folder/log" 2>&1; then
    echo "was installed all the same"
    exit 1
fi
grep -i "error: command.*/bin/false" "$folder/log"
