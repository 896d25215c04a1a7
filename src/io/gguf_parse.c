/*
 * The header of a GGUF file: magic, version, counts, metadata entries, tensor table. A cursor
 * never moves past what is there; each failure says where it was and what it found.
 */
#include "base/checked.h"
#include "base/mem.h"
#include "io/gguf_internal.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_NAME_BYTES = 65535, MAX_ITEMS = INT32_MAX / 2 };

typedef struct cursor {
    jup_gguf_t *g;
    const unsigned char *base;
    size_t at, end;
    jup_error_t *err;
} cursor_t;

static jup_status_t fail_truncated(const cursor_t *c, const char *what)
{
    return jup_gguf_fail(c->g, c->err,
                         "is damaged or incomplete: the file ends (at byte %zu) inside %s; copy or "
                         "download it again",
                         c->end, what);
}

static jup_status_t take(cursor_t *c, void *out, size_t bytes, const char *what)
{
    if (c->end - c->at < bytes)
        return fail_truncated(c, what);
    memcpy(out, c->base + c->at, bytes);
    c->at += bytes;
    return JUP_OK;
}

static jup_status_t skip(cursor_t *c, size_t bytes, const char *what)
{
    if (c->end - c->at < bytes)
        return fail_truncated(c, what);
    c->at += bytes;
    return JUP_OK;
}

/* A string: its length, its bytes. */
static jup_status_t take_text(cursor_t *c, jup_text_t *out, const char *what)
{
    uint64_t length = 0;
    JUP_TRY(take(c, &length, sizeof length, what));
    if (length > c->end - c->at)
        return jup_gguf_fail(c->g, c->err,
                             "is damaged or incomplete: %s claims %" PRIu64
                             " bytes at byte %zu of %zu; copy or download it again",
                             what, length, c->at, c->end);
    *out = jup_text((const char *)c->base + c->at, (size_t)length);
    c->at += (size_t)length;
    return JUP_OK;
}

/* A name for a message. */
typedef struct shown {
    char text[160];
} shown_t;

static const char *show(shown_t *shown, const char *name)
{
    return jup_text_escape(jup_text(name, strlen(name)), shown->text, sizeof shown->text);
}

/* A terminated copy. */
static char *copy_text(jup_text_t text)
{
    char *copy = jup_new(text.length + 1, 1);
    memcpy(copy, text.data, text.length);
    return copy;
}

/* The name of an entry or tensor: bounded, not empty, without NUL bytes. */
static jup_status_t take_name(cursor_t *c, jup_text_t *name, const char *what)
{
    size_t at = c->at;
    JUP_TRY(take_text(c, name, what));
    if (name->length == 0 || name->length > MAX_NAME_BYTES ||
        memchr(name->data, '\0', name->length))
        return jup_gguf_fail(
            c->g, c->err, "is damaged: %s at byte %zu is %s; copy or download it again", what, at,
            name->length == 0               ? "empty"
            : name->length > MAX_NAME_BYTES ? "longer than 65535 bytes"
                                            : "not text");
    return JUP_OK;
}

/* ---- start ------------------------------------------------------------------------------- */

static jup_status_t fail_magic(const cursor_t *c, const char magic[4])
{
    static const char *const older[] = {"lmgg", "fmgg", "tjgg", "algg"};
    for (size_t i = 0; i < sizeof older / sizeof *older; i++) {
        if (memcmp(magic, older[i], 4) == 0)
            return jup_gguf_fail(c->g, c->err,
                                 "is a GGML file from before GGUF; convert the model again");
    }
    char shown[20];
    return jup_gguf_fail(c->g, c->err,
                         "is not a GGUF file: it starts with '%s' instead of 'GGUF'; give the path "
                         "of a model in GGUF format",
                         jup_text_escape(jup_text(magic, 4), shown, sizeof shown));
}

static jup_status_t check_version(const cursor_t *c, uint32_t version)
{
    if (version == 2 || version == 3)
        return JUP_OK;
    if (version != 0 && (version & 0xFFFF) == 0)
        return jup_gguf_fail(c->g, c->err,
                             "is a big-endian GGUF file; only little endian is supported: convert "
                             "the model again without the big-endian option");
    if (version == 1)
        return jup_gguf_fail(c->g, c->err,
                             "is GGUF version 1, which is no longer in use; convert the model "
                             "again (versions 2 and 3 are supported)");
    return jup_gguf_fail(c->g, c->err,
                         "is GGUF version %" PRIu32 "; versions 2 and 3 are supported", version);
}

/* A count of things that take at least `least` bytes each. */
static jup_status_t take_count(cursor_t *c, uint64_t *count, size_t least, const char *what)
{
    JUP_TRY(take(c, count, sizeof *count, what));
    if (*count > (c->end - c->at) / least || *count > MAX_ITEMS)
        return jup_gguf_fail(c->g, c->err,
                             "is damaged or incomplete: %s is %" PRIu64
                             ", more than fits in its %zu bytes; copy or download it again",
                             what, *count, c->end);
    return JUP_OK;
}

static jup_status_t parse_start(cursor_t *c, uint64_t *n_tensors, uint64_t *n_entries)
{
    char magic[4];
    uint32_t version = 0;
    JUP_TRY(take(c, magic, sizeof magic, "its first four bytes"));
    if (memcmp(magic, "GGUF", 4) != 0)
        return fail_magic(c, magic);
    JUP_TRY(take(c, &version, sizeof version, "the version"));
    JUP_TRY(check_version(c, version));
    c->g->version = (int)version;
    JUP_TRY(take_count(c, n_tensors, 8 + 1 + 4 + 8 + 4 + 8, "the number of tensors"));
    return take_count(c, n_entries, 8 + 1 + 4 + 1, "the number of metadata entries");
}

/* ---- metadata ---------------------------------------------------------------------------- */

static jup_status_t fail_type(const cursor_t *c, const jup_gguf_entry_t *entry, uint32_t type)
{
    shown_t shown;
    return jup_gguf_fail(c->g, c->err,
                         "is damaged or newer than this program: metadata '%s' has type %" PRIu32
                         ", which is not defined",
                         show(&shown, entry->key), type);
}

/* Walks over the strings once to check them, then again to note where each one starts. */
static jup_status_t parse_text_array(cursor_t *c, jup_gguf_entry_t *entry)
{
    size_t start = c->at;
    jup_text_t text;
    shown_t shown;
    for (int64_t i = 0; i < entry->count; i++)
        JUP_TRY(take_text(c, &text, "a string of an array"));
    if (c->at - start > UINT32_MAX)
        return jup_gguf_fail(c->g, c->err, "metadata '%s' holds more than 4 GiB of text",
                             show(&shown, entry->key));
    void *offsets;
    JUP_TRY(jup_alloc(&offsets, (size_t)entry->count, sizeof(uint32_t), "the vocabulary", c->err));
    entry->text_offsets = offsets;
    c->at = start;
    for (int64_t i = 0; i < entry->count; i++) {
        ((uint32_t *)offsets)[i] = (uint32_t)(c->at - start);
        JUP_TRY(take_text(c, &text, "a string of an array"));
    }
    return JUP_OK;
}

static jup_status_t parse_array(cursor_t *c, jup_gguf_entry_t *entry)
{
    uint32_t item_type = 0;
    uint64_t count = 0;
    shown_t shown;
    JUP_TRY(take(c, &item_type, sizeof item_type, "the type of an array"));
    if (item_type == JUP_GGUF_ARRAY)
        return jup_gguf_fail(c->g, c->err,
                             "metadata '%s' is an array of arrays, which is not supported",
                             show(&shown, entry->key));
    size_t item_bytes = jup_gguf_type_bytes(item_type);
    if (item_type > JUP_GGUF_F64)
        return fail_type(c, entry, item_type);
    JUP_TRY(take_count(c, &count, item_bytes ? item_bytes : 8, "the length of an array"));
    entry->item_type = (jup_gguf_type_t)item_type;
    entry->count = (int64_t)count;
    entry->data = c->base + c->at;
    if (item_type == JUP_GGUF_STRING)
        return parse_text_array(c, entry);
    return skip(c, (size_t)count * item_bytes, "an array");
}

static jup_status_t parse_text(cursor_t *c, jup_gguf_entry_t *entry)
{
    jup_text_t text;
    JUP_TRY(take_text(c, &text, "a metadata string"));
    entry->text = copy_text(text);
    entry->text_length = text.length;
    return JUP_OK;
}

static jup_status_t parse_value(cursor_t *c, jup_gguf_entry_t *entry)
{
    uint32_t type = 0;
    JUP_TRY(take(c, &type, sizeof type, "the type of a metadata entry"));
    if (type > JUP_GGUF_F64)
        return fail_type(c, entry, type);
    entry->type = entry->item_type = (jup_gguf_type_t)type;
    entry->count = 1;
    entry->data = c->base + c->at;
    if (type == JUP_GGUF_ARRAY)
        return parse_array(c, entry);
    if (type == JUP_GGUF_STRING)
        return parse_text(c, entry);
    return skip(c, jup_gguf_type_bytes(type), "a metadata value");
}

/* Doubles a table when it is full. */
static void *room_for_one(void *table, size_t used, size_t *capacity, size_t item_bytes)
{
    if (used < *capacity)
        return table;
    *capacity = *capacity ? *capacity * 2 : 32;
    return jup_resize(table, *capacity, item_bytes);
}

static jup_status_t parse_entry(cursor_t *c)
{
    jup_gguf_t *g = c->g;
    jup_text_t key;
    JUP_TRY(take_name(c, &key, "a metadata key"));
    g->entries = room_for_one(g->entries, g->n_entries, &g->cap_entries, sizeof *g->entries);
    jup_gguf_entry_t *entry = &g->entries[g->n_entries];
    entry->key = copy_text(key);
    if (jup_text_index_put(&g->entry_index, key, (int32_t)g->n_entries++) >= 0) {
        shown_t shown;
        return jup_gguf_fail(g, c->err, "is damaged: metadata '%s' occurs twice",
                             show(&shown, entry->key));
    }
    return parse_value(c, entry);
}

static jup_status_t read_alignment(jup_gguf_t *g, jup_error_t *err)
{
    int64_t alignment;
    JUP_TRY(jup_gguf_get_int(g, "general.alignment", 8, 1 << 20, 32, &alignment, err));
    if ((alignment & (alignment - 1)) != 0)
        return jup_gguf_fail(g, err, "general.alignment is %" PRId64 ", not a power of two",
                             alignment);
    g->alignment = (uint64_t)alignment;
    return JUP_OK;
}

/* ---- tensors ----------------------------------------------------------------------------- */

static jup_status_t fail_tensor(const cursor_t *c, const jup_gguf_tensor_t *tensor,
                                const char *what, uint64_t value)
{
    shown_t shown;
    return jup_gguf_fail(c->g, c->err,
                         "tensor '%s': %s (%" PRIu64 "); the file is damaged or made wrongly",
                         show(&shown, tensor->name), what, value);
}

static jup_status_t fail_new_type(const cursor_t *c, const jup_gguf_tensor_t *tensor, uint32_t type)
{
    shown_t shown;
    return jup_gguf_fail(c->g, c->err,
                         "tensor '%s' has type number %" PRIu32
                         ", which is newer than this program or damaged; use a model in %s",
                         show(&shown, tensor->name), type, jup_dtype_names().text);
}

static jup_status_t parse_dims(cursor_t *c, jup_gguf_tensor_t *tensor)
{
    uint32_t n_dims = 0;
    JUP_TRY(take(c, &n_dims, sizeof n_dims, "the tensor table"));
    if (n_dims < 1 || n_dims > 4)
        return fail_tensor(c, tensor, "number of dimensions is not 1 to 4", n_dims);
    tensor->n_dims = (int)n_dims;
    int64_t elems = 1;
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t dim = 1;
        if (i < n_dims)
            JUP_TRY(take(c, &dim, sizeof dim, "the tensor table"));
        if (dim == 0)
            return fail_tensor(c, tensor, "a dimension is zero", i);
        if (dim > INT64_MAX || __builtin_mul_overflow(elems, (int64_t)dim, &elems))
            return fail_tensor(c, tensor, "a dimension is too large", dim);
        tensor->dims[i] = (int64_t)dim;
    }
    tensor->cols = tensor->dims[0];
    tensor->rows = elems / tensor->cols;
    return JUP_OK;
}

/* Fills dtype and bytes; a type that exists but cannot be computed with keeps dtype NULL. */
static jup_status_t parse_type(cursor_t *c, jup_gguf_tensor_t *tensor)
{
    uint32_t type = 0;
    JUP_TRY(take(c, &type, sizeof type, "the tensor table"));
    const jup_dtype_info_t *any = type <= INT32_MAX ? jup_dtype_any((int)type) : NULL;
    if (!any)
        return fail_new_type(c, tensor, type);
    tensor->type = (int)type;
    tensor->dtype = jup_dtype_info((int)type);
    if (tensor->cols % any->block_elems != 0)
        return fail_tensor(c, tensor, "row length is no multiple of the block of its type",
                           (uint64_t)tensor->cols);
    size_t blocks = (size_t)(tensor->cols / any->block_elems), row_bytes;
    if (!jup_mul_size(blocks, (size_t)any->block_bytes, &row_bytes) ||
        !jup_mul_size(row_bytes, (size_t)tensor->rows, &tensor->bytes))
        return fail_tensor(c, tensor, "size overflows; rows", (uint64_t)tensor->rows);
    return JUP_OK;
}

static jup_status_t parse_tensor(cursor_t *c)
{
    jup_gguf_t *g = c->g;
    jup_text_t name;
    JUP_TRY(take_name(c, &name, "a tensor name"));
    g->tensors = room_for_one(g->tensors, g->n_tensors, &g->cap_tensors, sizeof *g->tensors);
    jup_gguf_tensor_t *tensor = &g->tensors[g->n_tensors];
    tensor->name = copy_text(name);
    int32_t before = jup_text_index_put(&g->tensor_index, name, (int32_t)g->n_tensors++);
    if (before >= 0)
        return fail_tensor(c, tensor, "occurs twice; first as number", (uint64_t)before);
    JUP_TRY(parse_dims(c, tensor));
    JUP_TRY(parse_type(c, tensor));
    return take(c, &tensor->offset, sizeof tensor->offset, "the tensor table");
}

/* Offsets count from the data section, whose place is known only after the whole table. */
static jup_status_t place_tensor(cursor_t *c, jup_gguf_tensor_t *tensor)
{
    const jup_gguf_t *g = c->g;
    shown_t shown;
    uint64_t data_bytes = g->file_bytes > g->data_offset ? g->file_bytes - g->data_offset : 0;
    if (tensor->offset % g->alignment != 0)
        return fail_tensor(c, tensor, "offset is not aligned", tensor->offset);
    if (tensor->offset >= data_bytes || data_bytes - tensor->offset < tensor->bytes)
        return jup_gguf_fail(g, c->err,
                             "is incomplete: tensor '%s' needs %zu bytes at offset %" PRIu64
                             " of the data, the file has %" PRIu64
                             " bytes of data; copy or download it again",
                             show(&shown, tensor->name), tensor->bytes, tensor->offset, data_bytes);
    tensor->offset += g->data_offset;
    return JUP_OK;
}

static jup_status_t parse_tables(cursor_t *c)
{
    jup_gguf_t *g = c->g;
    uint64_t n_tensors = 0, n_entries = 0;
    JUP_TRY(parse_start(c, &n_tensors, &n_entries));
    jup_text_index_init(&g->entry_index, 64);
    for (uint64_t i = 0; i < n_entries; i++)
        JUP_TRY(parse_entry(c));
    JUP_TRY(read_alignment(g, c->err));
    jup_text_index_init(&g->tensor_index, 64);
    for (uint64_t i = 0; i < n_tensors; i++)
        JUP_TRY(parse_tensor(c));
    g->data_offset = ((uint64_t)c->at + g->alignment - 1) & ~(g->alignment - 1);
    return JUP_OK;
}

jup_status_t jup_gguf_parse(jup_gguf_t *g, size_t readable, size_t *header_bytes, jup_error_t *err)
{
    cursor_t c = {.g = g, .base = g->base, .at = 0, .end = readable, .err = err};
    JUP_TRY(parse_tables(&c));
    for (size_t i = 0; i < g->n_tensors; i++)
        JUP_TRY(place_tensor(&c, &g->tensors[i]));
    *header_bytes = c.at;
    return jup_gguf_check_overlap(g, err);
}
