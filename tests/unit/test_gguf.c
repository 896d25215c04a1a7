#include "base/interrupt.h"
#include "base/mem.h"
#include "io/gguf_write.h"
#include "io_sample.h"
#include "unit.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files made by hand, byte by byte, from the specification ------------------------------ */

typedef struct raw {
    unsigned char bytes[4096];
    size_t used;
} raw_t;

static void raw_put(raw_t *raw, const void *data, size_t bytes)
{
    ck_assert_uint_le(raw->used + bytes, sizeof raw->bytes);
    memcpy(raw->bytes + raw->used, data, bytes);
    raw->used += bytes;
}

static void raw_number(raw_t *raw, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> (8 * i));
        raw_put(raw, &byte, 1);
    }
}

static void raw_text(raw_t *raw, const char *text)
{
    raw_number(raw, strlen(text), 8);
    raw_put(raw, text, strlen(text));
}

static void raw_start(raw_t *raw, uint32_t version, uint64_t tensors, uint64_t entries)
{
    raw->used = 0;
    raw_put(raw, "GGUF", 4);
    raw_number(raw, version, 4);
    raw_number(raw, tensors, 8);
    raw_number(raw, entries, 8);
}

static void raw_key(raw_t *raw, const char *key, uint32_t type)
{
    raw_text(raw, key);
    raw_number(raw, type, 4);
}

static void raw_tensor(raw_t *raw, const char *name, int n_dims, const uint64_t *dims,
                       uint32_t type, uint64_t offset)
{
    raw_text(raw, name);
    raw_number(raw, (uint64_t)n_dims, 4);
    for (int i = 0; i < n_dims; i++)
        raw_number(raw, dims[i], 8);
    raw_number(raw, type, 4);
    raw_number(raw, offset, 8);
}

static void raw_pad(raw_t *raw, size_t alignment)
{
    while (raw->used % alignment)
        raw_number(raw, 0, 1);
}

/* One entry of every type, an f32 tensor of 2 x 3, a Q8_0 tensor of 1 x 32. */
static void raw_everything(raw_t *raw, uint32_t version)
{
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    static const uint64_t dims_a[] = {3, 2}, dims_b[] = {32};
    raw_start(raw, version, 2, 14);
    raw_key(raw, "k.u8", 0), raw_number(raw, 200, 1);
    raw_key(raw, "k.i8", 1), raw_number(raw, 0xFB, 1);
    raw_key(raw, "k.u16", 2), raw_number(raw, 60000, 2);
    raw_key(raw, "k.i16", 3), raw_number(raw, 0xFFFE, 2);
    raw_key(raw, "k.u32", 4), raw_number(raw, 4000000000u, 4);
    raw_key(raw, "k.i32", 5), raw_number(raw, 0xFFFFFFFDu, 4);
    raw_key(raw, "k.f32", 6), raw_number(raw, 0x3FC00000u, 4); /* 1.5 */
    raw_key(raw, "k.bool", 7), raw_number(raw, 1, 1);
    raw_key(raw, "k.text", 8), raw_text(raw, "caf\u00E9");
    raw_key(raw, "k.u64", 10), raw_number(raw, UINT64_MAX, 8);
    raw_key(raw, "k.i64", 11), raw_number(raw, (uint64_t)-5000000000, 8);
    raw_key(raw, "k.f64", 12), raw_number(raw, 0xC002000000000000u, 8); /* -2.25 */
    raw_key(raw, "k.texts", 9), raw_number(raw, 8, 4), raw_number(raw, 3, 8);
    raw_text(raw, "one"), raw_text(raw, ""), raw_text(raw, "three");
    raw_key(raw, "k.ints", 9), raw_number(raw, 3, 4), raw_number(raw, 2, 8);
    raw_number(raw, 7, 2), raw_number(raw, 0xFFFF, 2);
    raw_tensor(raw, "a", 2, dims_a, 0, 0);
    raw_tensor(raw, "b", 1, dims_b, 8, 32);
    raw_pad(raw, 32);
    raw_put(raw, values, sizeof values);
    raw_pad(raw, 32);
    raw_number(raw, 0x3C00, 2); /* scale 1 */
    for (unsigned i = 0; i < 32; i++)
        raw_number(raw, i, 1);
    raw_pad(raw, 32);
}

static jup_status_t open_raw(const raw_t *raw, jup_gguf_t **g, jup_error_t *err)
{
    return jup_gguf_open_memory(raw->bytes, raw->used, "file.gguf", g, err);
}

/* The file is refused as the user's fault, with words that say why. */
static void check_refused(const raw_t *raw, const char *words)
{
    jup_gguf_t *g;
    jup_error_t err = {0};
    size_t blocks = jup_mem_live_blocks();
    ck_assert_int_eq(open_raw(raw, &g, &err), JUP_EINPUT);
    ck_assert_ptr_null(g);
    ck_assert_msg(strstr(err.text, words), "'%s' does not say '%s'", err.text, words);
    ck_assert_msg(strncmp(err.text, "file.gguf: ", 11) == 0, "'%s' lacks the path", err.text);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}

/* ---- reading ------------------------------------------------------------------------------ */

static void check_ints(const jup_gguf_t *g)
{
    static const struct {
        const char *key;
        int64_t value;
    } ints[] = {{"k.u8", 200}, {"k.i8", -5},          {"k.u16", 60000},      {"k.i16", -2},
                {"k.i32", -3}, {"k.u32", 4000000000}, {"k.i64", -5000000000}};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        int64_t value;
        ck_assert_int_eq(jup_gguf_require_int(g, ints[i].key, INT64_MIN, INT64_MAX, &value, NULL),
                         JUP_OK);
        ck_assert_int_eq(value, ints[i].value);
    }
}

static void check_others(const jup_gguf_t *g)
{
    double real;
    bool flag;
    const char *text;
    ck_assert_int_eq(jup_gguf_require_float(g, "k.f32", &real, NULL), JUP_OK);
    ck_assert(real == 1.5);
    ck_assert_int_eq(jup_gguf_require_float(g, "k.f64", &real, NULL), JUP_OK);
    ck_assert(real == -2.25);
    ck_assert_int_eq(jup_gguf_get_float(g, "k.u8", 0, &real, NULL), JUP_OK);
    ck_assert(real == 200);
    ck_assert_int_eq(jup_gguf_require_bool(g, "k.bool", &flag, NULL), JUP_OK);
    ck_assert(flag);
    ck_assert_int_eq(jup_gguf_require_text(g, "k.text", &text, NULL), JUP_OK);
    ck_assert_str_eq(text, "caf\u00E9");
}

static void check_arrays(const jup_gguf_t *g)
{
    const jup_gguf_entry_t *entry;
    ck_assert_int_eq(jup_gguf_get_texts(g, "k.texts", &entry, NULL), JUP_OK);
    ck_assert_int_eq(entry->count, 3);
    ck_assert(jup_text_equal(jup_gguf_item_text(entry, 0), jup_text("one", 3)));
    ck_assert_uint_eq(jup_gguf_item_text(entry, 1).length, 0);
    ck_assert(jup_text_equal(jup_gguf_item_text(entry, 2), jup_text("three", 5)));
    ck_assert_int_eq(jup_gguf_get_ints(g, "k.ints", &entry, NULL), JUP_OK);
    ck_assert_int_eq(entry->count, 2);
    ck_assert_int_eq(jup_gguf_item_int(entry, 0), 7);
    ck_assert_int_eq(jup_gguf_item_int(entry, 1), -1);
}

static void check_tensors(jup_gguf_t *g)
{
    const jup_gguf_tensor_t *pair[2] = {jup_gguf_tensor(g, "a"), jup_gguf_tensor(g, "b")};
    const jup_gguf_range_t ranges[3] = {
        jup_gguf_all(pair[0]), jup_gguf_all(pair[1]), {.tensor = pair[0], .first = 16, .bytes = 8}};
    const void *data[3];
    ck_assert_int_eq(jup_gguf_tensor_count(g), 2);
    ck_assert_int_eq(pair[0]->rows, 2);
    ck_assert_int_eq(pair[0]->cols, 3);
    ck_assert_uint_eq(pair[0]->bytes, 24);
    ck_assert_str_eq(pair[1]->dtype->name, "Q8_0");
    ck_assert_uint_eq(pair[1]->offset, pair[0]->offset + 32);
    ck_assert_uint_eq(pair[1]->bytes, 34);
    ck_assert_int_eq(jup_gguf_map(g, ranges, 3, data, NULL), JUP_OK);
    ck_assert(((const float *)data[0])[5] == 6);
    ck_assert(((const float *)data[2])[1] == 6);
    ck_assert_int_eq(((const unsigned char *)data[1])[2 + 31], 31);
}

START_TEST(every_type_is_read)
{
    for (uint32_t version = 2; version <= 3; version++) {
        raw_t raw;
        jup_gguf_t *g;
        size_t blocks = jup_mem_live_blocks();
        raw_everything(&raw, version);
        ck_assert_int_eq(open_raw(&raw, &g, NULL), JUP_OK);
        ck_assert_int_eq(jup_gguf_version(g), (int)version);
        ck_assert_int_eq(jup_gguf_entry_count(g), 14);
        check_ints(g);
        check_others(g);
        check_arrays(g);
        check_tensors(g);
        jup_gguf_close(g);
        ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    }
}
END_TEST

START_TEST(wrong_kinds_and_ranges_are_named)
{
    raw_t raw;
    jup_gguf_t *g;
    jup_error_t err;
    int64_t value;
    double real;
    bool flag;
    const char *text;
    const jup_gguf_entry_t *entry;
    raw_everything(&raw, 3);
    ck_assert_int_eq(open_raw(&raw, &g, &err), JUP_OK);

    ck_assert_int_eq(jup_gguf_get_int(g, "absent", 0, 9, 5, &value, &err), JUP_OK);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(jup_gguf_require_int(g, "absent", 0, 9, &value, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "'absent' is missing"));
    ck_assert_int_eq(jup_gguf_get_int(g, "k.u8", 0, 199, 5, &value, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "'k.u8' is 200, expected 0 to 199"));
    ck_assert_int_eq(jup_gguf_get_int(g, "k.i8", -4, 9, 5, &value, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "'k.i8' is -5, expected -4 to 9"));
    ck_assert_int_eq(jup_gguf_get_int(g, "k.u64", 0, 1 << 20, 5, &value, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_gguf_get_int(g, "k.text", 0, 9, 5, &value, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "file.gguf: metadata 'k.text' is of type string"));
    ck_assert_int_eq(jup_gguf_get_float(g, "k.bool", 0, &real, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_gguf_get_bool(g, "k.u8", 0, &flag, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_gguf_require_text(g, "k.texts", &text, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "[3 x string] \"one\", \"\", \"three\""));
    ck_assert_int_eq(jup_gguf_get_floats(g, "k.ints", &entry, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_gguf_get_texts(g, "k.text", &entry, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_gguf_get_ints(g, "absent", &entry, &err), JUP_OK);
    ck_assert_ptr_null(entry);
    jup_gguf_close(g);
}
END_TEST

START_TEST(values_print_on_one_line)
{
    static const struct {
        const char *key, *text;
    } shown[] = {{"k.i8", "-5"},
                 {"k.f64", "-2.25"},
                 {"k.bool", "true"},
                 {"k.text", "\"caf\u00E9\""},
                 {"k.ints", "[2 x i16] 7, -1"}};
    raw_t raw;
    jup_gguf_t *g;
    char text[100];
    raw_everything(&raw, 3);
    ck_assert_int_eq(open_raw(&raw, &g, NULL), JUP_OK);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        jup_gguf_entry_print(jup_gguf_find(g, shown[i].key), text, sizeof text);
        ck_assert_str_eq(text, shown[i].text);
    }
    jup_gguf_entry_print(jup_gguf_find(g, "k.texts"), text, 9);
    ck_assert_str_eq(text, "[3 x str");
    jup_gguf_close(g);
}
END_TEST

/* ---- refusing ----------------------------------------------------------------------------- */

START_TEST(not_gguf_is_refused)
{
    raw_t raw;
    raw_everything(&raw, 3);
    memcpy(raw.bytes, "GG\x01X", 4);
    check_refused(&raw, "starts with 'GG\\x01X'");
    memcpy(raw.bytes, "tjgg", 4);
    check_refused(&raw, "from before GGUF");
    raw_everything(&raw, 1);
    check_refused(&raw, "version 1");
    raw_everything(&raw, 4);
    check_refused(&raw, "version 4; versions 2 and 3");
    raw_everything(&raw, 3u << 24);
    check_refused(&raw, "big-endian");
    raw.used = 3;
    check_refused(&raw, "the file ends (at byte 3)");
    raw.used = 0;
    check_refused(&raw, "is empty");
}
END_TEST

START_TEST(impossible_counts_are_refused)
{
    raw_t raw;
    raw_start(&raw, 3, UINT64_MAX, 0);
    check_refused(&raw, "number of tensors is 18446744073709551615");
    raw_start(&raw, 3, 0, (uint64_t)1 << 40);
    check_refused(&raw, "number of metadata entries is 1099511627776");
    raw_start(&raw, 3, 0, 1);
    raw_number(&raw, UINT64_MAX, 8); /* length of the key */
    raw_pad(&raw, 64);
    check_refused(&raw, "a metadata key claims 18446744073709551615 bytes");
    raw_start(&raw, 3, 0, 1);
    raw_key(&raw, "k", 9), raw_number(&raw, 10, 4), raw_number(&raw, (uint64_t)1 << 61, 8);
    check_refused(&raw, "the length of an array is 2305843009213693952");
}
END_TEST

START_TEST(bad_entries_are_refused)
{
    raw_t raw;
    raw_start(&raw, 3, 0, 1);
    raw_key(&raw, "", 4), raw_number(&raw, 1, 4);
    check_refused(&raw, "empty");
    raw_start(&raw, 3, 0, 1);
    raw_key(&raw, "k", 13), raw_number(&raw, 1, 8);
    check_refused(&raw, "'k' has type 13");
    raw_start(&raw, 3, 0, 1);
    raw_key(&raw, "k", 9), raw_number(&raw, 9, 4), raw_number(&raw, 1, 8);
    check_refused(&raw, "array of arrays");
    raw_start(&raw, 3, 0, 1);
    raw_key(&raw, "k", 9), raw_number(&raw, 99, 4), raw_number(&raw, 0, 8);
    check_refused(&raw, "'k' has type 99");
    raw_start(&raw, 3, 0, 2);
    raw_key(&raw, "same", 0), raw_number(&raw, 1, 1);
    raw_key(&raw, "same", 0), raw_number(&raw, 1, 1);
    check_refused(&raw, "'same' occurs twice");
    raw_start(&raw, 3, 0, 1);
    raw_key(&raw, "general.alignment", 4), raw_number(&raw, 24, 4);
    check_refused(&raw, "24, not a power of two");
}
END_TEST

/* A file with one f32 tensor as told, and 64 bytes of data. */
static void raw_one_tensor(raw_t *raw, int n_dims, const uint64_t *dims, uint32_t type,
                           uint64_t offset)
{
    raw_start(raw, 3, 1, 0);
    raw_tensor(raw, "t\n", n_dims, dims, type, offset);
    raw_pad(raw, 32);
    for (int i = 0; i < 64; i++)
        raw_number(raw, 1, 1);
}

START_TEST(bad_tensors_are_refused)
{
    raw_t raw;
    raw_one_tensor(&raw, 0, NULL, 0, 0);
    check_refused(&raw, "'t\\n': number of dimensions is not 1 to 4 (0)");
    raw_one_tensor(&raw, 5, (uint64_t[]){1, 1, 1, 1, 1}, 0, 0);
    check_refused(&raw, "(5)");
    raw_one_tensor(&raw, 2, (uint64_t[]){4, 0}, 0, 0);
    check_refused(&raw, "a dimension is zero");
    raw_one_tensor(&raw, 3, (uint64_t[]){1u << 31, 1u << 31, 4}, 0, 0);
    check_refused(&raw, "too large");
    raw_one_tensor(&raw, 1, (uint64_t[]){(uint64_t)1 << 63}, 0, 0);
    check_refused(&raw, "too large");
    raw_one_tensor(&raw, 1, (uint64_t[]){(uint64_t)1 << 62}, 0, 0);
    check_refused(&raw, "size overflows");
    raw_one_tensor(&raw, 1, (uint64_t[]){16}, 99, 0);
    check_refused(&raw, "has type number 99, which is newer than this program or damaged");
    raw_one_tensor(&raw, 1, (uint64_t[]){33}, 8, 0);
    check_refused(&raw, "no multiple of the block");
    raw_one_tensor(&raw, 1, (uint64_t[]){8}, 0, 8);
    check_refused(&raw, "offset is not aligned (8)");
    raw_one_tensor(&raw, 1, (uint64_t[]){17}, 0, 0);
    check_refused(&raw, "needs 68 bytes at offset 0 of the data, the file has 64");
    raw_one_tensor(&raw, 1, (uint64_t[]){1}, 0, UINT64_MAX - 31);
    check_refused(&raw, "needs 4 bytes at offset 18446744073709551584");
}
END_TEST

START_TEST(tensors_may_not_overlap_or_repeat)
{
    static const uint64_t dims[] = {16};
    raw_t raw;
    raw_start(&raw, 3, 2, 0);
    raw_tensor(&raw, "x", 1, dims, 0, 32);
    raw_tensor(&raw, "y", 1, dims, 0, 0);
    raw_pad(&raw, 32);
    for (int i = 0; i < 96; i++)
        raw_number(&raw, 0, 1);
    check_refused(&raw, "tensor 'x' overlaps");
    raw_start(&raw, 3, 2, 0);
    raw_tensor(&raw, "x", 1, dims, 0, 0);
    raw_tensor(&raw, "x", 1, dims, 0, 64);
    raw_pad(&raw, 32);
    for (int i = 0; i < 128; i++)
        raw_number(&raw, 0, 1);
    check_refused(&raw, "'x': occurs twice");
}
END_TEST

START_TEST(unsupported_types_are_listed_but_not_mapped)
{
    raw_t raw;
    jup_gguf_t *g;
    jup_error_t err;
    const void *data;
    const jup_gguf_tensor_t *tensor;
    raw_one_tensor(&raw, 1, (uint64_t[]){64}, 39, 0);
    ck_assert_int_eq(open_raw(&raw, &g, &err), JUP_OK);
    tensor = jup_gguf_tensor(g, "t\n");
    ck_assert_ptr_null(tensor->dtype);
    ck_assert_uint_eq(tensor->bytes, 34);
    jup_gguf_range_t all = jup_gguf_all(tensor);
    ck_assert_int_eq(jup_gguf_map(g, &all, 1, &data, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "MXFP4"));
    ck_assert_int_eq(jup_gguf_require_tensor(g, "u", &tensor, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "'u' is missing"));
    jup_gguf_close(g);
}
END_TEST

START_TEST(things_that_are_no_files_are_refused)
{
    char path[256];
    jup_gguf_t *g;
    jup_error_t err;
    io_sample_path(path, "thing");
    ck_assert_int_eq(jup_gguf_open(path, &g, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
    io_sample_write(path, "", 0);
    ck_assert_int_eq(jup_gguf_open(path, &g, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "is empty"));
    remove(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(jup_gguf_open(path, &g, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "device or pipe"));
    remove(path);
    ck_assert_int_eq(jup_gguf_open(".", &g, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "a folder without config.json"));
    ck_assert_ptr_null(g);
}
END_TEST

/* ---- no byte can do harm ------------------------------------------------------------------ */

/* Uses everything an accepted file offers. */
static void walk(jup_gguf_t *g)
{
    char text[300];
    volatile unsigned sum = 0;
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++)
        jup_gguf_entry_print(jup_gguf_entry_at(g, i), text, sizeof text);
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        const void *data;
        jup_gguf_range_t all = jup_gguf_all(tensor);
        if (jup_gguf_map(g, &all, 1, &data, NULL) != JUP_OK)
            continue;
        for (size_t k = 0; k < tensor->bytes; k++)
            sum += ((const unsigned char *)data)[k];
    }
}

static int try_mutant(io_guarded_t *guarded, const unsigned char *bytes, size_t count)
{
    jup_gguf_t *g;
    jup_error_t err = {0};
    size_t blocks = jup_mem_live_blocks();
    jup_status_t status =
        jup_gguf_open_memory(io_guarded_put(guarded, bytes, count), count, "mutant", &g, &err);
    if (status == JUP_OK)
        walk(g);
    else
        ck_assert_uint_gt(strlen(err.text), 10);
    jup_gguf_close(g);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    return status != JUP_OK;
}

START_TEST(mutants_never_crash)
{
    raw_t raw;
    io_guarded_t guarded;
    raw_everything(&raw, 3);
    io_guarded_init(&guarded, sizeof raw.bytes);
    int tried = 0, refused = 0;
    for (size_t at = 0; at < raw.used; at++) {
        unsigned char kept = raw.bytes[at];
        for (int change = 0; change < 11; change++, tried++) {
            static const unsigned char values[] = {0, 0x7F, 0xFF};
            raw.bytes[at] = (unsigned char)(change < 8 ? kept ^ 1 << change : values[change - 8]);
            refused += try_mutant(&guarded, raw.bytes, raw.used);
        }
        raw.bytes[at] = kept;
    }
    ck_assert_int_gt(tried, 5000);
    ck_assert_int_gt(refused, tried / 4);
    io_guarded_reset(&guarded);
}
END_TEST

START_TEST(truncated_files_are_refused)
{
    raw_t raw;
    io_guarded_t guarded;
    char path[256];
    jup_gguf_t *g;
    raw_everything(&raw, 3);
    io_guarded_init(&guarded, sizeof raw.bytes);
    size_t needed = raw.used - 30; /* without the padding at the end */
    for (size_t bytes = 0; bytes < needed; bytes++)
        ck_assert_int_eq(try_mutant(&guarded, raw.bytes, bytes), 1);
    ck_assert_int_eq(try_mutant(&guarded, raw.bytes, needed), 0);
    io_guarded_reset(&guarded);
    io_sample_path(path, "truncated");
    for (size_t bytes = 1; bytes < raw.used; bytes += 97) {
        io_sample_write(path, raw.bytes, bytes);
        ck_assert_int_eq(jup_gguf_open(path, &g, NULL), JUP_EINPUT);
    }
    remove(path);
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------ */

static void put_everything(jup_gguf_writer_t *w)
{
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    static unsigned char block[34] = {0x00, 0x3C};
    static const int16_t ints[] = {7, -1};
    static const jup_text_t texts[] = {{"one", 3}, {"", 0}, {"three", 5}};
    for (unsigned char i = 0; i < 32; i++)
        block[2 + i] = i;
    jup_gguf_put_int(w, "k.u8", JUP_GGUF_U8, 200);
    jup_gguf_put_int(w, "k.i8", JUP_GGUF_I8, -5);
    jup_gguf_put_int(w, "k.u16", JUP_GGUF_U16, 60000);
    jup_gguf_put_int(w, "k.i16", JUP_GGUF_I16, -2);
    jup_gguf_put_int(w, "k.u32", JUP_GGUF_U32, 4000000000);
    jup_gguf_put_int(w, "k.i32", JUP_GGUF_I32, -3);
    jup_gguf_put_float(w, "k.f32", JUP_GGUF_F32, 1.5);
    jup_gguf_put_bool(w, "k.bool", true);
    jup_gguf_put_text(w, "k.text", "caf\u00E9");
    jup_gguf_put_int(w, "k.u64", JUP_GGUF_U64, -1);
    jup_gguf_put_int(w, "k.i64", JUP_GGUF_I64, -5000000000);
    jup_gguf_put_float(w, "k.f64", JUP_GGUF_F64, -2.25);
    jup_gguf_put_texts(w, "k.texts", texts, 3);
    jup_gguf_put_array(w, "k.ints", JUP_GGUF_I16, ints, 2);
    jup_gguf_put_tensor_data(w, "a", JUP_F32, 2, (int64_t[]){3, 2}, values);
    jup_gguf_put_tensor_data(w, "b", JUP_Q8_0, 1, (int64_t[]){32}, block);
}

/* Saves, and compares the file with the one made by hand. */
static void check_saved(jup_gguf_writer_t *w, const char *path)
{
    raw_t raw;
    jup_error_t err;
    size_t bytes;
    raw_everything(&raw, 3);
    ck_assert_int_eq(jup_gguf_save(w, path, &err), JUP_OK);
    unsigned char *data = io_sample_read(path, &bytes);
    ck_assert_uint_eq(bytes, raw.used);
    ck_assert_mem_eq(data, raw.bytes, bytes);
    jup_free(data);
}

START_TEST(written_bytes_are_as_specified)
{
    char path[256];
    size_t blocks = jup_mem_live_blocks();
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    put_everything(w);
    check_saved(w, io_sample_path(path, "written"));
    jup_gguf_writer_destroy(w);
    remove(path);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

static jup_status_t copy_rows(void *context, const jup_gguf_tensor_t *tensor, int64_t row,
                              int64_t rows, void *dst, jup_error_t *err)
{
    (void)err;
    size_t row_bytes = tensor->bytes / (size_t)tensor->rows;
    memcpy(dst, (const char *)context + (size_t)row * row_bytes, (size_t)rows * row_bytes);
    return JUP_OK;
}

START_TEST(copied_entries_and_streamed_rows_are_the_same)
{
    raw_t raw;
    jup_gguf_t *g;
    char path[256];
    raw_everything(&raw, 3);
    ck_assert_int_eq(open_raw(&raw, &g, NULL), JUP_OK);
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++)
        jup_gguf_put_entry(w, jup_gguf_entry_at(g, i));
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        jup_gguf_put_tensor(w, tensor->name, tensor->dtype->dtype, tensor->n_dims, tensor->dims,
                            copy_rows, raw.bytes + tensor->offset);
    }
    check_saved(w, io_sample_path(path, "copied"));
    jup_gguf_writer_destroy(w);
    jup_gguf_close(g);
    remove(path);
}
END_TEST

static jup_status_t fail_fill(void *context, const jup_gguf_tensor_t *tensor, int64_t row,
                              int64_t rows, void *dst, jup_error_t *err)
{
    (void)context, (void)row, (void)rows, (void)dst;
    return jup_fail(err, JUP_EENV, "no data for %s", tensor->name);
}

START_TEST(failed_writing_leaves_no_file)
{
    char path[256];
    jup_error_t err;
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    jup_gguf_put_tensor(w, "t", JUP_F32, 1, (int64_t[]){4}, fail_fill, NULL);
    ck_assert_int_eq(jup_gguf_save(w, io_sample_path(path, "failed"), &err), JUP_EENV);
    ck_assert_str_eq(err.text, "no data for t");
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(jup_gguf_save(w, "no/such/folder/x.gguf", &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "no/such/folder"));
    jup_gguf_writer_destroy(w);
}
END_TEST

/* ---- mapping ------------------------------------------------------------------------------ */

enum { BIG_ROWS = 100, BIG_COLS = 1024 }; /* 400 KiB of f32 */

/* Four large random tensors t0 to t3, one small. */
static jup_gguf_t *open_named(char path[256])
{
    static jup_gguf_random_t random = {.seed = 5, .center = 1, .spread = 0.5f};
    char name[16];
    jup_gguf_t *g;
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "t%d", i);
        jup_gguf_put_tensor(w, name, JUP_F32, 2, (int64_t[]){BIG_COLS, BIG_ROWS},
                            jup_gguf_fill_random, &random);
    }
    jup_gguf_put_tensor(w, "small", JUP_Q8_0, 1, (int64_t[]){64}, jup_gguf_fill_random, &random);
    ck_assert_int_eq(jup_gguf_save(w, io_sample_path(path, "big"), NULL), JUP_OK);
    jup_gguf_writer_destroy(w);
    ck_assert_int_eq(jup_gguf_open(path, &g, NULL), JUP_OK);
    return g;
}

static jup_gguf_t *open_big(void)
{
    char path[256];
    jup_gguf_t *g = open_named(path);
    remove(path);
    return g;
}

static size_t map_bytes(jup_gguf_t *g, const char *const *names, size_t count, const void **data)
{
    jup_gguf_range_t ranges[8];
    for (size_t i = 0; i < count; i++)
        ranges[i] = jup_gguf_all(jup_gguf_tensor(g, names[i]));
    ck_assert_int_eq(jup_gguf_map(g, ranges, count, data, NULL), JUP_OK);
    return jup_gguf_mapped_bytes(g);
}

START_TEST(a_range_of_a_tensor_is_mapped_alone)
{
    size_t row = BIG_COLS * sizeof(float), page = (size_t)sysconf(_SC_PAGESIZE);
    const void *all, *part;
    jup_gguf_t *g = open_big();
    float *copy = jup_new(10 * BIG_COLS, sizeof *copy);
    jup_gguf_range_t range = {
        .tensor = jup_gguf_tensor(g, "t2"), .first = 50 * row, .bytes = 10 * row};
    ck_assert_int_eq(jup_gguf_map(g, &range, 1, &part, NULL), JUP_OK);
    ck_assert_uint_ge(jup_gguf_mapped_bytes(g), 10 * row);
    ck_assert_uint_le(jup_gguf_mapped_bytes(g), 10 * row + 2 * page);
    ck_assert_int_eq(jup_gguf_read(g, range, copy, NULL), JUP_OK);
    jup_gguf_range_t whole = jup_gguf_all(range.tensor);
    ck_assert_int_eq(jup_gguf_map(g, &whole, 1, &all, NULL), JUP_OK);
    ck_assert_mem_eq(part, (const char *)all + 50 * row, 10 * row);
    ck_assert_mem_eq(copy, part, 10 * row);
    jup_free(copy);
    jup_gguf_close(g);
}
END_TEST

START_TEST(only_the_pages_asked_for_are_mapped)
{
    size_t tensor = (size_t)BIG_ROWS * BIG_COLS * 4, page = (size_t)sysconf(_SC_PAGESIZE);
    const void *data[4], *again[4];
    jup_gguf_t *g = open_big();
    ck_assert_uint_eq(jup_gguf_mapped_bytes(g), 0);

    size_t one = map_bytes(g, (const char *[]){"t1"}, 1, data);
    ck_assert_uint_ge(one, tensor);
    ck_assert_uint_le(one, tensor + 2 * page);

    ck_assert_uint_eq(map_bytes(g, (const char *[]){"t1"}, 1, again), one);
    ck_assert_ptr_eq(again[0], data[0]);

    /* small and t3 are neighbours, given in the other order */
    size_t three = map_bytes(g, (const char *[]){"small", "t3", "t1"}, 3, data);
    ck_assert_uint_le(three, one + tensor + 3 * page);
    ck_assert_ptr_eq((const char *)data[1] + tensor, data[0]);
    ck_assert_uint_eq((uintptr_t)data[1] % 32, 0);
    jup_gguf_close(g);

    g = open_big(); /* what lies between two tensors is left out */
    size_t apart = map_bytes(g, (const char *[]){"t3", "t0"}, 2, data);
    ck_assert_uint_ge(apart, 2 * tensor);
    ck_assert_uint_le(apart, 2 * tensor + 4 * page);
    jup_gguf_close(g);
}
END_TEST

/* data: of t1 and t3 as map_bytes() gave it. */
static void check_data(jup_gguf_t *g, const void *const data[2], const float *t1, const float *t3)
{
    const size_t bytes = (size_t)BIG_ROWS * BIG_COLS * sizeof(float);
    const void *again[2];
    map_bytes(g, (const char *[]){"t1", "t3"}, 2, again);
    ck_assert_ptr_eq(again[0], data[0]);
    ck_assert_ptr_eq(again[1], data[1]);
    ck_assert_mem_eq(data[0], t1, bytes);
    ck_assert_mem_eq(data[1], t3, bytes);
}

START_TEST(what_is_kept_needs_no_file)
{
    const size_t count = (size_t)BIG_ROWS * BIG_COLS;
    char path[256];
    const void *data[2], *rarely;
    float *t1 = jup_new(count, sizeof *t1), *t3 = jup_new(count, sizeof *t3);
    jup_gguf_t *g = open_named(path);
    jup_gguf_range_t seldom = jup_gguf_all(jup_gguf_tensor(g, "t0"));
    seldom.seldom = true;
    jup_gguf_read(g, jup_gguf_all(jup_gguf_tensor(g, "t1")), t1, NULL);
    jup_gguf_read(g, jup_gguf_all(jup_gguf_tensor(g, "t3")), t3, NULL);
    ck_assert_int_eq(jup_gguf_map(g, &seldom, 1, &rarely, NULL), JUP_OK);
    size_t all = map_bytes(g, (const char *[]){"t1", "t3"}, 2, data);
    size_t to_keep = jup_gguf_bytes_to_keep(g, 1 << 16);
    ck_assert_uint_ge(to_keep, 2 * count * sizeof(float));
    ck_assert_uint_le(to_keep, all - count * sizeof(float));
    ck_assert_uint_eq(jup_gguf_bytes_to_keep(g, 1 << 20), 0); /* too small */

    jup_interrupt_request(SIGINT); /* stays mapped */
    jup_gguf_keep(g, 1 << 16, false);
    ck_assert_uint_eq(jup_gguf_bytes_to_keep(g, 1 << 16), to_keep);
    check_data(g, data, t1, t3);
    jup_interrupt_forget();

    jup_gguf_keep(g, 1 << 16, false);
    ck_assert_uint_eq(jup_gguf_bytes_to_keep(g, 1 << 16), 0);
    ck_assert_int_eq(truncate(path, 4096), 0);
    check_data(g, data, t1, t3);
    ck_assert_uint_eq(jup_gguf_mapped_bytes(g), all);
    jup_gguf_close(g);
    remove(path);
    jup_free(t1);
    jup_free(t3);
}
END_TEST

/* A group's member reads slices of many tensors, each smaller than two huge pages. */
START_TEST(slices_are_kept_together)
{
    enum { SLICES = 4, ROWS = 10 };
    const size_t row = BIG_COLS * sizeof(float), bytes = ROWS * row;
    const size_t huge = 8 * row;
    char path[256];
    const void *data[SLICES];
    jup_gguf_range_t slices[SLICES];
    float(*expected)[ROWS * BIG_COLS] = jup_new(SLICES, sizeof *expected);
    jup_gguf_t *g = open_named(path);
    for (int i = 0; i < SLICES; i++) {
        const char *name = (const char *[]){"t0", "t1", "t2", "t3"}[i];
        slices[i] = (jup_gguf_range_t){
            .tensor = jup_gguf_tensor(g, name), .first = 50 * row, .bytes = bytes};
        jup_gguf_read(g, slices[i], expected[i], NULL);
    }
    ck_assert_int_eq(jup_gguf_map(g, slices, 1, data, NULL), JUP_OK);
    ck_assert_uint_eq(jup_gguf_bytes_to_keep(g, huge), 0); /* alone */
    ck_assert_int_eq(jup_gguf_map(g, slices + 1, SLICES - 1, data + 1, NULL), JUP_OK);
    ck_assert_uint_ge(jup_gguf_bytes_to_keep(g, huge), (SLICES - 1) * bytes);
    jup_gguf_keep(g, huge, false);
    ck_assert_uint_eq(jup_gguf_bytes_to_keep(g, huge), 0);
    ck_assert_mem_eq(data[0], expected[0], bytes);
    ck_assert_int_eq(truncate(path, 4096), 0);
    for (int i = 1; i < SLICES; i++)
        ck_assert_mem_eq(data[i], expected[i], bytes);
    jup_gguf_close(g);
    remove(path);
    jup_free(expected);
}
END_TEST

START_TEST(random_fill_depends_on_the_row_alone)
{
    jup_gguf_t *g = open_big();
    const jup_gguf_tensor_t *tensor = jup_gguf_tensor(g, "t2");
    jup_gguf_random_t random = {.seed = 5, .center = 1, .spread = 0.5f};
    const void *data[2];
    float row[BIG_COLS], sum = 0;
    map_bytes(g, (const char *[]){"t2", "t1"}, 2, data);
    jup_gguf_fill_random(&random, tensor, 77, 1, row, NULL);
    ck_assert_mem_eq(row, (const float *)data[0] + 77 * BIG_COLS, sizeof row);
    ck_assert_mem_ne(row, (const float *)data[1] + 77 * BIG_COLS, sizeof row);
    for (int i = 0; i < BIG_COLS; i++) {
        ck_assert(row[i] >= 0.5f && row[i] <= 1.5f);
        sum += row[i];
    }
    ck_assert(fabsf(sum / BIG_COLS - 1) < 0.05f);
    jup_gguf_close(g);
}
END_TEST

/* A key with a type that does not fit is a bug of the caller's. */
START_TEST(assertions_are_on)
{
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    (void)!freopen("/dev/null", "w", stderr);
    jup_gguf_put_float(w, "key", JUP_GGUF_I32, 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("gguf");
    unit_add(s, every_type_is_read, 10);
    unit_add(s, wrong_kinds_and_ranges_are_named, 10);
    unit_add(s, values_print_on_one_line, 10);
    unit_add(s, not_gguf_is_refused, 10);
    unit_add(s, impossible_counts_are_refused, 10);
    unit_add(s, bad_entries_are_refused, 10);
    unit_add(s, bad_tensors_are_refused, 10);
    unit_add(s, tensors_may_not_overlap_or_repeat, 10);
    unit_add(s, unsupported_types_are_listed_but_not_mapped, 10);
    unit_add(s, things_that_are_no_files_are_refused, 10);
    unit_add(s, mutants_never_crash, 120);
    unit_add(s, truncated_files_are_refused, 60);
    unit_add(s, written_bytes_are_as_specified, 10);
    unit_add(s, copied_entries_and_streamed_rows_are_the_same, 10);
    unit_add(s, failed_writing_leaves_no_file, 10);
    unit_add(s, a_range_of_a_tensor_is_mapped_alone, 20);
    unit_add(s, only_the_pages_asked_for_are_mapped, 10);
    unit_add(s, what_is_kept_needs_no_file, 10);
    unit_add(s, slices_are_kept_together, 10);
    unit_add(s, random_fill_depends_on_the_row_alone, 10);
    unit_add_abort(s, assertions_are_on);
    return s;
}

UNIT_MAIN(suite)
