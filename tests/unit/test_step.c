#include "base/mem.h"
#include "base/rng.h"
#include "model/step.h"
#include "unit.h"

#include <string.h>

START_TEST(chain_round_trip)
{
    jup_step_t a, b;
    char bytes[4096];
    const int32_t tokens[5] = {5, 4, 3, 2, 1};
    jup_step_init(&a, 64);
    jup_step_init(&b, 64);
    jup_step_begin(&a, JUP_STEP_WORK, 7);
    jup_step_add(&a, 3, 40, tokens, NULL, 5, 1);
    ck_assert_uint_eq(jup_step_bytes(&a), jup_step_plain_bytes(5));
    char *end = jup_step_pack(&a, bytes);
    ck_assert_uint_eq((size_t)(end - bytes), jup_step_bytes(&a));
    ck_assert_ptr_eq(jup_step_unpack(&b, bytes, sizeof bytes), end);
    ck_assert_int_eq(b.id, 7);
    ck_assert_int_eq(b.rows, 5);
    ck_assert_mem_eq(b.tokens, tokens, sizeof tokens);
    int32_t pos[5];
    jup_step_positions(&b, pos);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pos[i], 40 + i);
    jup_step_reset(&a);
    jup_step_reset(&b);
}
END_TEST

START_TEST(tree_and_edits_round_trip)
{
    jup_step_t a, b;
    char bytes[8192];
    const int32_t tokens[4] = {9, 8, 7, 6}, parents[4] = {-1, 0, 0, 2}, keep[2] = {0, 2};
    jup_step_init(&a, 64);
    jup_step_init(&b, 64);
    jup_step_begin(&a, JUP_STEP_WORK, 1);
    jup_step_edit(&a, (jup_edit_t){.op = JUP_EDIT_KEEP, .seq = 1, .a = 10, .b = 2}, keep);
    jup_step_edit(&a, (jup_edit_t){.op = JUP_EDIT_FORK, .seq = 2, .a = 1, .b = 12}, NULL);
    jup_step_add(&a, 1, 12, tokens, parents, 4, 4);
    jup_step_add(&a, 2, 12, tokens, NULL, 2, 1);
    char *end = jup_step_pack(&a, bytes);
    ck_assert_ptr_eq(jup_step_unpack(&b, bytes, (size_t)(end - bytes)), end);
    ck_assert_int_eq(b.n_edits, 2);
    ck_assert_int_eq(b.keep[1], 2);
    ck_assert_int_eq(jup_step_outputs(&b), 5);
    int32_t pos[6];
    const int32_t expected[6] = {12, 13, 13, 14, 12, 13};
    jup_step_positions(&b, pos);
    ck_assert_mem_eq(pos, expected, sizeof expected);
    ck_assert_uint_le(jup_step_bytes(&b), jup_step_max_bytes(64));
    jup_step_reset(&a);
    jup_step_reset(&b);
}
END_TEST

/* Bytes that are no step are refused, whatever they are; nothing is read out of bounds. */
START_TEST(damaged_steps_are_refused_or_sound)
{
    jup_step_t a, b;
    jup_rng_t rng;
    const int32_t tokens[4] = {9, 8, 7, 6}, parents[4] = {-1, 0, 0, 2};
    jup_rng_init(&rng, 3);
    jup_step_init(&a, 64);
    jup_step_init(&b, 64);
    jup_step_begin(&a, JUP_STEP_WORK, 1);
    jup_step_add(&a, 1, 12, tokens, parents, 4, 4);
    size_t length = jup_step_bytes(&a);
    for (int i = 0; i < 20000; i++) {
        char *bytes = jup_new(length, 1);
        jup_step_pack(&a, bytes);
        size_t kept = jup_rng_below(&rng, 4) ? length : jup_rng_below(&rng, length);
        char *exact = jup_new(kept ? kept : 1, 1);
        memcpy(exact, bytes, kept);
        for (int flips = 0; flips < 3 && kept; flips++)
            exact[jup_rng_below(&rng, kept)] ^= (char)(1 << jup_rng_below(&rng, 8));
        if (jup_step_unpack(&b, exact, kept)) {
            int32_t pos[64];
            jup_step_positions(&b, pos);
            ck_assert_int_le(jup_step_outputs(&b), 64);
        }
        jup_free(bytes);
        jup_free(exact);
    }
    jup_step_reset(&a);
    jup_step_reset(&b);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("step");
    unit_add(s, chain_round_trip, 10);
    unit_add(s, tree_and_edits_round_trip, 10);
    unit_add(s, damaged_steps_are_refused_or_sound, 30);
    return s;
}

UNIT_MAIN(suite)
