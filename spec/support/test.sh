#!/bin/sh
# test.sh BUILD [PATTERN]: runs the unit tests under BUILD/spec/unit and all busted specs whose
# path matches PATTERN (grep -E), two at a time, each in a process and a temporary folder of its own.
# The last line is "N passed, N failed" (", N skipped"); the status is 1 where anything failed.
set -eu
BUILD=$1
PATTERN=${2:-.}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
work=$(mktemp -d "${TMPDIR:-/tmp}/reeve-test.XXXXXX")

# One file: TAP in, folder $work/NAME with its log, its result and the TMPDIR it ran in.
cat > "$work/one.sh" <<'ONE'
file=$1
name=$(echo "$file" | sed 's|.*/spec/||; s|^spec/||; s|[^A-Za-z0-9_.]|-|g')
here=$REEVE_TEST_WORK/$name
mkdir -p "$here/tmp"
export TMPDIR="$here/tmp" REEVE_TEST_DIR="$here/tmp"
case "$file" in
*_spec.lua) set -- lua5.4 /usr/bin/busted --helper=spec/support/helper.lua -o TAP "$file" ;;
*) set -- "$file" ;;
esac
LD_PRELOAD=$REEVE_PRELOAD "$REEVE_DRIVE" "${REEVE_TEST_LIMIT:-170}" "$here/log" + "$@" > "$here/end"
awk -v file="$file" -v here="$here" '
    function fail(text) { print "fail " file ": " text; failed++ }
    FILENAME == here "/log" && /^1\.\.[0-9]+/ { planned = 1; plan = substr($1, 4) + 0 }
    FILENAME == here "/log" && /^(not )?ok [0-9]+ .*# SKIP/ {
        sub(/^(not )?ok [0-9]+ (- )?# SKIP */, ""); print "skip " file ": " $0; seen++; next }
    FILENAME == here "/log" && /^ok [0-9]+/ { print "pass"; seen++ }
    FILENAME == here "/log" && /^not ok [0-9]+/ { sub(/^not ok [0-9]+ (- )?/, ""); fail($0); seen++ }
    FILENAME == here "/end" && $1 == "timeout" { fail("ran out of time"); over = 1 }
    FILENAME == here "/end" && $1 == "signal" { fail("ended by signal " $2); over = 1 }
    FILENAME == here "/end" && $1 == "exit" { status = $2; over = 1 }
    FILENAME == here "/end" && $1 == "left" { fail("left " $2 " processes behind") }
    END {
        if (!over) fail("was not run")
        else if (!planned || plan != seen) fail("stopped after " seen + 0 " of its tests")
        else if (status && !failed) fail("exit status " status)
    }' "$here/log" "$here/end" > "$here/result" 2>/dev/null || echo "fail $file: no result" > "$here/result"
if grep -q '^fail' "$here/result"; then
    echo "FAILED $file (kept: $here)"
    grep -v '^ok ' "$here/log" | head -n 200
    case "$file" in *.lua) luac5.4 -p "$file" 2>&1 || true ;; esac
    sed -n 's/^fail /  /p' "$here/result"
else
    echo "ok     $file ($(grep -c '^pass' "$here/result" || true))"
    rm -rf "$here/tmp"
fi
ONE

# nosync.c, but for the sanitizers, which want to be loaded first.
[ -n "${REEVE_SANITIZED:-}" ] && REEVE_PRELOAD= || REEVE_PRELOAD=$BUILD/spec/nosync.so
export REEVE_PRELOAD
export REEVE_TEST_WORK="$work" REEVE_DRIVE="$BUILD/spec/drive" REEVE_ENGINE="$BUILD/spec/host" REEVE_BIN="${REEVE_BIN:-$BUILD/reeve}"
export LUA_PATH="$PWD/spec/support/?.lua;;" CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C.UTF-8
unset REEVE_HOME REEVE_KEY_FILE STATE_DIRECTORY CREDENTIALS_DIRECTORY NO_COLOR http_proxy https_proxy \
    all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY XDG_CONFIG_HOME COLUMNS SSL_CERT_FILE \
    $(env | sed -n 's/^\(BATON_[A-Z0-9_]*\)=.*/\1/p') || true
{
    find "$BUILD/spec/unit" -name 'test_*' -type f -perm -u+x 2>/dev/null | sort
    find spec -name '*_spec.lua' | sort
} | grep -E -- "$PATTERN" > "$work/files" || { echo "no test matches '$PATTERN'"; exit 2; }
xargs -P "${JOBS:-2}" -I FILE sh "$work/one.sh" FILE < "$work/files" || true

cat "$work"/*/result > "$work/results" 2>/dev/null || true
missing=$(($(wc -l < "$work/files") - $(ls "$work"/*/result 2>/dev/null | wc -l)))
[ "$missing" = 0 ] || echo "fail: $missing files gave no result" >> "$work/results"
sed -n 's/^skip /skipped: /p' "$work/results"
passed=$(grep -c '^pass' "$work/results" || true)
failed=$(grep -c '^fail' "$work/results" || true)
skipped=$(grep -c '^skip' "$work/results" || true)
if [ "$failed" = 0 ]; then rm -rf "$work"; else echo "kept: $work"; fi
[ "$skipped" = 0 ] && tail= || tail=", $skipped skipped"
echo "$passed passed, $failed failed$tail"
[ "$failed" = 0 ]
