#!/bin/sh
# Run the test suite on the Pythons that are newer than this machine's: those of Debian's coming
# release, in a root folder that debootstrap fills. Where that cannot be had, say so and end well;
# with USAGEWIRE_REQUIRE_NEXT=1, end with a failure.
set -eu

VERSIONS="3.14 3.15"
RELEASE=forky
ROOT=${USAGEWIRE_NEXT_ROOT:-build/next}

not_to_be_had() {
    echo "Python $VERSIONS: not to be had here: $1"
    test -z "${USAGEWIRE_REQUIRE_NEXT:-}" || exit 1
    exit 0
}

packages=gcc,libc6-dev,make,strace
for version in $VERSIONS; do
    packages="$packages,python$version-venv,python$version-dev"
done

test "$(uname -s)" = Linux || not_to_be_had "debootstrap needs Linux"
test "$(id -u)" = 0 || not_to_be_had "chroot needs root"
if ! command -v debootstrap >/dev/null && command -v apt-get >/dev/null; then
    { apt-get -qq update && apt-get -qq install --yes --no-install-recommends debootstrap; } >/dev/null 2>&1 || true
fi
command -v debootstrap >/dev/null || not_to_be_had "there is no debootstrap"

if [ ! -e "$ROOT/.complete" ]; then
    rm -rf "$ROOT"
    mkdir -p "$ROOT"
    script=/usr/share/debootstrap/scripts/$RELEASE
    test -e "$script" || script=/usr/share/debootstrap/scripts/sid # as an older debootstrap has it
    mirror=$(sed -n 's/^URIs: *\([^ ]*debian\)\/*$/\1/p; s/^deb \(\[[^]]*\] \)*\([^ ]*debian\)\/* .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
    debootstrap --variant=minbase --include="$packages" "$RELEASE" "$ROOT" "${mirror:-http://deb.debian.org/debian}" \
        "$script" >"$ROOT.log" 2>&1 || not_to_be_had "debootstrap failed: $(tail -n 1 "$ROOT.log")"
    touch "$ROOT/.complete"
fi

mounted=
unmount() {
    for folder in $mounted; do
        umount "$ROOT/$folder" || true
    done
}
trap unmount EXIT
for folder in proc dev dev/pts; do
    mount --bind "/$folder" "$ROOT/$folder" || not_to_be_had "/$folder cannot be mounted"
    mounted="$folder $mounted"
done
# Names and certificates that hold here hold there, too.
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
    test ! -e "$file" || cp "$file" "$ROOT$file"
done

rm -rf "$ROOT/usagewire"
mkdir "$ROOT/usagewire"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --ignore-failed-read -cf - |
    tar -xf - -C "$ROOT/usagewire"

failed=
for version in $VERSIONS; do
    echo "== $(chroot "$ROOT" "python$version" --version)"
    chroot "$ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt USAGEWIRE_REQUIRE_NATIVE=1 HYPOTHESIS_PROFILE=ci sh -ec "
        cd /usagewire
        test -x /venv-$version/bin/python || python$version -m venv /venv-$version
        /venv-$version/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
        /venv-$version/bin/python -c 'import usagewire; assert usagewire.accelerated()'
        /venv-$version/bin/python -m pytest --quiet -p no:cacheprovider -k 'not [shapes'
    " || failed=1
done
test -z "$failed"
