#!/bin/sh
# Build the extension for one proof, beside links to the package, so that PYTHONPATH finds both:
#     proof/build.sh PYTHON FOLDER COMPILER FLAG...
set -eu
python=$1 folder=$2
shift 2
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
rm -rf "$folder"
mkdir -p "$folder/usagewire"
ln -s "$PWD"/src/usagewire/*.py "$PWD/src/usagewire/py.typed" "$folder/usagewire/"
# -fno-wrapv, as Python's own flags have -fwrapv, which hides overflows.
"$@" -std=c11 -g -fPIC -fno-wrapv -isystem "$include" \
    -c -o "$folder/native.o" src/usagewire/_native/module.c
"$@" -shared -o "$folder/usagewire/_native$suffix" "$folder/native.o"
