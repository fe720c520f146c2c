#!/bin/sh
# wraps.sh FILE.c: the linker's flags for the functions that FILE.c wraps.
sed -n 's/.*__wrap_\([A-Za-z0-9_]*\)(.*/\1/p; s/^WRAP([A-Z]*, [^,]*, \([A-Za-z0-9_]*\).*/\1/p' "$1" | sort -u | sed 's/^/-Wl,--wrap=/'
