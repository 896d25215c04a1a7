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

#if defined(MADV_HUGEPAGE) && defined(MREMAP_FIXED)

/* As many bytes of the file as are there; the rest of the last page stays zero. */
static bool copy(int fd, const jup_gguf_mapping_t *from, uint64_t file_bytes, unsigned char *to,
                 jup_progress_t *progress, size_t *done, size_t all)
{
    uint64_t left = file_bytes - from->offset;
    size_t bytes = left < from->bytes ? (size_t)left : from->bytes;
    for (size_t at = 0; at < bytes;) {
        size_t piece = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        ssize_t n = pread(fd, to + at, piece, (off_t)(from->offset + at));
        if (jup_interrupted() || n == 0 || (n < 0 && errno != EINTR))
            return false;
        at += n > 0 ? (size_t)n : 0;
        *done += n > 0 ? (size_t)n : 0;
        if (progress)
            jup_progress_show(progress, "weights, MiB", (int64_t)(*done >> 20),
                              (int64_t)(all >> 20));
    }
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
static bool move_over(int fd, const jup_gguf_mapping_t *m, unsigned char *from)
{
    if (mremap(from, m->bytes, m->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, m->base) != MAP_FAILED)
        return true;
    mmap(m->base, m->bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, (off_t)m->offset);
    return false;
}

static void keep_mapping(int fd, jup_gguf_mapping_t *m, uint64_t file_bytes, size_t huge_bytes,
                         jup_progress_t *progress, size_t *done, size_t all)
{
    unsigned char *whole, *to = reserve(m->base, m->bytes, huge_bytes, &whole);
    if (!to)
        return;
    madvise(to, m->bytes, MADV_HUGEPAGE);
    m->kept = copy(fd, m, file_bytes, to, progress, done, all) &&
              mprotect(to, m->bytes, PROT_READ) == 0 && move_over(fd, m, to);
    if (!m->kept)
        munmap(to, m->bytes);
    /* what lies around, and not what another thread may have put into the gap */
    size_t before = (size_t)(to - whole);
    if (before > 0)
        munmap(whole, before);
    munmap(to + m->bytes, huge_bytes - before);
}

#else

static void keep_mapping(int fd, jup_gguf_mapping_t *m, uint64_t file_bytes, size_t huge_bytes,
                         jup_progress_t *progress, size_t *done, size_t all)
{
    (void)fd, (void)m, (void)file_bytes, (void)huge_bytes, (void)progress, (void)done, (void)all;
}

#endif

/* One that is smaller need not have a single huge page in it. */
static bool is_to_keep(const jup_gguf_mapping_t *m, size_t huge_bytes)
{
    return !m->seldom && !m->kept && m->bytes >= 2 * huge_bytes;
}

size_t jup_gguf_bytes_to_keep(const jup_gguf_t *g, size_t huge_bytes)
{
    size_t bytes = 0;
    for (int f = 0; f <= g->n_more; f++) {
        const jup_gguf_t *file = jup_gguf_file(g, f);
        for (size_t i = 0; i < file->n_mappings; i++)
            bytes += is_to_keep(&file->mappings[i], huge_bytes) ? file->mappings[i].bytes : 0;
    }
    return bytes;
}

void jup_gguf_keep(jup_gguf_t *g, size_t huge_bytes, bool shows)
{
    jup_progress_t progress = {0};
    size_t done = 0, all = jup_gguf_bytes_to_keep(g, huge_bytes);
    for (int f = 0; f <= g->n_more; f++) {
        jup_gguf_t *file = jup_gguf_file(g, f);
        for (size_t i = 0; i < file->n_mappings && !jup_interrupted(); i++)
            if (is_to_keep(&file->mappings[i], huge_bytes))
                keep_mapping(file->fd, &file->mappings[i], file->file_bytes, huge_bytes,
                             shows ? &progress : NULL, &done, all);
    }
    jup_progress_clear(&progress);
}
