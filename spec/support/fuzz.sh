#!/bin/sh
# fuzz.sh BUILD SECONDS NAME…: runs BUILD/spec/unit/fuzz_NAME on its corpus, spec/fixtures/fuzz/NAME.
# What it finds new stays in BUILD/corpus/NAME, what breaks it in BUILD/broken-NAME-….
set -eu
build=$1 seconds=$2
shift 2
for name in "$@"; do
    mkdir -p "$build/corpus/$name"
    echo "+ fuzz_$name, $seconds s"
    UBSAN_OPTIONS=halt_on_error=1 "$build/spec/unit/fuzz_$name" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=65536 -print_final_stats=0 -verbosity=0 \
        -artifact_prefix="$build/broken-$name-" "$build/corpus/$name" "spec/fixtures/fuzz/$name" \
        > "$build/fuzz_$name.log" 2>&1 || { cat "$build/fuzz_$name.log"; exit 1; }
done
echo "fuzz: nothing found"
