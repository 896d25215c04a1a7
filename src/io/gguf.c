#include "base/fault.h"
#include "base/mem.h"
#include "io/gguf_internal.h"
#include "io/hf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

jup_status_t jup_gguf_fail(const jup_gguf_t *g, jup_error_t *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return jup_fail(err, JUP_EINPUT, "%s: %s", g->path, text);
}

jup_gguf_t *jup_gguf_new_file(const char *path)
{
    jup_gguf_t *g = jup_new(1, sizeof *g);
    g->path = jup_strdup(path);
    g->fd = -1;
    return g;
}

/* Not a blocking open: a named pipe would wait for its writer. */
static jup_status_t open_file(jup_gguf_t *g, jup_error_t *err)
{
    g->fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (g->fd < 0)
        return jup_gguf_fail(g, err, "cannot open the model file: %s", strerror(errno));
    struct stat info;
    if (fstat(g->fd, &info) != 0)
        return jup_gguf_fail(g, err, "cannot read the size of the file: %s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return jup_gguf_fail(g, err, "is %s, not a regular file; give the path of a GGUF file",
                             S_ISDIR(info.st_mode) ? "a directory" : "a device or pipe");
    if (info.st_size == 0)
        return jup_gguf_fail(g, err, "is empty; copy or download the model again");
    g->file_bytes = (uint64_t)info.st_size;
    return JUP_OK;
}

static void free_entries(jup_gguf_t *g)
{
    for (size_t i = 0; i < g->n_entries; i++) {
        jup_gguf_entry_t *entry = &g->entries[i];
        jup_free((void *)(uintptr_t)entry->key);
        jup_free((void *)(uintptr_t)entry->text);
        jup_free((void *)(uintptr_t)entry->text_offsets);
    }
    jup_free(g->entries);
    g->entries = NULL;
    g->n_entries = g->cap_entries = 0;
    jup_text_index_reset(&g->entry_index);
}

static void free_tensors(jup_gguf_t *g)
{
    for (size_t i = 0; i < g->n_tensors; i++)
        jup_free((void *)(uintptr_t)g->tensors[i].name);
    jup_free(g->tensors);
    g->tensors = NULL;
    g->n_tensors = g->cap_tensors = 0;
    jup_text_index_reset(&g->tensor_index);
}

static void unmap_header(jup_gguf_t *g)
{
    jup_fault_unwatch(g->base);
    if (g->mapped_header)
        munmap((void *)(uintptr_t)g->base, g->mapped_header);
    g->base = NULL;
    g->mapped_header = 0;
}

static jup_status_t map_first(jup_gguf_t *g, size_t bytes, jup_error_t *err)
{
    void *base = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, g->fd, 0);
    if (base == MAP_FAILED)
        return jup_fail(err, JUP_EENV, "%s: cannot map the file: %s", g->path, strerror(errno));
    g->base = base;
    g->mapped_header = bytes;
    jup_fault_watch(g->base, g->mapped_header, g->path);
    return JUP_OK;
}

/* Gives back everything behind the header. */
static void keep_header(jup_gguf_t *g, size_t header_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t kept = (header_bytes + page - 1) / page * page;
    if (kept >= g->mapped_header)
        return;
    munmap((void *)(uintptr_t)(g->base + kept), g->mapped_header - kept);
    g->mapped_header = kept;
    jup_fault_unwatch(g->base);
    jup_fault_watch(g->base, kept, g->path);
}

/* How long a header is it does not say. A board may have less address space than the file has
 * bytes: a part is tried, then more of it, until the header is whole or there is no more. */
static jup_status_t open_and_parse(jup_gguf_t *g, jup_error_t *err)
{
    enum { USUAL_HEADER = 1 << 26 };
    size_t header_bytes, readable = USUAL_HEADER;
    JUP_TRY(open_file(g, err));
    for (;; readable *= 4) {
        if (readable > g->file_bytes)
            readable = (size_t)g->file_bytes;
        JUP_TRY(map_first(g, readable, err));
        jup_status_t status = jup_gguf_parse(g, readable, &header_bytes, err);
        if (status == JUP_OK)
            break;
        if (readable == g->file_bytes || readable > SIZE_MAX / 4)
            return status;
        free_entries(g);
        free_tensors(g);
        unmap_header(g);
    }
    keep_header(g, header_bytes);
    return JUP_OK;
}

jup_status_t jup_gguf_open_file(const char *path, jup_gguf_t **out, jup_error_t *err)
{
    jup_gguf_t *g = jup_gguf_new_file(path);
    jup_status_t status = open_and_parse(g, err);
    if (status != JUP_OK) {
        jup_gguf_close(g);
        g = NULL;
    }
    *out = g;
    return status;
}

jup_status_t jup_gguf_open_raw(const char *path, jup_gguf_t **out, jup_error_t *err)
{
    jup_gguf_t *g = jup_gguf_new_file(path);
    jup_status_t status = open_file(g, err);
    if (status != JUP_OK) {
        jup_gguf_close(g);
        g = NULL;
    }
    *out = g;
    return status;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

jup_status_t jup_gguf_open(const char *path, jup_gguf_t **out, jup_error_t *err)
{
    if (is_folder(path))
        return jup_hf_open(path, out, err);
    JUP_TRY(jup_gguf_open_file(path, out, err));
    return jup_gguf_join_parts(out, err);
}

jup_status_t jup_gguf_open_memory(const void *data, size_t bytes, const char *name,
                                  jup_gguf_t **out, jup_error_t *err)
{
    jup_gguf_t *g = jup_gguf_new_file(name);
    size_t header_bytes;
    g->base = data;
    g->file_bytes = bytes;
    jup_status_t status = bytes == 0 ? jup_gguf_fail(g, err, "is empty")
                                     : jup_gguf_parse(g, bytes, &header_bytes, err);
    if (status != JUP_OK) {
        jup_gguf_close(g);
        g = NULL;
    }
    *out = g;
    return status;
}

void jup_gguf_close(jup_gguf_t *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->n_more; i++)
        jup_gguf_close(g->more[i]);
    jup_free(g->more);
    jup_free(g->owned);
    free_entries(g);
    free_tensors(g);
    jup_gguf_unmap_from(g, 0);
    jup_free(g->mappings);
    unmap_header(g);
    if (g->fd >= 0)
        close(g->fd);
    jup_free(g->path);
    jup_free(g);
}

const char *jup_gguf_path(const jup_gguf_t *g)
{
    return g->path;
}

int jup_gguf_version(const jup_gguf_t *g)
{
    return g->version;
}

uint64_t jup_gguf_file_bytes(const jup_gguf_t *g)
{
    uint64_t bytes = g->file_bytes;
    for (int i = 0; i < g->n_more; i++)
        bytes += g->more[i]->file_bytes;
    return bytes;
}

uint64_t jup_gguf_data_offset(const jup_gguf_t *g)
{
    return g->data_offset;
}

uint64_t jup_gguf_alignment(const jup_gguf_t *g)
{
    return g->alignment;
}

int64_t jup_gguf_entry_count(const jup_gguf_t *g)
{
    return (int64_t)g->n_entries;
}

const jup_gguf_entry_t *jup_gguf_entry_at(const jup_gguf_t *g, int64_t i)
{
    return &g->entries[i];
}

int64_t jup_gguf_tensor_count(const jup_gguf_t *g)
{
    return (int64_t)g->n_tensors;
}

const jup_gguf_tensor_t *jup_gguf_tensor_at(const jup_gguf_t *g, int64_t i)
{
    return &g->tensors[i];
}

const jup_gguf_entry_t *jup_gguf_find(const jup_gguf_t *g, const char *key)
{
    int32_t i = jup_text_index_find(&g->entry_index, jup_text(key, strlen(key)));
    return i < 0 ? NULL : &g->entries[i];
}

const jup_gguf_tensor_t *jup_gguf_tensor(const jup_gguf_t *g, const char *name)
{
    int32_t i = jup_text_index_find(&g->tensor_index, jup_text(name, strlen(name)));
    return i < 0 ? NULL : &g->tensors[i];
}
