#include "model/part.h"

#include "base/checked.h"
#include "base/mem.h"
#include "model/share.h"

#include <math.h>
#include <stdio.h>

enum { LEAST_FFN_UNIT = 8 }; /* a vector of floats */

static int gcd(int a, int b)
{
    while (b) {
        int rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The smallest number that both divide; 0 is nothing. */
static int lcm(int a, int b)
{
    return a && b ? a / gcd(a, b) * b : a + b;
}

/* ---- a part ---------------------------------------------------------------------------------- */

bool jup_part_is_whole(const jup_part_t *part)
{
    return part->head_last == 0;
}

/*
 * Attention takes equal groups of query heads, one for each KV head. Heads [first, last) of groups
 * of `group` begin and end within a group: the largest size that all pieces are multiples of.
 */
static int heads_per_kv(int group, int first, int last)
{
    int begin = group - first % group, end = last % group;
    if (last - first <= begin)
        return last - first;
    int size = gcd(begin, end);
    return last - first > begin + end ? gcd(size, group) : size;
}

static int group_of(const jup_config_t *whole)
{
    return whole->heads / whole->kv_heads;
}

jup_config_t jup_part_config(const jup_config_t *whole, const jup_part_t *part)
{
    jup_config_t config = *whole;
    if (jup_part_is_whole(part))
        return config;
    config.heads = part->head_last - part->head_first;
    config.kv_heads =
        config.heads / heads_per_kv(group_of(whole), part->head_first, part->head_last);
    config.ffn = part->ffn_last - part->ffn_first;
    return config;
}

int jup_part_kv_head(const jup_config_t *whole, const jup_part_t *part, int i)
{
    if (jup_part_is_whole(part))
        return i;
    int group = group_of(whole);
    return (part->head_first + i * heads_per_kv(group, part->head_first, part->head_last)) / group;
}

bool jup_part_repeats_kv(const jup_config_t *whole, const jup_part_t *part)
{
    int kv_heads = jup_part_config(whole, part).kv_heads;
    int first = jup_part_kv_head(whole, part, 0);
    return jup_part_kv_head(whole, part, kv_heads - 1) - first + 1 < kv_heads;
}

int64_t jup_axis_length(const jup_config_t *c, jup_axis_t axis)
{
    switch (axis) {
    case JUP_AXIS_ONE:
        return 1;
    case JUP_AXIS_DIM:
        return c->dim;
    case JUP_AXIS_ROPE:
        return c->rope_dim / 2;
    case JUP_AXIS_HEADS:
        return (int64_t)c->heads * c->head_dim;
    case JUP_AXIS_KV:
        return (int64_t)c->kv_heads * c->head_dim;
    case JUP_AXIS_FFN:
        return c->ffn;
    case JUP_AXIS_EXPERTS:
        return c->experts;
    case JUP_AXIS_EXPERTS_FFN:
        return (int64_t)c->experts * c->ffn;
    case JUP_AXIS_EXPERTS_DIM:
        return (int64_t)c->experts * c->dim;
    case JUP_AXIS_HEAD:
        return c->head_dim;
    case JUP_AXIS_TOKENS:
    case JUP_AXIS_VOCAB:
        return c->vocab;
    }
    return 0;
}

int64_t jup_part_length(const jup_config_t *whole, const jup_part_t *part, jup_axis_t axis)
{
    if (axis == JUP_AXIS_VOCAB && !jup_part_is_whole(part))
        return part->vocab_last - part->vocab_first;
    jup_config_t config = jup_part_config(whole, part);
    return jup_axis_length(&config, axis);
}

/* Where the part begins on an axis that it has one run of. */
static int64_t part_first(const jup_config_t *whole, const jup_part_t *part, jup_axis_t axis)
{
    switch (axis) {
    case JUP_AXIS_HEADS:
        return (int64_t)part->head_first * whole->head_dim;
    case JUP_AXIS_KV:
        return (int64_t)jup_part_kv_head(whole, part, 0) * whole->head_dim;
    case JUP_AXIS_FFN:
        return part->ffn_first;
    case JUP_AXIS_VOCAB:
        return part->vocab_first;
    default:
        return 0;
    }
}

jup_range_t jup_part_run(const jup_config_t *whole, const jup_part_t *part, jup_axis_t axis,
                         int64_t at)
{
    int dim = whole->head_dim, ffn = part->ffn_last - part->ffn_first;
    if (axis == JUP_AXIS_EXPERTS_FFN && !jup_part_is_whole(part))
        return (jup_range_t){.first = at / ffn * whole->ffn + part->ffn_first + at % ffn,
                             .n = ffn - at % ffn};
    if (axis == JUP_AXIS_KV && jup_part_repeats_kv(whole, part))
        return (jup_range_t){
            .first = (int64_t)jup_part_kv_head(whole, part, (int)(at / dim)) * dim + at % dim,
            .n = dim - at % dim};
    return (jup_range_t){.first = part_first(whole, part, axis) + at,
                         .n = jup_part_length(whole, part, axis) - at};
}

jup_status_t jup_part_check_type(const jup_config_t *whole, const jup_part_t *part,
                                 jup_dtype_t dtype, jup_error_t *err)
{
    static const struct {
        jup_axis_t axis;
        const char *what;
    } rows[] = {{JUP_AXIS_DIM, "the embedding"},
                {JUP_AXIS_HEADS, "attn_output"},
                {JUP_AXIS_FFN, "ffn_down"}};
    const jup_dtype_info_t *info = jup_dtype_info((int)dtype);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        jup_range_t run = jup_part_run(whole, part, rows[i].axis, 0);
        if (run.first % info->block_elems != 0 || run.n % info->block_elems != 0)
            return jup_fail(err, JUP_EINPUT,
                            "%s cannot be of type %s here: rows of %s with elements %lld to %lld "
                            "are no whole blocks of %d; choose a type of smaller blocks, such as "
                            "q8_0 or f16, or other shares",
                            whole->name, info->name, rows[i].what, (long long)run.first,
                            (long long)(run.first + run.n - 1), info->block_elems);
    }
    return JUP_OK;
}

static bool is_within(int first, int last, int end)
{
    return first >= 0 && first < last && last <= end;
}

bool jup_part_is_sound(const jup_config_t *whole, const jup_part_t *part)
{
    return is_within(part->head_first, part->head_last, whole->heads) &&
           is_within(part->ffn_first, part->ffn_last, whole->ffn) &&
           is_within(part->vocab_first, part->vocab_last, whole->vocab);
}

void jup_part_describe(const jup_config_t *whole, const jup_part_t *part, char *text, size_t bytes)
{
    if (jup_part_is_whole(part)) {
        snprintf(text, bytes, "all heads and all of the FFN");
        return;
    }
    jup_config_t config = jup_part_config(whole, part);
    char repeated[60] = "";
    if (jup_part_repeats_kv(whole, part))
        snprintf(repeated, sizeof repeated, " (repeated: %d of them are held)", config.kv_heads);
    snprintf(text, bytes, "heads %d to %d over KV heads %d to %d%s, FFN %d to %d", part->head_first,
             part->head_last - 1, jup_part_kv_head(whole, part, 0),
             jup_part_kv_head(whole, part, config.kv_heads - 1), repeated, part->ffn_first,
             part->ffn_last - 1);
}

/* ---- units ----------------------------------------------------------------------------------- */

jup_part_blocks_t jup_part_blocks(jup_dtype_t out, jup_dtype_t down)
{
    return (jup_part_blocks_t){.out = jup_dtype_info((int)out)->block_elems,
                               .down = jup_dtype_info((int)down)->block_elems};
}

jup_part_blocks_t jup_part_blocks_join(jup_part_blocks_t a, jup_part_blocks_t b)
{
    return (jup_part_blocks_t){.out = lcm(a.out, b.out), .down = lcm(a.down, b.down)};
}

/* Heads whose columns of attn_output are whole blocks. */
static int head_unit(const jup_config_t *c, jup_part_blocks_t blocks)
{
    int block = lcm(blocks.out, 1);
    return block / gcd(block, c->head_dim);
}

int jup_part_ffn_unit(jup_part_blocks_t blocks)
{
    return lcm(blocks.down, LEAST_FFN_UNIT);
}

static int head_units(const jup_config_t *c, jup_part_blocks_t blocks)
{
    int unit = head_unit(c, blocks);
    return c->heads % unit == 0 ? c->heads / unit : 1; /* rows that are no whole blocks */
}

static int ffn_units(const jup_config_t *c, jup_part_blocks_t blocks)
{
    int unit = jup_part_ffn_unit(blocks);
    return (c->ffn + unit - 1) / unit;
}

/* Whether every head can be computed without the others. */
static bool can_share(const jup_config_t *whole)
{
    return jup_family(whole->arch)->qk_norm != JUP_QK_BY_ROW;
}

int jup_part_most(const jup_config_t *whole, jup_part_blocks_t blocks)
{
    if (!can_share(whole))
        return 1;
    int64_t most = jup_min_i64(head_units(whole, blocks), ffn_units(whole, blocks));
    return (int)jup_min_i64(most, whole->vocab);
}

static jup_status_t check_members(const jup_config_t *whole, jup_part_blocks_t blocks, int n,
                                  jup_error_t *err)
{
    int most = jup_part_most(whole, blocks);
    if (n >= 1 && n <= most)
        return JUP_OK;
    if (!can_share(whole))
        return jup_fail(err, JUP_EINPUT,
                        "%d ranks cannot share the layers of %s, whose norms go over all heads; "
                        "let each layer be "
                        "computed by one rank",
                        n, whole->name);
    return jup_fail(err, JUP_EINPUT,
                    "%d ranks cannot share the layers of %s: cut at whole blocks (%d heads, %d "
                    "columns of the feed-forward network) there are %d shares of attention and %d "
                    "of the feed-forward network; let at most %d ranks share a layer",
                    n, whole->name, head_unit(whole, blocks), jup_part_ffn_unit(blocks),
                    head_units(whole, blocks), ffn_units(whole, blocks), most);
}

/* ---- from counts to parts -------------------------------------------------------------------- */

static jup_status_t check_counts(const char *what, const int *counts, int n, int unit, int total,
                                 jup_error_t *err)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++) {
        if (counts[i] < 1 || counts[i] % unit != 0)
            return jup_fail(err, JUP_EINPUT,
                            "member %d has %d %s; it must have a multiple of %d, since blocks of "
                            "weights cannot be cut",
                            i, counts[i], what, unit);
        sum += counts[i];
    }
    if (sum != total)
        return jup_fail(err, JUP_EINPUT, "the members have %lld %s together, the model has %d",
                        (long long)sum, what, total);
    return JUP_OK;
}

/* A new block: rows of the output head, in proportion to the shares of the layers. */
static int *share_vocab(int rows, const int *ffn, int n)
{
    int *counts = jup_new((size_t)n, sizeof *counts);
    double *speed = jup_new((size_t)n, sizeof *speed);
    for (int i = 0; i < n; i++)
        speed[i] = ffn[i];
    jup_share_units(rows, speed, n, counts);
    jup_free(speed);
    return counts;
}

jup_status_t jup_part_of_counts(const jup_config_t *whole, jup_part_blocks_t blocks,
                                const int *heads, const int *ffn, int n, jup_part_t *parts,
                                jup_error_t *err)
{
    JUP_TRY(check_members(whole, blocks, n, err));
    if (n == 1) {
        parts[0] = (jup_part_t){0};
        return JUP_OK;
    }
    int unit = jup_part_ffn_unit(blocks);
    JUP_TRY(check_counts("query heads", heads, n, head_unit(whole, blocks), whole->heads, err));
    JUP_TRY(check_counts("units of the feed-forward network", ffn, n, 1, ffn_units(whole, blocks),
                         err));
    int *vocab = share_vocab(whole->vocab, ffn, n);
    jup_part_t at = {0};
    for (int i = 0; i < n; i++) {
        at = (jup_part_t){.head_first = at.head_last,
                          .head_last = at.head_last + heads[i],
                          .ffn_first = at.ffn_last,
                          .ffn_last =
                              (int)jup_min_i64(at.ffn_last + (int64_t)unit * ffn[i], whole->ffn),
                          .vocab_first = at.vocab_last,
                          .vocab_last = at.vocab_last + vocab[i]};
        parts[i] = at;
    }
    jup_free(vocab);
    return JUP_OK;
}

/* ---- shares ---------------------------------------------------------------------------------- */

static jup_status_t check_speeds(const double *speed, int n, jup_error_t *err)
{
    for (int i = 0; i < n; i++)
        if (!(speed[i] > 0) || !isfinite(speed[i]))
            return jup_fail(err, JUP_EINPUT, "the speed of member %d is %g, must be positive", i,
                            speed[i]);
    return JUP_OK;
}

typedef struct head_costs {
    int unit, group; /* heads of a unit, of a KV head */
} head_costs_t;

/* What the heads of units [first, last) cost: their own projections and those of their KV heads. */
static double head_cost(const void *self, int first, int last)
{
    const head_costs_t *h = self;
    int heads = (last - first) * h->unit;
    return heads + heads / heads_per_kv(h->group, first * h->unit, last * h->unit);
}

static void share_heads(const jup_config_t *whole, int unit, const double *speed, int n, int *heads)
{
    const head_costs_t costs = {.unit = unit, .group = group_of(whole)};
    jup_share_ranges(head_cost, &costs, whole->heads / unit, speed, n, heads);
    for (int i = 0; i < n; i++)
        heads[i] *= unit;
}

jup_status_t jup_part_share(const jup_config_t *whole, jup_part_blocks_t blocks,
                            const double *speed, int n, jup_part_t *parts, jup_error_t *err)
{
    JUP_TRY(check_members(whole, blocks, n, err));
    JUP_TRY(check_speeds(speed, n, err));
    int *heads = jup_new(2 * (size_t)n, sizeof *heads), *ffn = heads + n;
    if (n > 1) {
        share_heads(whole, head_unit(whole, blocks), speed, n, heads);
        jup_share_units(ffn_units(whole, blocks), speed, n, ffn);
    }
    jup_status_t status = jup_part_of_counts(whole, blocks, heads, ffn, n, parts, err);
    jup_free(heads);
    return status;
}
