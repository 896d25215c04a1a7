/* Chunks: the header's example, and what holds for any division and any prompt. */
#include "base/mem.h"
#include "base/rng.h"
#include "strategy/chunks.h"
#include "unit.h"

#include <stdbool.h>

enum { MOST = 64 };

static void check(const jup_chunks_t *chunks, int32_t tokens, int32_t n, const int32_t *lengths)
{
    int32_t ends[MOST], at = 0, longest = 0;
    ck_assert_int_ge(jup_chunks_most(chunks, tokens), n);
    ck_assert_int_eq(jup_chunks_cut(chunks, tokens, ends), n);
    for (int32_t i = 0; i < n; i++) {
        ck_assert_int_eq(ends[i] - at, lengths[i]);
        longest = lengths[i] > longest ? lengths[i] : longest;
        at = ends[i];
    }
    ck_assert_int_eq(at, tokens);
    ck_assert_int_eq(jup_chunks_longest(chunks, tokens), longest);
}

START_TEST(the_example_of_the_header)
{
    const int32_t lengths[] = {90, 20, 8};
    const jup_chunks_t chunks = {.lengths = lengths, .n = 3};
    check(&chunks, 118, 3, lengths);
    check(&chunks, 236, 3, (const int32_t[]){180, 40, 16});
    check(&chunks, 59, 2, (const int32_t[]){45, 14});
    check(&chunks, 12, 1, (const int32_t[]){12});
    check(&chunks, 1, 1, (const int32_t[]){1});
}
END_TEST

START_TEST(chunks_of_one_length)
{
    const jup_chunks_t chunks = {.each = 50};
    check(&chunks, 118, 3, (const int32_t[]){50, 50, 18});
    check(&chunks, 100, 2, (const int32_t[]){50, 50});
    check(&chunks, 1, 1, (const int32_t[]){1});
    const jup_chunks_t large = {.each = 1 << 20};
    check(&large, 118, 1, (const int32_t[]){118});
    const jup_chunks_t both = {.each = 60, .lengths = (const int32_t[]){118}, .n = 1};
    check(&both, 118, 2, (const int32_t[]){60, 58});
}
END_TEST

static int32_t make_division(jup_rng_t *rng, int32_t *lengths, int32_t *n)
{
    int32_t sum = 0;
    *n = 1 + (int32_t)jup_rng_below(rng, MOST);
    for (int32_t i = 0; i < *n; i++) {
        lengths[i] = 1 + (int32_t)jup_rng_below(rng, 1 + jup_rng_below(rng, 200));
        sum += lengths[i];
    }
    return sum;
}

/* Whether a boundary of the prompt is one of the division's, in proportion, to the nearest token.
 */
static bool is_proportional(int32_t end, int32_t tokens, const int32_t *lengths, int32_t n,
                            int32_t sum)
{
    int64_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        at += lengths[i];
        double exact = (double)at * tokens / sum;
        if (end >= exact - 0.5 && end <= exact + 0.5)
            return true;
    }
    return false;
}

START_TEST(any_division_of_any_prompt)
{
    jup_rng_t rng;
    jup_rng_init(&rng, 11);
    for (int round = 0; round < 4000; round++) {
        int32_t lengths[MOST], ends[MOST], n, shortest = INT32_MAX;
        int32_t sum = make_division(&rng, lengths, &n);
        for (int32_t i = 0; i < n; i++)
            shortest = lengths[i] < shortest ? lengths[i] : shortest;
        const jup_chunks_t chunks = {.lengths = lengths, .n = n};
        int32_t tokens = 1 + (int32_t)jup_rng_below(&rng, (uint64_t)(3 * sum));
        int32_t got = jup_chunks_cut(&chunks, tokens, ends);
        ck_assert_int_ge(got, 1);
        ck_assert_int_le(got, n);
        ck_assert_int_eq(ends[got - 1], tokens);
        for (int32_t i = 0; i < got; i++) {
            int32_t length = ends[i] - (i ? ends[i - 1] : 0);
            ck_assert(length >= shortest || got == 1);
            ck_assert(is_proportional(ends[i], tokens, lengths, n, sum));
        }
        if (tokens < 2 * shortest)
            ck_assert_int_eq(got, 1);
        /* its own prompt is cut as it is */
        ck_assert_int_eq(jup_chunks_cut(&chunks, sum, ends), n);
        for (int32_t i = 0; i < n; i++)
            ck_assert_int_eq(ends[i] - (i ? ends[i - 1] : 0), lengths[i]);
    }
}
END_TEST

/* Sums of large prompts do not overflow. */
START_TEST(the_largest_prompts)
{
    const int32_t lengths[] = {1 << 22, 1 << 23, 3 << 22};
    const jup_chunks_t chunks = {.lengths = lengths, .n = 3};
    check(&chunks, 3 << 23, 3, lengths);
    check(&chunks, 3 << 27, 3, (const int32_t[]){1 << 26, 1 << 27, 3 << 26});
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("chunks");
    unit_add(s, the_example_of_the_header, 20);
    unit_add(s, chunks_of_one_length, 20);
    unit_add(s, any_division_of_any_prompt, 60);
    unit_add(s, the_largest_prompts, 20);
    return s;
}

UNIT_MAIN(suite)
