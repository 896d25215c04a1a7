/*
 * Weights in memory of the process's own. Pages of a file are of 4 KiB nearly everywhere (large
 * ones need a recent kernel and a file that was not in memory before), and a processor reads
 * weights a tenth to a third slower through them than through huge pages: measured on a Zen 4.
 */
#include "base/interrupt.h"
#include "base/progress.h"
#include "io/gguf_internal.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE_BYTES = 8 << 20 }; /* between two looks at interrupts */

/* Mappings that lie one behind the other and stand to be kept. */
typedef struct run {
    size_t first, n, bytes;
} run_t;

typedef struct keeper {
    size_t huge_bytes;
    size_t done, all; /* bytes */
    bool shows;
    jup_progress_t progress;
} keeper_t;

#if defined(MADV_HUGEPAGE) && defined(MREMAP_FIXED)

/* As many bytes of the file as are there; the rest of the last page stays zero. */
static bool copy(const jup_gguf_t *file, const jup_gguf_mapping_t *from, unsigned char *to,
                 keeper_t *k)
{
    uint64_t left = file->file_bytes - from->offset;
    size_t bytes = left < from->bytes ? (size_t)left : from->bytes;
    for (size_t at = 0; at < bytes;) {
        size_t piece = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        ssize_t n = pread(file->fd, to + at, piece, (off_t)(from->offset + at));
        if (jup_interrupted() || n == 0 || (n < 0 && errno != EINTR))
            return false;
        at += n > 0 ? (size_t)n : 0;
        k->done += n > 0 ? (size_t)n : 0;
        if (k->shows)
            jup_progress_show(&k->progress, "weights, MiB", (int64_t)(k->done >> 20),
                              (int64_t)(k->all >> 20));
    }
    return true;
}

static bool copy_all(const jup_gguf_t *file, const run_t *run, unsigned char *to, keeper_t *k)
{
    const jup_gguf_mapping_t *m = file->mappings + run->first;
    for (size_t i = 0; i < run->n; to += m[i++].bytes)
        if (!copy(file, &m[i], to, k))
            return false;
    return true;
}

/* Address space that lies to huge pages as `like` does, so that these can move there whole. */
static unsigned char *reserve(const unsigned char *like, size_t bytes, size_t huge_bytes,
                              unsigned char **whole)
{
    unsigned char *base = mmap(NULL, bytes + huge_bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    *whole = base;
    return base + ((uintptr_t)like - (uintptr_t)base) % huge_bytes;
}

/* Whether it lies there now, and else the file's pages again: a move may unmap before it fails. */
static bool move_over(const jup_gguf_t *file, const run_t *run, unsigned char *from)
{
    const jup_gguf_mapping_t *m = file->mappings + run->first;
    if (mremap(from, run->bytes, run->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, m->base) != MAP_FAILED)
        return true;
    for (size_t i = 0; i < run->n; i++)
        mmap(m[i].base, m[i].bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, file->fd,
             (off_t)m[i].offset);
    return false;
}

static void keep_run(jup_gguf_t *file, const run_t *run, keeper_t *k)
{
    jup_gguf_mapping_t *m = file->mappings + run->first;
    unsigned char *whole, *to = reserve(m->base, run->bytes, k->huge_bytes, &whole);
    if (!to)
        return;
    madvise(to, run->bytes, MADV_HUGEPAGE);
    bool kept = copy_all(file, run, to, k) && mprotect(to, run->bytes, PROT_READ) == 0 &&
                move_over(file, run, to);
    for (size_t i = 0; i < run->n; i++)
        m[i].kept = kept;
    if (!kept)
        munmap(to, run->bytes);
    /* what lies around, and not what another thread may have put into the gap */
    size_t before = (size_t)(to - whole);
    if (before > 0)
        munmap(whole, before);
    munmap(to + run->bytes, k->huge_bytes - before);
}

#else

static void keep_run(jup_gguf_t *file, const run_t *run, keeper_t *k)
{
    (void)file, (void)run, (void)k;
}

#endif

static run_t run_at(const jup_gguf_t *file, size_t first)
{
    const jup_gguf_mapping_t *m = file->mappings + first;
    run_t run = {.first = first};
    while (first + run.n < file->n_mappings && !m[run.n].seldom && !m[run.n].kept &&
           m[run.n].base == m->base + run.bytes)
        run.bytes += m[run.n++].bytes;
    return run;
}

/* The one behind *run, which begins as zeros; false: there is none. One that is smaller than two
 * huge pages need not have a single one in it, and is passed over. */
static bool next_run(const jup_gguf_t *file, size_t huge_bytes, run_t *run)
{
    size_t at = run->first + run->n;
    while (at < file->n_mappings) {
        *run = run_at(file, at);
        if (run->bytes >= 2 * huge_bytes)
            return true;
        at += run->n > 0 ? run->n : 1;
    }
    return false;
}

size_t jup_gguf_bytes_to_keep(const jup_gguf_t *g, size_t huge_bytes)
{
    size_t bytes = 0;
    for (int f = 0; f <= g->n_more; f++)
        for (run_t run = {0}; next_run(jup_gguf_file(g, f), huge_bytes, &run);)
            bytes += run.bytes;
    return bytes;
}

void jup_gguf_keep(jup_gguf_t *g, size_t huge_bytes, bool shows)
{
    keeper_t k = {.huge_bytes = huge_bytes, .shows = shows};
    k.all = jup_gguf_bytes_to_keep(g, huge_bytes);
    for (int f = 0; f <= g->n_more; f++) {
        jup_gguf_t *file = jup_gguf_file(g, f);
        for (run_t run = {0}; !jup_interrupted() && next_run(file, huge_bytes, &run);)
            keep_run(file, &run, &k);
    }
    jup_progress_clear(&k.progress);
}
