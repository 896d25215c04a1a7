/*
 * A model in several files, NAME-00001-of-00003.gguf and so on (keys split.no, split.count,
 * split.tensors.count): the first one has the metadata, and the tables of all become one.
 */
#include "base/mem.h"
#include "io/gguf_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PARTS = 99999, ENDING = 20 }; /* "-00001-of-00003.gguf" */

/* ---- files of a model ------------------------------------------------------------------------ */

int jup_gguf_adopt(jup_gguf_t *g, jup_gguf_t *file)
{
    g->more = jup_resize(g->more, (size_t)g->n_more + 1, sizeof(jup_gguf_t *));
    g->more[g->n_more++] = file;
    return g->n_more;
}

jup_gguf_t *jup_gguf_file(const jup_gguf_t *g, int file)
{
    return file == 0 ? (jup_gguf_t *)(uintptr_t)g : g->more[file - 1];
}

jup_status_t jup_gguf_add_tensor(jup_gguf_t *g, const jup_gguf_tensor_t *tensor, jup_error_t *err)
{
    char name[160];
    jup_text_t key = jup_text(tensor->name, strlen(tensor->name));
    if (jup_gguf_tensor(g, tensor->name))
        return jup_gguf_fail(jup_gguf_file(g, tensor->file), err,
                             "has tensor '%s', which another part of the model has too",
                             jup_text_escape(key, name, sizeof name));
    if (g->n_tensors == g->cap_tensors) {
        g->cap_tensors = g->cap_tensors ? 2 * g->cap_tensors : 64;
        g->tensors = jup_resize(g->tensors, g->cap_tensors, sizeof *g->tensors);
    }
    jup_gguf_tensor_t *own = &g->tensors[g->n_tensors];
    *own = *tensor;
    own->name = jup_strdup(tensor->name);
    jup_text_index_put(&g->tensor_index, jup_text(own->name, key.length), (int32_t)g->n_tensors++);
    return JUP_OK;
}

/* ---- parts ----------------------------------------------------------------------------------- */

typedef struct split {
    int64_t number, count, tensors; /* tensors: of all parts; -1: the file does not say */
} split_t;

static jup_status_t read_split(const jup_gguf_t *g, split_t *split, jup_error_t *err)
{
    JUP_TRY(jup_gguf_get_int(g, "split.count", 0, MOST_PARTS, 0, &split->count, err));
    if (split->count <= 1)
        return JUP_OK;
    JUP_TRY(jup_gguf_require_int(g, "split.no", 0, split->count - 1, &split->number, err));
    return jup_gguf_get_int(g, "split.tensors.count", 0, INT32_MAX, -1, &split->tensors, err);
}

/* The path of another part, by the ending of this one's. A new text; NULL: no such ending. */
static char *path_of_part(const char *path, const split_t *split, int64_t number)
{
    char ending[40], wanted[40];
    size_t length = strlen(path);
    snprintf(ending, sizeof ending, "-%05d-of-%05d.gguf", (int)split->number + 1,
             (int)split->count);
    if (length < ENDING || strcmp(path + length - ENDING, ending) != 0)
        return NULL;
    snprintf(wanted, sizeof wanted, "-%05d-of-%05d.gguf", (int)number + 1, (int)split->count);
    char *other = jup_strdup(path);
    memcpy(other + length - ENDING, wanted, ENDING);
    return other;
}

static jup_status_t open_part(const jup_gguf_t *g, const split_t *split, int64_t number,
                              jup_gguf_t **part, jup_error_t *err)
{
    char *path = path_of_part(g->path, split, number);
    if (!path)
        return jup_gguf_fail(g, err,
                             "is part %d of %d of a model, and its name does not end in "
                             "-%05d-of-%05d.gguf: the others cannot be found; rename all parts so",
                             (int)split->number + 1, (int)split->count, (int)split->number + 1,
                             (int)split->count);
    jup_status_t status;
    if (access(path, F_OK) != 0)
        status = jup_gguf_fail(g, err,
                               "is part %d of %d of a model; part %d, %s, is missing: copy or "
                               "download it to the same folder",
                               (int)split->number + 1, (int)split->count, (int)number + 1, path);
    else
        status = jup_gguf_open_file(path, part, err);
    jup_free(path);
    return status;
}

static jup_status_t check_part(const jup_gguf_t *part, const split_t *split, int64_t number,
                               jup_error_t *err)
{
    split_t own = {0};
    JUP_TRY(read_split(part, &own, err));
    if (own.count == split->count && own.number == number)
        return JUP_OK;
    return jup_gguf_fail(part, err,
                         "says that it is part %d of %d, its name and the first part that it is "
                         "part %d of %d; copy or download the parts of one model again",
                         (int)own.number + 1, (int)own.count, (int)number + 1, (int)split->count);
}

static jup_status_t take_part(jup_gguf_t *g, const split_t *split, int64_t number, jup_error_t *err)
{
    jup_gguf_t *part;
    JUP_TRY(open_part(g, split, number, &part, err));
    int file = jup_gguf_adopt(g, part);
    JUP_TRY(check_part(part, split, number, err));
    for (size_t i = 0; i < part->n_tensors; i++) {
        jup_gguf_tensor_t tensor = part->tensors[i];
        tensor.file = file;
        JUP_TRY(jup_gguf_add_tensor(g, &tensor, err));
    }
    return JUP_OK;
}

static jup_status_t take_parts(jup_gguf_t *g, const split_t *split, jup_error_t *err)
{
    for (int64_t number = 1; number < split->count; number++)
        JUP_TRY(take_part(g, split, number, err));
    if (split->tensors < 0 || (uint64_t)split->tensors == g->n_tensors)
        return JUP_OK;
    return jup_gguf_fail(g, err,
                         "says that all parts of the model have %lld tensors, they have %zu; copy "
                         "or download the parts of one model again",
                         (long long)split->tensors, g->n_tensors);
}

/* Any part stands for the model, whose metadata are in the first. */
static jup_status_t begin_with_first(jup_gguf_t **g, split_t *split, jup_error_t *err)
{
    jup_gguf_t *first;
    if (split->number == 0)
        return JUP_OK;
    JUP_TRY(open_part(*g, split, 0, &first, err));
    jup_gguf_close(*g);
    *g = first;
    JUP_TRY(check_part(first, split, 0, err));
    return read_split(first, split, err);
}

jup_status_t jup_gguf_join_parts(jup_gguf_t **g, jup_error_t *err)
{
    split_t split = {0};
    jup_status_t status = read_split(*g, &split, err);
    if (status == JUP_OK && split.count > 1)
        status = begin_with_first(g, &split, err);
    if (status == JUP_OK && split.count > 1)
        status = take_parts(*g, &split, err);
    if (status != JUP_OK) {
        jup_gguf_close(*g);
        *g = NULL;
    }
    return status;
}
