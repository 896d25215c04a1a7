/**
 * A 64-bit checksum of bytes, FNV-1a (Fowler, Noll, Vo): the same on every machine. It tells
 * changed and torn data apart; it is no protection against somebody who makes up equal sums.
 */
#ifndef JUP_BASE_CHECKSUM_H
#define JUP_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/** The sum of no bytes, to begin with. */
#define JUP_CHECKSUM_EMPTY 0xcbf29ce484222325u

/** so_far: of the bytes that came before. */
static inline uint64_t jup_checksum(uint64_t so_far, const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < bytes; i++)
        so_far = (so_far ^ byte[i]) * 0x100000001b3u;
    return so_far;
}

#endif
