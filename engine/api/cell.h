/* cell: memory for Lua, whose objects are small, many, and gone soon.
 *
 * A block of up to 512 bytes is a cell: one of its size (a multiple of 16), kept for the next of that
 * size once it is given back. Lua tells the size of what it gives back, so that a cell is its bytes and
 * nothing else. What was a cell of one size is never one of another, and the memory that cells are cut
 * from is never given back: it is 32 MiB, lest a script that needs blocks of one size after the other
 * should take many times its limit. What is left over and larger blocks are malloc's, and so is each
 * under AddressSanitizer, which is to see them all. */
#ifndef REEVE_CELL_H
#define REEVE_CELL_H

#include <stddef.h>

/* A block of `size` bytes with the content of `block`, which has `old` bytes and ends; NULL and 0 make
 * a new one. NULL where memory is out, which leaves `block`; never where `size` is no more than `old`. */
void *cell_resize(void *block, size_t old, size_t size);

void cell_free(void *block, size_t size);

#endif
