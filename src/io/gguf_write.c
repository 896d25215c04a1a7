#include "io/gguf_write.h"

#include "base/mem.h"
#include "base/output.h"
#include "base/rng.h"
#include "io/gguf_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ALIGNMENT = 32, CHUNK_BYTES = 1 << 20 };

/* Bytes that grow. */
typedef struct buffer {
    char *data;
    size_t bytes, capacity;
} buffer_t;

typedef struct pending {
    jup_gguf_tensor_t tensor; /* offset counts from the start of the data section */
    jup_gguf_fill_t fill;     /* NULL: the data is at context */
    void *context;
} pending_t;

struct jup_gguf_writer {
    buffer_t metadata;
    uint64_t n_entries;
    pending_t *tensors;
    size_t n_tensors, cap_tensors;
    uint64_t data_bytes;
};

jup_gguf_writer_t *jup_gguf_writer_new(void)
{
    return jup_new(1, sizeof(jup_gguf_writer_t));
}

void jup_gguf_writer_destroy(jup_gguf_writer_t *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n_tensors; i++)
        jup_free((void *)(uintptr_t)w->tensors[i].tensor.name);
    jup_free(w->tensors);
    jup_free(w->metadata.data);
    jup_free(w);
}

/* ---- encoding ---------------------------------------------------------------------------- */

static void add(buffer_t *buffer, const void *data, size_t bytes)
{
    if (buffer->bytes + bytes > buffer->capacity) {
        buffer->capacity = 2 * (buffer->bytes + bytes) + 256;
        buffer->data = jup_resize(buffer->data, buffer->capacity, 1);
    }
    if (bytes)
        memcpy(buffer->data + buffer->bytes, data, bytes);
    buffer->bytes += bytes;
}

static void add_u32(buffer_t *buffer, uint32_t value)
{
    add(buffer, &value, sizeof value);
}

static void add_u64(buffer_t *buffer, uint64_t value)
{
    add(buffer, &value, sizeof value);
}

static void add_text(buffer_t *buffer, jup_text_t text)
{
    add_u64(buffer, text.length);
    add(buffer, text.data, text.length);
}

static buffer_t *start_entry(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t type)
{
    w->n_entries++;
    add_text(&w->metadata, jup_text(key, strlen(key)));
    add_u32(&w->metadata, type);
    return &w->metadata;
}

/* ---- metadata ---------------------------------------------------------------------------- */

void jup_gguf_put_int(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t type, int64_t value)
{
    assert(jup_gguf_type_is_int(type));
    /* little endian: the low bytes come first */
    add(start_entry(w, key, type), &value, jup_gguf_type_bytes(type));
}

void jup_gguf_put_float(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t type, double value)
{
    assert(type == JUP_GGUF_F32 || type == JUP_GGUF_F64);
    float narrow = (float)value;
    buffer_t *buffer = start_entry(w, key, type);
    if (type == JUP_GGUF_F32)
        add(buffer, &narrow, sizeof narrow);
    else
        add(buffer, &value, sizeof value);
}

void jup_gguf_put_bool(jup_gguf_writer_t *w, const char *key, bool value)
{
    unsigned char byte = value;
    add(start_entry(w, key, JUP_GGUF_BOOL), &byte, 1);
}

void jup_gguf_put_text(jup_gguf_writer_t *w, const char *key, const char *value)
{
    add_text(start_entry(w, key, JUP_GGUF_STRING), jup_text(value, strlen(value)));
}

static buffer_t *start_array(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t item_type,
                             int64_t count)
{
    buffer_t *buffer = start_entry(w, key, JUP_GGUF_ARRAY);
    add_u32(buffer, item_type);
    add_u64(buffer, (uint64_t)count);
    return buffer;
}

void jup_gguf_put_array(jup_gguf_writer_t *w, const char *key, jup_gguf_type_t item_type,
                        const void *items, int64_t count)
{
    assert(jup_gguf_type_bytes(item_type) > 0);
    add(start_array(w, key, item_type, count), items,
        (size_t)count * jup_gguf_type_bytes(item_type));
}

void jup_gguf_put_texts(jup_gguf_writer_t *w, const char *key, const jup_text_t *items,
                        int64_t count)
{
    buffer_t *buffer = start_array(w, key, JUP_GGUF_STRING, count);
    for (int64_t i = 0; i < count; i++)
        add_text(buffer, items[i]);
}

static void put_text_array(jup_gguf_writer_t *w, const jup_gguf_entry_t *entry)
{
    buffer_t *buffer = start_array(w, entry->key, JUP_GGUF_STRING, entry->count);
    for (int64_t i = 0; i < entry->count; i++)
        add_text(buffer, jup_gguf_item_text(entry, i));
}

void jup_gguf_put_entry(jup_gguf_writer_t *w, const jup_gguf_entry_t *entry)
{
    if (entry->type == JUP_GGUF_STRING)
        add_text(start_entry(w, entry->key, entry->type),
                 jup_text(entry->text, entry->text_length));
    else if (entry->type != JUP_GGUF_ARRAY)
        add(start_entry(w, entry->key, entry->type), entry->data, jup_gguf_type_bytes(entry->type));
    else if (entry->item_type == JUP_GGUF_STRING)
        put_text_array(w, entry);
    else
        jup_gguf_put_array(w, entry->key, entry->item_type, entry->data, entry->count);
}

/* ---- tensors ----------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static pending_t *new_pending(jup_gguf_writer_t *w)
{
    if (w->n_tensors == w->cap_tensors) {
        w->cap_tensors = w->cap_tensors ? 2 * w->cap_tensors : 64;
        w->tensors = jup_resize(w->tensors, w->cap_tensors, sizeof *w->tensors);
    }
    return &w->tensors[w->n_tensors++];
}

void jup_gguf_put_tensor(jup_gguf_writer_t *w, const char *name, jup_dtype_t dtype, int n_dims,
                         const int64_t *dims, jup_gguf_fill_t fill, void *context)
{
    jup_gguf_tensor_t tensor = {.name = jup_strdup(name),
                                .type = (int)dtype,
                                .dtype = jup_dtype_info((int)dtype),
                                .n_dims = n_dims,
                                .rows = 1,
                                .cols = dims[0],
                                .offset = w->data_bytes};
    assert(n_dims >= 1 && n_dims <= 4 && dims[0] % tensor.dtype->block_elems == 0);
    for (int i = 0; i < 4; i++)
        tensor.dims[i] = i < n_dims ? dims[i] : 1;
    for (int i = 1; i < 4; i++)
        tensor.rows *= tensor.dims[i];
    tensor.bytes = jup_dtype_bytes(dtype, tensor.cols) * (size_t)tensor.rows;
    w->data_bytes += aligned(tensor.bytes);
    *new_pending(w) = (pending_t){tensor, fill, context};
}

void jup_gguf_put_tensor_data(jup_gguf_writer_t *w, const char *name, jup_dtype_t dtype, int n_dims,
                              const int64_t *dims, const void *data)
{
    jup_gguf_put_tensor(w, name, dtype, n_dims, dims, NULL, (void *)(uintptr_t)data);
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

jup_status_t jup_gguf_fill_random(void *context, const jup_gguf_tensor_t *tensor, int64_t row,
                                  int64_t rows, void *dst, jup_error_t *err)
{
    (void)err;
    const jup_gguf_random_t *random = context;
    size_t row_bytes = jup_dtype_bytes((jup_dtype_t)tensor->type, tensor->cols);
    float *values = jup_new((size_t)tensor->cols, sizeof *values);
    for (int64_t r = 0; r < rows; r++) {
        jup_rng_t rng;
        jup_rng_init(&rng, random->seed ^ hash_name(tensor->name) ^
                               ((uint64_t)(row + r) * 0x9e3779b97f4a7c15u));
        for (int64_t i = 0; i < tensor->cols; i++)
            values[i] =
                random->center + random->spread * (float)(2.0 * jup_rng_uniform(&rng) - 1.0);
        jup_quantize((jup_dtype_t)tensor->type, values, (char *)dst + (size_t)r * row_bytes,
                     tensor->cols);
    }
    jup_free(values);
    return JUP_OK;
}

/* ---- saving ------------------------------------------------------------------------------ */

/* What is being written, and where its failures go. */
typedef struct output {
    jup_output_t out;
    jup_error_t *err;
} output_t;

static jup_status_t write_bytes(output_t *o, const void *data, size_t bytes)
{
    if (bytes == 0 || fwrite(data, 1, bytes, o->out.file) == bytes)
        return JUP_OK;
    return jup_output_fail(&o->out, errno, o->err);
}

static jup_status_t write_padding(output_t *out, uint64_t bytes)
{
    static const char zeros[ALIGNMENT];
    return write_bytes(out, zeros, (size_t)(aligned(bytes) - bytes));
}

static void add_tensor_row(buffer_t *buffer, const jup_gguf_tensor_t *tensor)
{
    add_text(buffer, jup_text(tensor->name, strlen(tensor->name)));
    add_u32(buffer, (uint32_t)tensor->n_dims);
    add(buffer, tensor->dims, (size_t)tensor->n_dims * sizeof *tensor->dims);
    add_u32(buffer, (uint32_t)tensor->type);
    add_u64(buffer, tensor->offset);
}

void *jup_gguf_writer_header(const jup_gguf_writer_t *w, size_t *bytes)
{
    buffer_t header = {0};
    add(&header, "GGUF", 4);
    add_u32(&header, 3);
    add_u64(&header, w->n_tensors);
    add_u64(&header, w->n_entries);
    add(&header, w->metadata.data, w->metadata.bytes);
    for (size_t i = 0; i < w->n_tensors; i++)
        add_tensor_row(&header, &w->tensors[i].tensor);
    *bytes = header.bytes;
    return header.data;
}

static jup_status_t write_header(const jup_gguf_writer_t *w, output_t *out)
{
    size_t bytes;
    void *header = jup_gguf_writer_header(w, &bytes);
    jup_status_t status = write_bytes(out, header, bytes);
    if (status == JUP_OK && w->n_tensors > 0)
        status = write_padding(out, bytes);
    jup_free(header);
    return status;
}

static jup_status_t write_filled(const pending_t *pending, output_t *out, char *chunk,
                                 int64_t chunk_rows, size_t row_bytes)
{
    const jup_gguf_tensor_t *tensor = &pending->tensor;
    for (int64_t row = 0; row < tensor->rows; row += chunk_rows) {
        int64_t left = tensor->rows - row, rows = left < chunk_rows ? left : chunk_rows;
        JUP_TRY(pending->fill(pending->context, tensor, row, rows, chunk, out->err));
        JUP_TRY(write_bytes(out, chunk, (size_t)rows * row_bytes));
    }
    return JUP_OK;
}

static jup_status_t write_tensor(const pending_t *pending, output_t *out)
{
    const jup_gguf_tensor_t *tensor = &pending->tensor;
    if (!pending->fill)
        return write_bytes(out, pending->context, tensor->bytes);
    size_t row_bytes = tensor->bytes / (size_t)tensor->rows;
    int64_t chunk_rows = (int64_t)(CHUNK_BYTES / row_bytes) + 1;
    char *chunk = jup_new((size_t)chunk_rows, row_bytes);
    jup_status_t status = write_filled(pending, out, chunk, chunk_rows, row_bytes);
    jup_free(chunk);
    return status;
}

static jup_status_t write_all(const jup_gguf_writer_t *w, output_t *out)
{
    JUP_TRY(write_header(w, out));
    for (size_t i = 0; i < w->n_tensors; i++) {
        JUP_TRY(write_tensor(&w->tensors[i], out));
        JUP_TRY(write_padding(out, w->tensors[i].tensor.bytes));
    }
    return JUP_OK;
}

jup_status_t jup_gguf_save(jup_gguf_writer_t *w, const char *path, jup_error_t *err)
{
    output_t out = {.err = err};
    JUP_TRY(jup_output_open(&out.out, path, err));
    jup_status_t status = write_all(w, &out);
    if (status == JUP_OK)
        return jup_output_close(&out.out, err);
    jup_output_abandon(&out.out);
    return status;
}
