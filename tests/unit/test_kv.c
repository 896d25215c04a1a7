#include "base/mem.h"
#include "base/rng.h"
#include "model/kv.h"
#include "unit.h"

#include <string.h>

static const jup_config_t config = {.kv_heads = 1, .head_dim = 2};

static void kv_init(jup_kv_t *kv, int64_t tokens)
{
    jup_error_t err;
    ck_assert_int_eq(jup_kv_init(kv, &config, 2, JUP_F32, tokens, &err), JUP_OK);
}

static void append(jup_kv_t *kv, int id, int32_t n)
{
    jup_error_t err;
    int32_t pos[512], at = jup_kv_seq(kv, id)->length;
    for (int32_t i = 0; i < n; i++)
        pos[i] = at + i;
    ck_assert_int_eq(jup_kv_append(kv, id, pos, n, &err), JUP_OK);
}

/* The slots of a sequence in order, as page * slots + slot. */
static int slots_of(const jup_kv_t *kv, int id, int32_t *slots, int32_t *pos)
{
    int n = 0;
    const jup_kv_seq_t *seq = &kv->seqs[id];
    for (int i = 0; i < seq->n_spans; i++)
        for (int32_t j = 0; j < seq->spans[i].n; j++, n++) {
            slots[n] = seq->spans[i].page * JUP_KV_PAGE_SLOTS + seq->spans[i].slot + j;
            pos[n] = seq->spans[i].pos + j;
        }
    ck_assert_int_eq(n, seq->length);
    return n;
}

START_TEST(fork_shares_the_prefix_and_pays_for_its_own)
{
    jup_kv_t kv;
    kv_init(&kv, 100000);
    append(&kv, 0, 200); /* 4 pages */
    for (int branch = 1; branch <= 8; branch++)
        jup_kv_fork(&kv, branch, 0, 200);
    ck_assert_int_eq(kv.pages_in_use, 4);
    for (int branch = 1; branch <= 8; branch++)
        append(&kv, branch, 10);
    ck_assert_int_eq(kv.pages_in_use, 4 + 8);
    int32_t a[300], b[300], pos[300];
    slots_of(&kv, 0, a, pos);
    slots_of(&kv, 5, b, pos);
    ck_assert_mem_eq(a, b, 200 * sizeof a[0]);
    ck_assert_int_eq(pos[209], 209);
    for (int id = 0; id <= 8; id++)
        jup_kv_drop(&kv, id);
    ck_assert_int_eq(kv.pages_in_use, 0);
    jup_kv_reset(&kv);
}
END_TEST

START_TEST(tree_keeps_its_path_without_moving)
{
    jup_kv_t kv;
    jup_error_t err;
    kv_init(&kv, 1000);
    append(&kv, 0, 10);
    const int32_t pos[7] = {10, 11, 11, 12, 12, 12, 13};
    ck_assert_int_eq(jup_kv_append(&kv, 0, pos, 7, &err), JUP_OK);
    int32_t before[32], after[32], p[32];
    slots_of(&kv, 0, before, p);
    const int32_t path[3] = {0, 2, 5};
    jup_kv_keep(&kv, 0, 10, path, 3);
    ck_assert_int_eq(slots_of(&kv, 0, after, p), 13);
    ck_assert_mem_eq(before, after, 10 * sizeof before[0]);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(after[10 + i], before[10 + path[i]]);
        ck_assert_int_eq(p[10 + i], 10 + i);
    }
    append(&kv, 0, 3);
    ck_assert_int_eq(slots_of(&kv, 0, after, p), 16);
    jup_kv_reset(&kv);
}
END_TEST

START_TEST(truncating_gives_slots_back)
{
    jup_kv_t kv;
    kv_init(&kv, 1000);
    append(&kv, 0, 70);
    jup_kv_truncate(&kv, 0, 30);
    ck_assert_int_eq(kv.pages_in_use, 1);
    append(&kv, 0, 34);
    ck_assert_int_eq(kv.pages_in_use, 1);
    ck_assert_int_eq(jup_kv_seq(&kv, 0)->n_spans, 1);
    jup_kv_reset(&kv);
}
END_TEST

START_TEST(full_cache_is_refused_and_unchanged)
{
    jup_kv_t kv;
    jup_error_t err;
    kv_init(&kv, 64);
    append(&kv, 0, 60);
    int32_t pos[5] = {60, 61, 62, 63, 64};
    ck_assert_int_eq(jup_kv_append(&kv, 0, pos, 5, &err), JUP_EINPUT);
    ck_assert_int_eq(jup_kv_seq(&kv, 0)->length, 60);
    append(&kv, 0, 4);
    jup_kv_reset(&kv);
}
END_TEST

/* Random forks, appends, cuts and drops against a model that copies: every live slot has exactly
 * the value its sequences expect, and no page leaks. */
enum { SEQS = 6, LONGEST = 400 };
typedef struct mirror {
    int32_t values[SEQS][LONGEST];
    int32_t length[SEQS];
} mirror_t;

static void write_values(jup_kv_t *kv, int id, const int32_t *values, int32_t from)
{
    jup_kv_run_t runs[LONGEST];
    int n_runs = jup_kv_runs(kv, id, 1, from, LONGEST, runs);
    int32_t i = from;
    for (int r = 0; r < n_runs; r++)
        for (int32_t s = 0; s < runs[r].n; s++, i++)
            ((float *)(uintptr_t)runs[r].k)[(runs[r].slot + s) * 2] = (float)values[i];
}

static void compare_range(const jup_kv_t *kv, int id, const mirror_t *mirror, int32_t from,
                          int32_t to)
{
    jup_kv_run_t runs[LONGEST];
    int n_runs = jup_kv_runs(kv, id, 1, from, to, runs);
    int32_t i = from;
    for (int r = 0; r < n_runs; r++)
        for (int32_t s = 0; s < runs[r].n; s++, i++)
            ck_assert(((const float *)runs[r].k)[(runs[r].slot + s) * 2] ==
                      (float)mirror->values[id][i]);
    ck_assert_int_eq(i, to);
}

static void compare_values(const jup_kv_t *kv, int id, const mirror_t *mirror)
{
    int32_t length = mirror->length[id];
    compare_range(kv, id, mirror, 0, length);
    compare_range(kv, id, mirror, length / 3, length - length / 4);
}

static void random_change(jup_kv_t *kv, mirror_t *m, jup_rng_t *rng, int32_t *counter)
{
    int id = (int)jup_rng_below(rng, SEQS), other = (int)jup_rng_below(rng, SEQS);
    int32_t length = m->length[id];
    switch (jup_rng_below(rng, 5)) {
    case 0:
    case 1: {
        int32_t n = (int32_t)jup_rng_below(rng, 40);
        if (length + n > LONGEST)
            return;
        for (int32_t i = 0; i < n; i++)
            m->values[id][length + i] = ++*counter;
        append(kv, id, n);
        m->length[id] += n;
        write_values(kv, id, m->values[id], length);
        return;
    }
    case 2:
        m->length[id] = (int32_t)jup_rng_below(rng, (uint64_t)length + 1);
        jup_kv_truncate(kv, id, m->length[id]);
        return;
    case 3: {
        if (length < 8)
            return;
        int32_t from = length - 8, keep[8], n = 0;
        for (int32_t i = 0; i < 8; i++)
            if (jup_rng_below(rng, 2)) {
                m->values[id][from + n] = m->values[id][from + i];
                keep[n++] = i;
            }
        m->length[id] = from + n;
        jup_kv_keep(kv, id, from, keep, n);
        return;
    }
    default:
        if (other == id)
            return;
        jup_kv_drop(kv, other);
        m->length[other] = (int32_t)jup_rng_below(rng, (uint64_t)length + 1);
        memcpy(m->values[other], m->values[id], (size_t)m->length[other] * sizeof(int32_t));
        jup_kv_fork(kv, other, id, m->length[other]);
    }
}

START_TEST(random_histories_match_copies)
{
    size_t blocks = jup_mem_live_blocks();
    for (uint64_t seed = 1; seed <= 30; seed++) {
        jup_kv_t kv;
        jup_rng_t rng;
        mirror_t *mirror = jup_new(1, sizeof *mirror);
        int32_t counter = 0;
        jup_rng_init(&rng, seed);
        kv_init(&kv, 100000);
        for (int step = 0; step < 400; step++) {
            random_change(&kv, mirror, &rng, &counter);
            for (int id = 0; id < SEQS && id < kv.n_seqs; id++)
                compare_values(&kv, id, mirror);
        }
        for (int id = 0; id < kv.n_seqs; id++)
            jup_kv_drop(&kv, id);
        ck_assert_int_eq(kv.pages_in_use, 0);
        jup_kv_reset(&kv);
        jup_free(mirror);
    }
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("kv");
    unit_add(s, fork_shares_the_prefix_and_pays_for_its_own, 10);
    unit_add(s, tree_keeps_its_path_without_moving, 10);
    unit_add(s, truncating_gives_slots_back, 10);
    unit_add(s, full_cache_is_refused_and_unchanged, 10);
    unit_add(s, random_histories_match_copies, 60);
    return s;
}

UNIT_MAIN(suite)
