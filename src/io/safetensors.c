#include "io/safetensors.h"

#include "base/checked.h"
#include "base/fault.h"
#include "base/mem.h"
#include "io/json_reason.h"
#include "io/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100000000 };

struct jup_safetensors {
    char *path;
    int fd; /* -1: in memory */
    const unsigned char *base;
    size_t bytes, mapped;
    const unsigned char *data; /* behind the header */
    size_t data_bytes;
    json_t *header; /* owns the names */
    jup_safetensors_tensor_t *tensors;
    size_t count;
};

static jup_status_t fail(const jup_safetensors_t *s, jup_error_t *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static jup_status_t fail(const jup_safetensors_t *s, jup_error_t *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return jup_fail(err, JUP_EINPUT, "%s: %s", s->path, text);
}

/* A name for a message. */
typedef struct shown {
    char text[160];
} shown_t;

static const char *show(shown_t *shown, const char *name)
{
    return jup_text_escape(jup_text(name, strlen(name)), shown->text, sizeof shown->text);
}

static jup_status_t fail_tensor(const jup_safetensors_t *s, const char *name, const char *what,
                                jup_error_t *err)
{
    shown_t shown;
    return fail(s, err, "tensor '%s' %s; the file is damaged, copy or download it again",
                show(&shown, name), what);
}

/* ---- one tensor --------------------------------------------------------------------------- */

/* Bytes of an element of any type the format defines; 0 for an unknown one. */
static size_t element_bytes(const char *type)
{
    static const struct {
        const char *name;
        size_t bytes;
    } types[] = {{"F32", 4},     {"F16", 2}, {"BF16", 2}, {"F64", 8},     {"I64", 8},
                 {"I32", 4},     {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
                 {"U16", 2},     {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
                 {"F8_E8M0", 1}, {"C64", 8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, type) == 0)
            return types[i].bytes;
    }
    return 0;
}

static const jup_dtype_info_t *dtype_of(const char *type)
{
    if (strcmp(type, "F32") == 0)
        return jup_dtype_info(JUP_F32);
    if (strcmp(type, "F16") == 0)
        return jup_dtype_info(JUP_F16);
    return strcmp(type, "BF16") == 0 ? jup_dtype_info(JUP_BF16) : NULL;
}

/* Fills dims, rows and cols; *elems is their product. */
static jup_status_t read_shape(const jup_safetensors_t *s, jup_safetensors_tensor_t *tensor,
                               const json_t *shape, size_t *elems, jup_error_t *err)
{
    size_t n_dims = json_array_size(shape);
    if (!json_is_array(shape) || n_dims > JUP_SAFETENSORS_MAX_DIMS)
        return fail_tensor(s, tensor->name, "has no shape of 0 to 8 dimensions", err);
    tensor->n_dims = (int)n_dims;
    tensor->rows = tensor->cols = 1;
    *elems = 1;
    for (size_t i = 0; i < n_dims; i++) {
        const json_t *dim = json_array_get(shape, i);
        json_int_t value = json_integer_value(dim);
        if (!json_is_integer(dim) || value <= 0 || !jup_mul_size(*elems, (size_t)value, elems) ||
            *elems > INT64_MAX)
            return fail_tensor(s, tensor->name, "has an impossible shape", err);
        tensor->dims[i] = value;
        tensor->rows *= tensor->cols;
        tensor->cols = value;
    }
    return JUP_OK;
}

/* Takes the two offsets apart and checks them against the file and against the shape. */
static jup_status_t read_place(const jup_safetensors_t *s, jup_safetensors_tensor_t *tensor,
                               const json_t *offsets, size_t elems, jup_error_t *err)
{
    shown_t shown;
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (!json_is_integer(first) || !json_is_integer(last) || json_array_size(offsets) != 2)
        return fail_tensor(s, tensor->name, "has no two data_offsets", err);
    json_int_t start = json_integer_value(first), end = json_integer_value(last);
    size_t element = element_bytes(tensor->type_name), bytes;
    if (start < 0 || end < start || (uint64_t)end > s->data_bytes)
        return fail(s, err,
                    "tensor '%s' lies at %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT
                    " of %zu bytes of data; the file is incomplete, copy or download it again",
                    show(&shown, tensor->name), start, end, s->data_bytes);
    tensor->bytes = (size_t)(end - start);
    if (!jup_mul_size(elems, element, &bytes) || bytes != tensor->bytes)
        return fail_tensor(s, tensor->name, "has data of another size than its shape", err);
    tensor->data = s->data + start;
    if ((uintptr_t)tensor->data % element != 0)
        return fail(s, err, "tensor '%s' is not aligned; save the file again",
                    show(&shown, tensor->name));
    return JUP_OK;
}

static jup_status_t read_tensor(const jup_safetensors_t *s, const char *name, const json_t *json,
                                jup_safetensors_tensor_t *tensor, jup_error_t *err)
{
    size_t elems = 1;
    tensor->name = name;
    tensor->type_name = json_string_value(json_object_get(json, "dtype"));
    if (!tensor->type_name || element_bytes(tensor->type_name) == 0)
        return fail_tensor(s, name, "has no dtype that the format defines", err);
    tensor->dtype = dtype_of(tensor->type_name);
    JUP_TRY(read_shape(s, tensor, json_object_get(json, "shape"), &elems, err));
    return read_place(s, tensor, json_object_get(json, "data_offsets"), elems, err);
}

/* ---- the file ----------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const jup_safetensors_tensor_t *x = a, *y = b;
    return (x->data > y->data) - (x->data < y->data);
}

static jup_status_t check_overlap(jup_safetensors_t *s, jup_error_t *err)
{
    if (s->count > 1)
        qsort(s->tensors, s->count, sizeof *s->tensors, compare_places);
    for (size_t i = 1; i < s->count; i++) {
        const jup_safetensors_tensor_t *before = &s->tensors[i - 1], *t = &s->tensors[i];
        if ((size_t)((const char *)t->data - (const char *)before->data) < before->bytes)
            return fail_tensor(s, t->name, "overlaps another one", err);
    }
    return JUP_OK;
}

static jup_status_t read_tensors(jup_safetensors_t *s, jup_error_t *err)
{
    const char *name;
    json_t *json;
    s->tensors = jup_new(json_object_size(s->header), sizeof *s->tensors);
    json_object_foreach(s->header, name, json)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        JUP_TRY(read_tensor(s, name, json, &s->tensors[s->count], err));
        s->count++;
    }
    return check_overlap(s, err);
}

static jup_status_t parse_header(jup_safetensors_t *s, size_t header_bytes, jup_error_t *err)
{
    json_error_t problem;
    const char *text = (const char *)s->base + LENGTH_BYTES;
    s->header = json_loadb(text, header_bytes, JSON_REJECT_DUPLICATES, &problem);
    if (!s->header)
        return fail(s, err, "is no safetensors file or damaged: header, byte %d: %s",
                    problem.position, jup_json_reason(&problem));
    if (!json_is_object(s->header))
        return fail(s, err, "is no safetensors file: its header is not a JSON object");
    return JUP_OK;
}

static jup_status_t parse(jup_safetensors_t *s, jup_error_t *err)
{
    uint64_t header_bytes;
    if (s->bytes < LENGTH_BYTES + 2)
        return fail(s, err, "has %zu bytes, too few for a safetensors file", s->bytes);
    memcpy(&header_bytes, s->base, sizeof header_bytes);
    if (header_bytes > s->bytes - LENGTH_BYTES || header_bytes > MAX_HEADER_BYTES)
        return fail(s, err,
                    "is no safetensors file or incomplete: it claims a header of %" PRIu64
                    " bytes and has %zu",
                    header_bytes, s->bytes);
    JUP_TRY(parse_header(s, (size_t)header_bytes, err));
    s->data = s->base + LENGTH_BYTES + header_bytes;
    s->data_bytes = s->bytes - LENGTH_BYTES - (size_t)header_bytes;
    return read_tensors(s, err);
}

static jup_status_t map_file(jup_safetensors_t *s, jup_error_t *err)
{
    struct stat info;
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 || fstat(s->fd, &info) != 0)
        return fail(s, err, "cannot open the file: %s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return fail(s, err, "is not a regular file; give the path of a safetensors file");
    if (info.st_size == 0)
        return fail(s, err, "is empty; copy or download it again");
    void *base = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (base == MAP_FAILED)
        return jup_fail(err, JUP_EENV, "%s: cannot map the file: %s", s->path, strerror(errno));
    s->base = base;
    s->bytes = s->mapped = (size_t)info.st_size;
    jup_fault_watch(s->base, s->mapped, s->path);
    return JUP_OK;
}

static jup_safetensors_t *new_reader(const char *path)
{
    jup_safetensors_t *s = jup_new(1, sizeof *s);
    s->path = jup_strdup(path);
    s->fd = -1;
    return s;
}

/* Hands the reader out, or takes it down when something failed. */
static jup_status_t finish(jup_safetensors_t *s, jup_status_t status, jup_safetensors_t **out)
{
    *out = status == JUP_OK ? s : NULL;
    if (status != JUP_OK)
        jup_safetensors_close(s);
    return status;
}

jup_status_t jup_safetensors_open(const char *path, jup_safetensors_t **out, jup_error_t *err)
{
    jup_safetensors_t *s = new_reader(path);
    jup_status_t status = map_file(s, err);
    if (status == JUP_OK)
        status = parse(s, err);
    return finish(s, status, out);
}

jup_status_t jup_safetensors_open_memory(const void *data, size_t bytes, const char *name,
                                         jup_safetensors_t **out, jup_error_t *err)
{
    jup_safetensors_t *s = new_reader(name);
    s->base = data;
    s->bytes = bytes;
    return finish(s, parse(s, err), out);
}

void jup_safetensors_close(jup_safetensors_t *s)
{
    if (!s)
        return;
    json_decref(s->header);
    jup_free(s->tensors);
    jup_fault_unwatch(s->base);
    if (s->mapped)
        munmap((void *)(uintptr_t)s->base, s->mapped);
    if (s->fd >= 0)
        close(s->fd);
    jup_free(s->path);
    jup_free(s);
}

/* ---- questions ---------------------------------------------------------------------------- */

const char *jup_safetensors_path(const jup_safetensors_t *s)
{
    return s->path;
}

int64_t jup_safetensors_count(const jup_safetensors_t *s)
{
    return (int64_t)s->count;
}

const jup_safetensors_tensor_t *jup_safetensors_at(const jup_safetensors_t *s, int64_t i)
{
    return &s->tensors[i];
}

const jup_safetensors_tensor_t *jup_safetensors_find(const jup_safetensors_t *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->tensors[i].name, name) == 0)
            return &s->tensors[i];
    }
    return NULL;
}

jup_status_t jup_safetensors_require(const jup_safetensors_t *s, const char *name, int64_t rows,
                                     int64_t cols, const jup_safetensors_tensor_t **out,
                                     jup_error_t *err)
{
    const jup_safetensors_tensor_t *tensor = jup_safetensors_find(s, name);
    *out = tensor;
    if (!tensor)
        return fail(s, err, "tensor '%s' is missing; the file belongs to another kind of model",
                    name);
    if (!tensor->dtype)
        return fail(s, err, "tensor '%s' is of type %s; only F32, F16 and BF16 are supported", name,
                    tensor->type_name);
    if (tensor->rows != rows || tensor->cols != cols)
        return fail(s, err,
                    "tensor '%s' has %" PRId64 " x %" PRId64 " elements, expected %" PRId64
                    " x %" PRId64 "; the file belongs to another model",
                    name, tensor->rows, tensor->cols, rows, cols);
    return JUP_OK;
}

const char *jup_safetensors_metadata(const jup_safetensors_t *s, const char *key)
{
    return json_string_value(json_object_get(json_object_get(s->header, "__metadata__"), key));
}

uint64_t jup_safetensors_offset(const jup_safetensors_t *s, const jup_safetensors_tensor_t *tensor)
{
    return (uint64_t)((const unsigned char *)tensor->data - s->base);
}
