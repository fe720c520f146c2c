#!/bin/sh
# deps.sh PACKAGE…: installs what is missing of these Debian packages, and says so first.
# Silent where nothing is missing. Elsewhere than on Debian it names what is needed and goes on:
# the compiler will say what it does not find.
set -eu
command -v dpkg-query >/dev/null 2>&1 || exit 0
missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if [ -n "$sudo" ] && ! command -v sudo >/dev/null 2>&1; then
    echo "These packages are missing:$missing" >&2
    echo "Install them as root:  apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
line="apt-get install -y --no-install-recommends$missing"
echo "+ ${sudo:+$sudo }$line" >&2
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || true
$sudo env DEBIAN_FRONTEND=noninteractive $line >&2
