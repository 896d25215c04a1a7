#include "base/mem.h"

#include "base/checked.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Each block is preceded by one alignment unit that holds its size and where it comes from. Large
 * blocks come from the system as pages that are zero and take no memory until they are written: a
 * buffer that nobody fills (all of them, where compute is a phantom) has a size but no bytes.
 */
enum { ALIGNMENT = 64 };
#ifdef __SANITIZE_ADDRESS__
static const size_t from_system_bytes = SIZE_MAX;
#else
static const size_t from_system_bytes = (size_t)1 << 20;
#endif

static atomic_size_t live_bytes;
static atomic_size_t live_blocks;
static atomic_size_t peak_bytes;

static void count_block(size_t bytes)
{
    size_t live = atomic_fetch_add(&live_bytes, bytes) + bytes;
    atomic_fetch_add(&live_blocks, 1);
    size_t peak = atomic_load(&peak_bytes);
    while (live > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, live)) {
    }
}

static bool comes_from_system(size_t bytes)
{
    return bytes >= from_system_bytes;
}

static size_t padded_bytes(size_t bytes)
{
    return (bytes + (size_t)2 * ALIGNMENT) & ~(size_t)(ALIGNMENT - 1);
}

static char *get_pages(size_t padded)
{
    void *pages = mmap(NULL, padded, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static char *get_small(size_t padded)
{
    char *base = aligned_alloc(ALIGNMENT, padded);
    if (base)
        memset(base, 0, padded);
    return base;
}

/* What stands in front of a block. */
typedef struct header {
    size_t bytes;
    bool mapped;
} header_t;

static void *begin_block(char *base, size_t bytes, bool mapped)
{
    const header_t header = {bytes, mapped};
    memcpy(base, &header, sizeof header);
    count_block(bytes);
    return base + ALIGNMENT;
}

static header_t header_of(const void *block)
{
    header_t header;
    memcpy(&header, (const char *)block - ALIGNMENT, sizeof header);
    return header;
}

/* Returns NULL when the size overflows or memory is short. */
static void *get_block(size_t count, size_t size)
{
    size_t bytes, padded;
    if (!jup_mul_size(count, size, &bytes) || !jup_add_size(bytes, (size_t)2 * ALIGNMENT, &padded))
        return NULL;
    padded = padded_bytes(bytes);
    char *base = comes_from_system(bytes) ? get_pages(padded) : get_small(padded);
    return base ? begin_block(base, bytes, comes_from_system(bytes)) : NULL;
}

size_t jup_mem_file_bytes(size_t count, size_t size)
{
    const size_t least = (size_t)1 << 20;
    size_t bytes, padded;
    if (!jup_mul_size(count, size, &bytes) || !jup_add_size(bytes, (size_t)2 * ALIGNMENT, &padded))
        return 0;
    return bytes >= least ? padded_bytes(bytes) : 0;
}

void *jup_mem_map_file(int fd, size_t count, size_t size)
{
    size_t room = jup_mem_file_bytes(count, size);
    char *base = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return base == MAP_FAILED ? NULL : begin_block(base, count * size, true);
}

void *jup_new(size_t count, size_t size)
{
    void *block = get_block(count, size);
    if (!block)
        jup_die(JUP_EENV, "out of memory: %zu x %zu bytes", count, size);
    return block;
}

void *jup_resize(void *block, size_t count, size_t size)
{
    void *grown = jup_new(count, size);
    if (block) {
        size_t old = header_of(block).bytes, now = header_of(grown).bytes;
        memcpy(grown, block, old < now ? old : now);
        jup_free(block);
    }
    return grown;
}

char *jup_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(jup_new(bytes, 1), text, bytes);
}

jup_status_t jup_alloc(void **block, size_t count, size_t size, const char *what, jup_error_t *err)
{
    *block = get_block(count, size);
    if (*block)
        return JUP_OK;
    return jup_fail(err, JUP_EENV,
                    "not enough memory for %s: %.1f MiB asked, %.1f MiB available; use a smaller "
                    "context, a smaller weight type or more devices",
                    what, (double)count * (double)size / 1048576.0,
                    (double)jup_mem_available_bytes() / 1048576.0);
}

void jup_free(void *block)
{
    if (!block)
        return;
    char *base = (char *)block - ALIGNMENT;
    const header_t header = header_of(block);
    atomic_fetch_sub(&live_bytes, header.bytes);
    atomic_fetch_sub(&live_blocks, 1);
    if (header.mapped)
        munmap(base, padded_bytes(header.bytes));
    else
        (free)(base);
}

void jup_mem_use_large_pages(void *block)
{
#ifdef MADV_HUGEPAGE
    const header_t header = header_of(block);
    if (header.mapped)
        madvise((char *)block - ALIGNMENT, padded_bytes(header.bytes), MADV_HUGEPAGE);
#else
    (void)block;
#endif
}

size_t jup_mem_live_bytes(void)
{
    return atomic_load(&live_bytes);
}

size_t jup_mem_live_blocks(void)
{
    return atomic_load(&live_blocks);
}

size_t jup_mem_peak_bytes(void)
{
    return atomic_load(&peak_bytes);
}
