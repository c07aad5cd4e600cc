#!/bin/sh
# Build the extension for one proof, next to links to the package. PYTHONPATH then finds both:
#     proof/support/build.sh PYTHON FOLDER COMPILER FLAG...
set -eu
python=$1 folder=$2
shift 2
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
rm -rf "$folder"
mkdir -p "$folder"
cp -rs "$PWD/src/usagewire" "$folder/"
rm -f "$folder"/usagewire/native/*.so
# -fno-wrapv, because Python's own flags have -fwrapv, which hides overflows.
"$@" -std=c11 -g -fPIC -fno-wrapv -isystem "$include" -Isrc/usagewire/native/csrc \
    -c -o "$folder/extension.o" src/usagewire/native/csrc/module.c
"$@" -shared -o "$folder/usagewire/native/extension$suffix" "$folder/extension.o"
