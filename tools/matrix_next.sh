#!/bin/sh
# Run the test suite on newer Pythons: those of Debian's next release, in a root folder made by
# debootstrap. If it cannot be made, print the reason and succeed; with USAGEWIRE_REQUIRE_NEXT=1, fail.
set -eu

VERSIONS="3.14 3.15"
RELEASE=forky
ROOT=${USAGEWIRE_NEXT_ROOT:-build/next}

not_available() {
    echo "Python $VERSIONS: not available here: $1"
    test -z "${USAGEWIRE_REQUIRE_NEXT:-}" || exit 1
    exit 0
}

packages=gcc,libc6-dev,make,strace
for version in $VERSIONS; do
    packages="$packages,python$version-venv,python$version-dev"
done

test "$(uname -s)" = Linux || not_available "debootstrap needs Linux"
test "$(id -u)" = 0 || not_available "chroot needs root"
if ! command -v debootstrap >/dev/null && command -v apt-get >/dev/null; then
    { apt-get -qq update && apt-get -qq install --yes --no-install-recommends debootstrap; } >/dev/null 2>&1 || true
fi
command -v debootstrap >/dev/null || not_available "there is no debootstrap"

if [ ! -e "$ROOT/.complete" ]; then
    rm -rf "$ROOT"
    mkdir -p "$ROOT"
    script=/usr/share/debootstrap/scripts/$RELEASE
    test -e "$script" || script=/usr/share/debootstrap/scripts/sid # an older debootstrap has only this
    mirror=$(sed -n 's/^URIs: *\([^ ]*debian\)\/*$/\1/p; s/^deb \(\[[^]]*\] \)*\([^ ]*debian\)\/* .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
    debootstrap --variant=minbase --include="$packages" "$RELEASE" "$ROOT" "${mirror:-http://deb.debian.org/debian}" \
        "$script" >"$ROOT.log" 2>&1 || not_available "debootstrap failed: $(tail -n 1 "$ROOT.log")"
    touch "$ROOT/.complete"
fi

# Mounts in a separate namespace end with the command, even if it is killed.
in_root() {
    unshare --mount sh -ec '
        root=$1
        shift
        for folder in proc dev dev/pts; do
            mount --bind "/$folder" "$root/$folder"
        done
        exec chroot "$root" "$@"
    ' sh "$ROOT" "$@"
}
in_root true || not_available "folders cannot be mounted"

# Use the DNS settings and certificates of this machine.
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
    test ! -e "$file" || cp "$file" "$ROOT$file"
done

rm -rf "$ROOT/usagewire"
mkdir "$ROOT/usagewire"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --ignore-failed-read -cf - |
    tar -xf - -C "$ROOT/usagewire"

# Run both in parallel, in separate environments and copies.
test_on() {
    rm -rf "$ROOT/usagewire-$1"
    cp -r "$ROOT/usagewire" "$ROOT/usagewire-$1"
    in_root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 HYPOTHESIS_PROFILE=ci \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt USAGEWIRE_REQUIRE_NATIVE=1 sh -ec "
        cd /usagewire-$1
        test -x /venv-$1/bin/python || python$1 -m venv /venv-$1
        /venv-$1/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
        /venv-$1/bin/python -c 'import usagewire; assert usagewire.accelerated()'
        /venv-$1/bin/python -m pytest --quiet -p no:cacheprovider -k 'not [compiled'
    "
}
for version in $VERSIONS; do
    rm -f "$ROOT.$version.failed"
    { test_on "$version" >"$ROOT.$version.log" 2>&1 || touch "$ROOT.$version.failed"; } &
done
wait
for version in $VERSIONS; do
    in_root "python$version" --version
    tail -n 40 "$ROOT.$version.log"
done
for version in $VERSIONS; do
    test ! -e "$ROOT.$version.failed"
done
