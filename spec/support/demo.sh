#!/bin/sh
# demo.sh BUILD [PLACE]: the main job, by the real commands, against a simulated workspace on
# loopback. It asks nothing and writes only under PLACE, BUILD/demo unless told.
set -eu
BUILD=$1
place=${2:-$BUILD/demo}
PATH=$(cd "$BUILD" && pwd):$PATH
rm -rf "$place"
mkdir -p "$place"
REEVE_HOME=$(cd "$place" && pwd)/home
export REEVE_HOME PATH NO_COLOR=1 COLUMNS="${COLUMNS:-140}"
unset STATE_DIRECTORY CREDENTIALS_DIRECTORY REEVE_KEY_FILE http_proxy https_proxy all_proxy HTTP_PROXY \
    HTTPS_PROXY ALL_PROXY || true
mkdir -p -m 700 "$REEVE_HOME"
sim_pid=
trap 'exit 130' INT TERM
trap '[ -z "$sim_pid" ] || kill "$sim_pid" 2>/dev/null || true' EXIT

say() { printf '\n%s\n' "$*"; }

# Shows a command and what it prints, at most LINES of it; insists on an exit status.
show() {
    lines=$1 expected=$2
    shift 2
    printf '$ %s\n' "$*"
    status=0
    "$@" > "$place/out" 2>&1 < "${INPUT:-/dev/null}" || status=$?
    head -n "$lines" "$place/out" | sed 's/^/  /'
    rest=$(($(wc -l < "$place/out") - lines))
    [ $rest -le 0 ] || printf '  … and %d lines more\n' $rest
    [ "$status" = 0 ] || printf '  (exit %d)\n' "$status"
    if [ "$status" != "$expected" ]; then
        echo "demo: exit $expected was expected; all of it is in $place/out" >&2
        exit 1
    fi
}

# (Re)starts the simulated target with these options; it keeps its port.
port=0
target() {
    if [ -n "$sim_pid" ]; then kill "$sim_pid" && wait "$sim_pid" || true; fi
    printf '$ reeve sim torq --port %s%s &\n' "$port" "$(printf ' %s' "$@")"
    : > "$place/sim"
    reeve sim torq --port "$port" "$@" > "$place/sim" 2>&1 &
    sim_pid=$!
    waited=0
    until grep -q 'listening on' "$place/sim"; do
        waited=$((waited + 1))
        if [ $waited -gt 200 ] || ! kill -0 "$sim_pid" 2>/dev/null; then cat "$place/sim" >&2; exit 1; fi
        sleep 0.05
    done
    sed 's/^/  /' "$place/sim"
    url=$(sed -n 's/^listening on //p' "$place/sim")
    port=${url##*:}
}

say "A workspace to read: 1,000 users, 6 roles, on this machine. Your own comes later."
target --set users=1000 --set roles=6

say "A connector: which plugin, which credentials. The secret is read from stdin, checked and sealed."
echo sim-client-secret > "$place/secret"
INPUT=$place/secret show 12 0 reeve add torq acme --app Torq --owner ana@example.com \
    client_id=sim-client-id client_secret=- "api_url=$url/public/v1alpha" "auth_url=$url/v1/auth/token"

say "The first run: all users, roles and assignments."
show 12 0 reeve sync acme
show 8 0 reeve list acme role
show 6 0 reeve list acme user
show 4 0 reeve list acme grants -o jsonl

say "Nothing changed: nothing is said to have changed."
show 8 0 reeve sync acme

say "Somebody works in the workspace: 1 % of the users change. The next run says what."
target --set users=1000 --set roles=6 --set drift=0.01
show 12 0 reeve sync acme
show 14 0 reeve diff acme

say "An answer with 600 users missing is not believed: the run is held, the old state stays in force."
target --set users=400 --set roles=6
show 16 6 reeve sync acme
show 12 0 reeve status acme

say "A person looks, and decides."
show 8 0 reeve diff acme 4
show 8 0 reeve accept acme --reason "the Berlin office left"
show 12 0 reeve status acme
show 8 0 reeve runs acme
show 8 0 reeve audit

say "That is all. It is in $place/home; look further with:  export REEVE_HOME=$place/home; $BUILD/reeve help"
