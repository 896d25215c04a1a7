#include "model/sampler.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { VOCAB = 6 };
static const float base[VOCAB] = {0.5f, 2.0f, -1.0f, 1.5f, 0.0f, -3.0f};

static jup_sampling_t params(float temperature)
{
    return (jup_sampling_t){.temperature = temperature,
                            .top_k = 0,
                            .top_p = 1,
                            .repeat_penalty = 1,
                            .repeat_last = 4,
                            .seed = 42};
}

static int32_t pick(jup_sampler_t *sampler)
{
    float logits[VOCAB];
    memcpy(logits, base, sizeof base);
    return jup_sampler_pick(sampler, logits);
}

START_TEST(greedy_takes_the_largest_and_the_first_of_equals)
{
    const float equal[4] = {1, 3, 3, 2};
    float margin;
    ck_assert_int_eq(jup_argmax(equal, 4, &margin), 1);
    ck_assert(margin == 0);
    ck_assert_int_eq(jup_argmax(base, VOCAB, &margin), 1);
    ck_assert(margin == 0.5f);
}
END_TEST

/* Frequencies over many draws against the softmax, in units of their standard deviation. */
START_TEST(sampling_follows_the_softmax)
{
    enum { DRAWS = 200000 };
    jup_sampling_t p = params(0.8f);
    jup_sampler_t sampler;
    int counts[VOCAB] = {0};
    double sum = 0;
    jup_sampler_init(&sampler, &p, VOCAB);
    for (int i = 0; i < DRAWS; i++)
        counts[pick(&sampler)]++;
    for (int i = 0; i < VOCAB; i++)
        sum += exp((double)base[i] / 0.8);
    for (int i = 0; i < VOCAB; i++) {
        double expected = exp((double)base[i] / 0.8) / sum * DRAWS;
        ck_assert(fabs(counts[i] - expected) < 5 * sqrt(expected) + 5);
    }
    jup_sampler_reset(&sampler);
}
END_TEST

START_TEST(top_k_and_top_p_cut)
{
    jup_sampling_t p = params(1);
    jup_sampler_t sampler;
    p.top_k = 2;
    jup_sampler_init(&sampler, &p, VOCAB);
    for (int i = 0; i < 1000; i++) {
        int32_t token = pick(&sampler);
        ck_assert(token == 1 || token == 3);
    }
    jup_sampler_reset(&sampler);
    p.top_k = 0;
    p.top_p = 0.3f; /* the likeliest alone has 0.49 */
    jup_sampler_init(&sampler, &p, VOCAB);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(pick(&sampler), 1);
    jup_sampler_reset(&sampler);
}
END_TEST

/* Probabilities against the likeliest's: 3 has e^-0.5 = 0.607, 0 has e^-1.5 = 0.223. */
START_TEST(min_p_leaves_out_what_is_unlikely)
{
    const struct {
        float min_p, temperature;
        unsigned seen; /* bit by token */
    } cases[] = {{0.61f, 1, 1u << 1},
                 {0.6f, 1, 1u << 1 | 1u << 3},
                 {0.22f, 1, 1u << 1 | 1u << 3 | 1u << 0},
                 {0.6f, 3, 1u << 1 | 1u << 3 | 1u << 0},
                 {1, 1, 1u << 1}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        jup_sampling_t p = params(cases[c].temperature);
        jup_sampler_t sampler;
        unsigned seen = 0;
        p.min_p = cases[c].min_p;
        jup_sampler_init(&sampler, &p, VOCAB);
        for (int i = 0; i < 1000; i++)
            seen |= 1u << pick(&sampler);
        ck_assert_uint_eq(seen, cases[c].seen);
        jup_sampler_reset(&sampler);
    }
}
END_TEST

START_TEST(penalty_turns_away_from_recent_tokens)
{
    jup_sampling_t p = params(0);
    jup_sampler_t sampler;
    p.repeat_penalty = 2;
    jup_sampler_init(&sampler, &p, VOCAB);
    ck_assert_int_eq(pick(&sampler), 1);
    jup_sampler_accept(&sampler, 1);
    jup_sampler_accept(&sampler, 1);
    ck_assert_int_eq(pick(&sampler), 3);
    for (int i = 0; i < 4; i++)
        jup_sampler_accept(&sampler, 5); /* 1 is no longer recent */
    ck_assert_int_eq(pick(&sampler), 1);
    jup_sampler_reset(&sampler);
}
END_TEST

START_TEST(same_seed_same_draws)
{
    jup_sampling_t p = params(1.5f);
    jup_sampler_t a, b;
    jup_sampler_init(&a, &p, VOCAB);
    jup_sampler_init(&b, &p, VOCAB);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(pick(&a), pick(&b));
    jup_sampler_reset(&a);
    jup_sampler_reset(&b);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sampler");
    unit_add(s, greedy_takes_the_largest_and_the_first_of_equals, 10);
    unit_add(s, sampling_follows_the_softmax, 30);
    unit_add(s, top_k_and_top_p_cut, 10);
    unit_add(s, min_p_leaves_out_what_is_unlikely, 10);
    unit_add(s, penalty_turns_away_from_recent_tokens, 10);
    unit_add(s, same_seed_same_draws, 10);
    return s;
}

UNIT_MAIN(suite)
