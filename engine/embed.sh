#!/bin/sh
# embed.sh FILE…: prints the C file that holds the engine's Lua, each file as it is.
# engine/lua/command/sync.lua becomes module "command.sync".
set -eu
echo '/* made by engine/embed.sh; do not edit */'
echo 'struct embedded { const char *module, *start, *end; };'
n=0
for file in "$@"; do
    n=$((n + 1))
    printf '__asm__(".section .rodata\\n.global lua_%d, lua_%d_end\\nlua_%d:\\n.incbin \\"%s\\"\\nlua_%d_end:\\n.byte 0\\n.previous\\n");\n' \
        $n $n $n "$file" $n
    printf 'extern const char lua_%d[], lua_%d_end[];\n' $n $n
done
echo 'extern const struct embedded embedded_files[];'
echo 'const struct embedded embedded_files[] = {'
n=0
for file in "$@"; do
    n=$((n + 1))
    module=$(echo "$file" | sed 's|^engine/lua/||; s|\.lua$||; s|/|.|g')
    printf '    {"%s", lua_%d, lua_%d_end},\n' "$module" $n $n
done
echo '    {0, 0, 0},'
echo '};'
