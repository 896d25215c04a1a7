/* Tensor data: checks of its layout, and mapping it into memory on request. */
#include "base/fault.h"
#include "base/mem.h"
#include "io/gguf_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int compare_offsets(const void *a, const void *b)
{
    uint64_t x = (*(const jup_gguf_tensor_t *const *)a)->offset;
    uint64_t y = (*(const jup_gguf_tensor_t *const *)b)->offset;
    return (x > y) - (x < y);
}

static const jup_gguf_tensor_t **all_in_file_order(const jup_gguf_t *g)
{
    const jup_gguf_tensor_t **all = jup_new(g->n_tensors, sizeof *all);
    for (size_t i = 0; i < g->n_tensors; i++)
        all[i] = &g->tensors[i];
    qsort(all, g->n_tensors, sizeof *all, compare_offsets);
    return all;
}

jup_status_t jup_gguf_check_overlap(const jup_gguf_t *g, jup_error_t *err)
{
    if (g->n_tensors < 2)
        return JUP_OK;
    const jup_gguf_tensor_t **all = all_in_file_order(g);
    char name[160];
    jup_status_t status = JUP_OK;
    for (size_t i = 1; i < g->n_tensors && status == JUP_OK; i++) {
        if (all[i]->offset - all[i - 1]->offset < all[i - 1]->bytes)
            status = jup_gguf_fail(
                g, err, "is damaged: tensor '%s' overlaps the one before it at byte %llu",
                jup_text_escape(jup_text(all[i]->name, strlen(all[i]->name)), name, sizeof name),
                (unsigned long long)all[i]->offset);
    }
    jup_free(all);
    return status;
}

jup_status_t jup_gguf_require_listed(const jup_gguf_t *g, const char *name,
                                     const jup_gguf_tensor_t **out, jup_error_t *err)
{
    *out = jup_gguf_tensor(g, name);
    if (!*out)
        return jup_gguf_fail(g, err,
                             "tensor '%s' is missing; the file is incomplete, holds a vocabulary "
                             "only, or is of another kind than it claims",
                             name);
    return JUP_OK;
}

jup_status_t jup_gguf_require_tensor(const jup_gguf_t *g, const char *name,
                                     const jup_gguf_tensor_t **out, jup_error_t *err)
{
    JUP_TRY(jup_gguf_require_listed(g, name, out, err));
    if (!(*out)->dtype)
        return jup_gguf_fail(g, err,
                             "tensor '%s' is of type %s, which is not supported; use a model in %s",
                             name, jup_dtype_any_name((*out)->type), jup_dtype_names().text);
    return JUP_OK;
}

/* ---- mapping ----------------------------------------------------------------------------- */

jup_gguf_range_t jup_gguf_all(const jup_gguf_tensor_t *tensor)
{
    return (jup_gguf_range_t){.tensor = tensor, .bytes = tensor->bytes};
}

/* Where a range begins in its file. */
static uint64_t start_of(const jup_gguf_range_t *range)
{
    return range->tensor->offset + range->first;
}

static int compare_starts(const void *a, const void *b)
{
    int f = ((const jup_gguf_range_t *)a)->tensor->file;
    int g = ((const jup_gguf_range_t *)b)->tensor->file;
    uint64_t x = start_of(a), y = start_of(b);
    return f != g ? (f > g) - (f < g) : (x > y) - (x < y);
}

/* A copy of the list, file by file, in the order of each; the caller frees it. */
static jup_gguf_range_t *in_file_order(const jup_gguf_range_t *ranges, size_t count)
{
    jup_gguf_range_t *sorted = jup_new(count, sizeof *sorted);
    memcpy(sorted, ranges, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_starts);
    return sorted;
}

static jup_status_t check_ranges(const jup_gguf_t *g, const jup_gguf_range_t *ranges, size_t count,
                                 jup_error_t *err)
{
    const jup_gguf_tensor_t *unused;
    for (size_t i = 0; i < count; i++) {
        JUP_TRY(jup_gguf_require_tensor(g, ranges[i].tensor->name, &unused, err));
        assert(ranges[i].bytes <= ranges[i].tensor->bytes &&
               ranges[i].first <= ranges[i].tensor->bytes - ranges[i].bytes);
    }
    return JUP_OK;
}

/* Where bytes [offset, offset + bytes) of the file are in memory already, or NULL. */
static const unsigned char *find_mapped(const jup_gguf_t *g, uint64_t offset, size_t bytes)
{
    for (size_t i = 0; i < g->n_mappings; i++) {
        const jup_gguf_mapping_t *m = &g->mappings[i];
        if (offset >= m->offset && offset - m->offset <= m->bytes &&
            m->bytes - (size_t)(offset - m->offset) >= bytes)
            return m->base + (offset - m->offset);
    }
    return NULL;
}

/* All of it, at once. In huge pages where the file system has such: a processor that reads weights
 * in pages of 4 KiB reads a fifth less of them in a second (Zen 4). */
static void prepare_to_read(void *base, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    madvise(base, bytes, MADV_HUGEPAGE);
#endif
    madvise(base, bytes, MADV_WILLNEED);
}

/* Address space for the small mappings of one call, so that they lie one behind the other and can
 * be kept in huge pages all at once (gguf_keep.c): the slices of a group's member. Large ones the
 * system places itself, so that a file's huge pages, where there are such, fit. */
enum { SMALL_BYTES = 4 << 20 };
typedef struct area {
    unsigned char *next; /* NULL: there is none, the system places them */
    size_t left;
} area_t;

static area_t reserve_area(const jup_gguf_range_t *ranges, size_t count, uint64_t page)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += ranges[i].seldom ? 0 : (ranges[i].bytes / page + 2) * page;
    void *base = MAP_FAILED;
    if (bytes > 0)
        base = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? (area_t){0} : (area_t){base, bytes};
}

static void release_rest(area_t *area)
{
    if (area->left > 0)
        munmap(area->next, area->left);
}

static void *map_pages(const jup_gguf_t *g, uint64_t first, size_t bytes, area_t *area)
{
    bool fits = area && bytes <= area->left && bytes < SMALL_BYTES;
    void *base = mmap(fits ? area->next : NULL, bytes, PROT_READ,
                      MAP_PRIVATE | (fits ? MAP_FIXED : 0), g->fd, (off_t)first);
    if (fits && base != MAP_FAILED)
        *area = (area_t){area->next + bytes, area->left - bytes};
    return base;
}

static jup_status_t map_range(jup_gguf_t *g, uint64_t first, uint64_t end, bool seldom,
                              area_t *area, jup_error_t *err)
{
    size_t bytes = (size_t)(end - first);
    void *base = map_pages(g, first, bytes, seldom ? NULL : area);
    if (base == MAP_FAILED)
        return jup_fail(err, JUP_EENV, "%s: cannot map %zu bytes of tensor data: %s", g->path,
                        bytes, strerror(errno));
    if (!seldom)
        prepare_to_read(base, bytes);
    jup_fault_watch(base, bytes, g->path);
    if (g->n_mappings == g->cap_mappings) {
        g->cap_mappings = g->cap_mappings ? g->cap_mappings * 2 : 8;
        g->mappings = jup_resize(g->mappings, g->cap_mappings, sizeof *g->mappings);
    }
    g->mappings[g->n_mappings++] = (jup_gguf_mapping_t){base, first, bytes, seldom, false};
    return JUP_OK;
}

/* Maps whole pages; ranges that share a page or lie on neighbouring ones become one mapping, unless
 * one is to be read at once and the other is not. */
static jup_status_t map_sorted(jup_gguf_t *g, const jup_gguf_range_t *sorted, size_t count,
                               uint64_t page, area_t *area, jup_error_t *err)
{
    uint64_t first = 0, end = 0;
    bool seldom = false;
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = start_of(&sorted[i]);
        if (find_mapped(g, offset, sorted[i].bytes))
            continue;
        uint64_t start = offset / page * page;
        if ((start > end || seldom != sorted[i].seldom) && end > first) {
            JUP_TRY(map_range(g, first, end, seldom, area, err));
            end = 0;
        }
        if (end == 0)
            first = start;
        seldom = sorted[i].seldom;
        uint64_t stop = (offset + sorted[i].bytes + page - 1) / page * page;
        end = stop > end ? stop : end;
    }
    return end > first ? map_range(g, first, end, seldom, area, err) : JUP_OK;
}

void jup_gguf_unmap_from(jup_gguf_t *g, size_t first)
{
    while (g->n_mappings > first) {
        g->n_mappings--;
        jup_fault_unwatch(g->mappings[g->n_mappings].base);
        munmap(g->mappings[g->n_mappings].base, g->mappings[g->n_mappings].bytes);
    }
}

/* Ranges of one file. */
static jup_status_t map_missing(jup_gguf_t *file, const jup_gguf_range_t *sorted, size_t count,
                                jup_error_t *err)
{
    size_t before = file->n_mappings;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    area_t area = reserve_area(sorted, count, page);
    jup_status_t status = map_sorted(file, sorted, count, page, &area, err);
    release_rest(&area);
    if (status != JUP_OK)
        jup_gguf_unmap_from(file, before);
    return status;
}

static jup_status_t map_files(jup_gguf_t *g, const jup_gguf_range_t *ranges, size_t count,
                              jup_error_t *err)
{
    jup_gguf_range_t *sorted = in_file_order(ranges, count);
    jup_status_t status = JUP_OK;
    for (size_t i = 0, n; i < count && status == JUP_OK; i += n) {
        int file = sorted[i].tensor->file;
        for (n = 1; i + n < count && sorted[i + n].tensor->file == file;)
            n++;
        jup_gguf_t *holder = jup_gguf_file(g, file);
        if (holder->fd >= 0)
            status = map_missing(holder, sorted + i, n, err);
    }
    jup_free(sorted);
    return status;
}

static const unsigned char *data_of(const jup_gguf_t *g, const jup_gguf_range_t *range)
{
    const jup_gguf_t *file = jup_gguf_file(g, range->tensor->file);
    return file->fd < 0 ? file->base + start_of(range)
                        : find_mapped(file, start_of(range), range->bytes);
}

jup_status_t jup_gguf_map(jup_gguf_t *g, const jup_gguf_range_t *ranges, size_t count,
                          const void **data, jup_error_t *err)
{
    if (count == 0)
        return JUP_OK;
    JUP_TRY(check_ranges(g, ranges, count, err));
    JUP_TRY(map_files(g, ranges, count, err));
    for (size_t i = 0; i < count; i++)
        data[i] = data_of(g, &ranges[i]);
    return JUP_OK;
}

void jup_gguf_expect(const jup_gguf_t *g, jup_gguf_range_t range)
{
    const jup_gguf_t *file = jup_gguf_file(g, range.tensor->file);
    if (file->fd >= 0)
        posix_fadvise(file->fd, (off_t)start_of(&range), (off_t)range.bytes, POSIX_FADV_WILLNEED);
}

jup_status_t jup_gguf_read(const jup_gguf_t *g, jup_gguf_range_t range, void *dst, jup_error_t *err)
{
    char *to = dst;
    JUP_TRY(check_ranges(g, &range, 1, err));
    const jup_gguf_t *file = jup_gguf_file(g, range.tensor->file);
    if (file->fd < 0) {
        memcpy(dst, file->base + start_of(&range), range.bytes);
        return JUP_OK;
    }
    for (size_t done = 0; done < range.bytes;) {
        off_t at = (off_t)(start_of(&range) + done);
        ssize_t n = pread(file->fd, to + done, range.bytes - done, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return jup_fail(err, JUP_EENV, "%s: cannot read tensor '%s': %s", file->path,
                            range.tensor->name, n < 0 ? strerror(errno) : "the file got shorter");
        done += (size_t)n;
    }
    return JUP_OK;
}

size_t jup_gguf_mapped_bytes(const jup_gguf_t *g)
{
    size_t bytes = 0;
    for (size_t i = 0; i < g->n_mappings; i++)
        bytes += g->mappings[i].bytes;
    for (int i = 0; i < g->n_more; i++)
        bytes += jup_gguf_mapped_bytes(g->more[i]);
    return bytes;
}
