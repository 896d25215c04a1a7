#include "base/checked.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "unit.h"

#include <string.h>

START_TEST(memory_is_counted)
{
    size_t blocks = jup_mem_live_blocks(), bytes = jup_mem_live_bytes();
    char *block = jup_new(10, 7);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks + 1);
    ck_assert_uint_eq(jup_mem_live_bytes(), bytes + 70);
    ck_assert_uint_eq((uintptr_t)block % 64, 0);
    for (int i = 0; i < 70; i++)
        ck_assert_int_eq(block[i], 0);
    block[69] = 'x';
    block = jup_resize(block, 200, 1);
    ck_assert_int_eq(block[69], 'x');
    jup_free(block);
    ck_assert_uint_eq(jup_mem_live_bytes(), bytes);
    ck_assert_uint_ge(jup_mem_peak_bytes(), bytes + 200);
}
END_TEST

START_TEST(impossible_allocation_is_reported)
{
    void *block;
    jup_error_t err;
    ck_assert_int_eq(jup_alloc(&block, SIZE_MAX / 2, 3, "a test", &err), JUP_EENV);
    ck_assert_ptr_null(block);
    ck_assert_ptr_nonnull(strstr(err.text, "a test"));
}
END_TEST

START_TEST(errors_take_context_in_front)
{
    jup_error_t err;
    ck_assert_int_eq(jup_fail(&err, JUP_EINPUT, "value %d", 7), JUP_EINPUT);
    ck_assert_int_eq(jup_fail_in(&err, "file %s", "x"), JUP_EINPUT);
    ck_assert_str_eq(err.text, "file x: value 7");
    char longest[2000];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    jup_fail_in(&err, "%s", longest);
    ck_assert_uint_lt(strlen(err.text), sizeof err.text);
}
END_TEST

START_TEST(sizes_do_not_wrap)
{
    size_t out;
    ck_assert(!jup_mul_size(SIZE_MAX, 2, &out));
    ck_assert(!jup_add_size(SIZE_MAX, 1, &out));
    ck_assert(jup_mul_size(6, 7, &out) && out == 42);
    ck_assert_int_eq(jup_round_up_i64(65, 64), 128);
}
END_TEST

START_TEST(random_numbers_repeat_and_spread)
{
    jup_rng_t a, b;
    jup_rng_init(&a, 1);
    jup_rng_init(&b, 1);
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        double u = jup_rng_uniform(&a);
        ck_assert(u >= 0 && u < 1);
        ck_assert(u == jup_rng_uniform(&b));
        sum += u;
    }
    ck_assert(sum > 4900 && sum < 5100);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("base");
    unit_add(s, memory_is_counted, 10);
    unit_add(s, impossible_allocation_is_reported, 10);
    unit_add(s, errors_take_context_in_front, 10);
    unit_add(s, sizes_do_not_wrap, 10);
    unit_add(s, random_numbers_repeat_and_spread, 10);
    return s;
}

UNIT_MAIN(suite)
