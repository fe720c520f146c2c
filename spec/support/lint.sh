#!/bin/sh
# lint.sh LUA…: what compilers and checkers say about the tree. BUILD is where builds go.
set -u
failed=0

step() {
    echo "+ $1"
    shift
    "$@" || failed=1
}
have() {
    command -v "$1" >/dev/null 2>&1 || { echo "- $1 is not installed: left out"; return 1; }
}

if have luacheck; then step luacheck luacheck --no-color -q "$@" spec; fi
step gcc make -s --no-print-directory CC=gcc BUILD="$BUILD/gcc" "$BUILD/gcc/reeve" units
if have clang; then
    step clang make -s --no-print-directory CC=clang BUILD="$BUILD/clang" "$BUILD/clang/reeve" units
fi
if have cppcheck; then
    mkdir -p "$BUILD/cppcheck"
    # What it says of uninitialised values does not know that a function which failed fills nothing.
    step cppcheck cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppress=missingIncludeSystem --suppress=uninitvar --suppress=legacyUninitvar \
        --suppress=uninitStructMember --suppress=ctuuninitvar \
        --error-exitcode=1 --cppcheck-build-dir="$BUILD/cppcheck" engine
fi
if [ -f engine/reeve.1 ] && have mandoc; then step mandoc mandoc -Tlint -Wstyle engine/reeve.1; fi
if grep -rn '#[o]nly' spec --include='*_spec.lua'; then
    echo "a focused test is left"
    failed=1
fi
[ $failed = 0 ] && echo "lint: nothing found"
exit $failed
