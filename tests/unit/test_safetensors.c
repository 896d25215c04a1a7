#include "base/mem.h"
#include "io/safetensors.h"
#include "io_sample.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

typedef struct file {
    unsigned char bytes[2048] __attribute__((aligned(8)));
    size_t used;
} file_t;

/* The length, the header filled up with spaces to 8 bytes, `data_bytes` bytes 0, 1, 2, ... */
static void make(file_t *file, const char *header, size_t data_bytes)
{
    uint64_t length = (strlen(header) + 7) / 8 * 8;
    memcpy(file->bytes, &length, 8);
    memset(file->bytes + 8, ' ', length);
    memcpy(file->bytes + 8, header, strlen(header));
    for (size_t i = 0; i < data_bytes; i++)
        file->bytes[8 + length + i] = (unsigned char)i;
    file->used = 8 + length + data_bytes;
}

static const char good[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                           "\"b\":{\"dtype\":\"F16\",\"shape\":[6],\"data_offsets\":[24,36]},"
                           "\"a\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},"
                           "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[40,48]}}";

static jup_status_t open_file(const file_t *file, jup_safetensors_t **s, jup_error_t *err)
{
    return jup_safetensors_open_memory(file->bytes, file->used, "x.safetensors", s, err);
}

static void check_good(const jup_safetensors_t *s)
{
    const jup_safetensors_tensor_t *t;
    jup_error_t err;
    ck_assert_int_eq(jup_safetensors_count(s), 3);
    ck_assert_str_eq(jup_safetensors_at(s, 0)->name, "a");
    ck_assert_str_eq(jup_safetensors_at(s, 2)->name, "n");
    ck_assert_int_eq(jup_safetensors_require(s, "a", 3, 2, &t, &err), JUP_OK);
    ck_assert_uint_eq(t->bytes, 24);
    ck_assert_int_eq(*(const unsigned char *)t->data, 0);
    ck_assert_int_eq(jup_safetensors_require(s, "b", 1, 6, &t, &err), JUP_OK);
    ck_assert_str_eq(t->dtype->name, "F16");
    ck_assert_int_eq(*(const unsigned char *)t->data, 24);
    ck_assert_str_eq(jup_safetensors_metadata(s, "format"), "pt");
    ck_assert_ptr_null(jup_safetensors_metadata(s, "else"));
}

START_TEST(tensors_are_found)
{
    file_t file;
    jup_safetensors_t *s;
    char path[256];
    size_t blocks = jup_mem_live_blocks();
    make(&file, good, 48);
    ck_assert_int_eq(open_file(&file, &s, NULL), JUP_OK);
    check_good(s);
    jup_safetensors_close(s);
    io_sample_write(io_sample_path(path, "good"), file.bytes, file.used);
    ck_assert_int_eq(jup_safetensors_open(path, &s, NULL), JUP_OK);
    check_good(s);
    ck_assert_str_eq(jup_safetensors_path(s), path);
    jup_safetensors_close(s);
    remove(path);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

START_TEST(what_is_required_is_named)
{
    file_t file;
    jup_safetensors_t *s;
    jup_error_t err;
    const jup_safetensors_tensor_t *t;
    make(&file, good, 48);
    ck_assert_int_eq(open_file(&file, &s, NULL), JUP_OK);
    ck_assert_int_eq(jup_safetensors_require(s, "c", 1, 1, &t, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "x.safetensors: tensor 'c' is missing"));
    ck_assert_int_eq(jup_safetensors_require(s, "a", 2, 3, &t, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "'a' has 3 x 2 elements, expected 2 x 3"));
    ck_assert_int_eq(jup_safetensors_require(s, "n", 1, 1, &t, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "'n' is of type I64"));
    jup_safetensors_close(s);
}
END_TEST

static void check_refused(const char *header, size_t data_bytes, const char *words)
{
    file_t file;
    jup_safetensors_t *s;
    jup_error_t err = {0};
    size_t blocks = jup_mem_live_blocks();
    make(&file, header, data_bytes);
    ck_assert_int_eq(open_file(&file, &s, &err), JUP_EINPUT);
    ck_assert_ptr_null(s);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    ck_assert_msg(strstr(err.text, words), "'%s' does not say '%s'", err.text, words);
    ck_assert_int_eq(strncmp(err.text, "x.safetensors: ", 15), 0);
}

#define TENSOR(name, type, shape, offsets)                                                         \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

START_TEST(broken_headers_are_refused)
{
    check_refused(good, 47, "'n' lies at 40 to 48 of 47 bytes");
    check_refused("{", 0, "byte");
    check_refused("[]", 0, "not a JSON object");
    check_refused("{\"a\":1}", 0, "'a' has no dtype");
    check_refused("{\"a\":{},\"a\":{}}", 0, "duplicate");
    check_refused("{" TENSOR("a", "X9", "[1]", "[0,4]") "}", 4, "no dtype");
    check_refused("{" TENSOR("a", "F32", "4", "[0,4]") "}", 4, "no shape");
    check_refused("{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "no shape");
    check_refused("{" TENSOR("a", "F32", "[0]", "[0,0]") "}", 4, "impossible shape");
    check_refused("{" TENSOR("a", "F32", "[-1]", "[0,4]") "}", 4, "impossible shape");
    check_refused("{" TENSOR("a", "F32", "[4294967296,4294967296]", "[0,4]") "}", 4,
                  "impossible shape");
    check_refused("{" TENSOR("a", "F32", "[4611686018427387904]", "[0,0]") "}", 4, "another size");
    check_refused("{" TENSOR("a", "F32", "[1]", "[0]") "}", 4, "two data_offsets");
    check_refused("{" TENSOR("a", "F32", "[1]", "[4,0]") "}", 4, "lies at 4 to 0");
    check_refused("{" TENSOR("a", "F32", "[1]", "[-4,0]") "}", 4, "lies at -4");
    check_refused("{" TENSOR("a", "F32", "[2]", "[0,4]") "}", 4, "another size");
    check_refused("{" TENSOR("a", "F32", "[1]", "[2,6]") "}", 8, "not aligned");
    check_refused("{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[1]", "[4,8]") "}",
                  8, "'b' overlaps");
}
END_TEST

START_TEST(things_that_are_no_files_are_refused)
{
    jup_safetensors_t *s;
    jup_error_t err;
    ck_assert_int_eq(jup_safetensors_open("no-such-file", &s, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "no-such-file: cannot open"));
    ck_assert_int_eq(jup_safetensors_open(".", &s, &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "not a regular file"));
    ck_assert_int_eq(jup_safetensors_open_memory("GGUF\3\0\0\0\1\0", 10, "m", &s, &err),
                     JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "claims a header of"));
    ck_assert_int_eq(jup_safetensors_open_memory("abc", 3, "m", &s, &err), JUP_EINPUT);
    ck_assert_ptr_null(s);
}
END_TEST

static void try_mutant(io_guarded_t *guarded, const file_t *file, size_t bytes)
{
    jup_safetensors_t *s;
    size_t blocks = jup_mem_live_blocks();
    const void *data = io_guarded_put(guarded, file->bytes, bytes);
    volatile unsigned sum = 0;
    if (jup_safetensors_open_memory(data, bytes, "mutant", &s, NULL) == JUP_OK) {
        for (int64_t i = 0; i < jup_safetensors_count(s); i++) {
            const jup_safetensors_tensor_t *t = jup_safetensors_at(s, i);
            for (size_t k = 0; k < t->bytes; k++)
                sum += ((const unsigned char *)t->data)[k];
        }
        jup_safetensors_close(s);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}

START_TEST(mutants_never_crash)
{
    file_t file;
    io_guarded_t guarded;
    make(&file, good, 48);
    io_guarded_init(&guarded, sizeof file.bytes);
    for (size_t bytes = 0; bytes <= file.used; bytes++)
        try_mutant(&guarded, &file, bytes);
    for (size_t at = 0; at < file.used - 48; at++) {
        unsigned char kept = file.bytes[at];
        for (int value = 0; value < 256; value += 1 + (at > 8) * 4) {
            file.bytes[at] = (unsigned char)value;
            try_mutant(&guarded, &file, file.used);
        }
        file.bytes[at] = kept;
    }
    io_guarded_reset(&guarded);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("safetensors");
    unit_add(s, tensors_are_found, 10);
    unit_add(s, what_is_required_is_named, 10);
    unit_add(s, broken_headers_are_refused, 10);
    unit_add(s, things_that_are_no_files_are_refused, 10);
    unit_add(s, mutants_never_crash, 120);
    return s;
}

UNIT_MAIN(suite)
