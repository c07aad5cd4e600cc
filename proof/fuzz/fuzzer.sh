#!/bin/sh
# Build the extension, and a program with libFuzzer and an embedded Python:
#     proof/fuzz/fuzzer.sh PYTHON FOLDER
set -eu
python=$1 folder=$2
sanitizers=address,undefined
flags="-O1 -DNDEBUG -fno-omit-frame-pointer -fno-sanitize-recover=all"
# shellcheck disable=SC2086 -- words
sh proof/support/build.sh "$python" "$folder" clang $flags "-fsanitize=fuzzer-no-link,$sanitizers"
library=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
version=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LDVERSION"))')
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
# libFuzzer does not count the branches of this file, only those of the extension.
# shellcheck disable=SC2086 -- words
clang $flags -g -fsanitize=$sanitizers -isystem "$include" -DPYTHON="\"$PWD/$python\"" \
    -c -o "$folder/fuzzer.o" proof/fuzz/fuzzer.c
# shellcheck disable=SC2086 -- words
clang $flags "-fsanitize=fuzzer,$sanitizers" -rdynamic -o "$folder/fuzzer" "$folder/fuzzer.o" \
    -L"$library" "-Wl,-rpath,$library" "-lpython$version" -lm -ldl -lutil
