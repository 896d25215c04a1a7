#include "plan/cost.h"

#include "base/checked.h"
#include "model/kv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PROGRAM_BYTES = 64 << 20, /* the program, its libraries and MPI's own buffers */
    WIRE_BUFFERS = 4,         /* two messages each way, see strategy/hop.h */
    RESULT_BYTES = 64,        /* sampled tokens, last stage to first */
    STEP_BYTES = 64,          /* about what a step says before its rows (model/step.h) ... */
    STEP_ROW_BYTES = 4,       /* ... and of each row */
};

/* Bytes of a (rows, cols) weight; a row that is no multiple of the block is rounded up. */
static double matrix_bytes(jup_dtype_t dtype, int64_t rows, int64_t cols)
{
    int64_t block = jup_dtype_info((int)dtype)->block_elems;
    return (double)rows * (double)jup_dtype_bytes(dtype, jup_round_up_i64(cols, block));
}

static double layer_bytes(const jup_config_t *c, jup_dtype_t type)
{
    int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    double stacked = c->experts ? c->experts : 1;
    return matrix_bytes(type, q + 2 * kv, c->dim) + matrix_bytes(type, c->dim, q) +
           stacked * (2 * matrix_bytes(type, c->ffn, c->dim) + matrix_bytes(type, c->dim, c->ffn)) +
           sizeof(float) * (double)c->experts * c->dim +
           sizeof(float) * (double)jup_config_layer_vectors(c);
}

void jup_model_key(char key[JUP_PROFILE_KEY], const jup_config_t *c, const char *weights,
                   const char *kv)
{
    char experts[32] = "";
    if (c->experts)
        snprintf(experts, sizeof experts, "-e%dof%d", c->experts_used, c->experts);
    snprintf(key, JUP_PROFILE_KEY, "d%d-f%d%s-h%d-kv%d-hd%d-%.16s-%.16s", c->dim, c->ffn, experts,
             c->heads, c->kv_heads, c->head_dim, weights, kv);
}

static void set_work(jup_model_size_t *size, const jup_config_t *c)
{
    double q = (double)c->heads * c->head_dim, kv = (double)c->kv_heads * c->head_dim;
    double wide = c->experts ? (double)c->experts_used * c->ffn + c->dim : c->ffn;
    size->work_row_bytes =
        sizeof(float) * 2 * (c->dim + q + kv + wide) + WIRE_BUFFERS * size->wire_row_bytes;
    size->output_row_bytes = sizeof(float) * ((double)c->dim + c->vocab);
    /* a panel of dequantised weights, at most one whole matrix */
    size->scratch_bytes = fmin(sizeof(float) * (double)c->dim * c->ffn, 16 << 20);
}

void jup_model_size_set(jup_model_size_t *size, const jup_config_t *c, jup_dtype_t weights,
                        jup_dtype_t kv, jup_dtype_t wire)
{
    memset(size, 0, sizeof *size);
    snprintf(size->name, sizeof size->name, "%s", c->name);
    snprintf(size->type, sizeof size->type, "%s", jup_dtype_info((int)weights)->name);
    jup_model_key(size->key, c, size->type, jup_dtype_info((int)kv)->name);
    size->layers = c->layers;
    size->layer = (jup_layer_ops_t){
        .flops_per_row = jup_config_layer_flops(c, 1, 0) - 4.0 * c->heads * c->head_dim,
        .weight_bytes = layer_bytes(c, weights),
        .flops_per_pair = 4.0 * c->heads * c->head_dim,
        .kv_bytes = (double)jup_config_kv_bytes(c, kv),
    };
    size->embedding_row_bytes = matrix_bytes(weights, 1, c->dim);
    size->embedding_bytes = c->vocab * size->embedding_row_bytes;
    size->head_bytes = size->embedding_bytes + sizeof(float) * (double)c->dim;
    size->head_flops_per_row = jup_config_head_flops(c, 1);
    size->tied = c->tied;
    size->wire_row_bytes = matrix_bytes(wire, 1, c->dim);
    size->config = *c;
    size->blocks = jup_part_blocks(weights, weights);
    set_work(size, c);
}

jup_status_t jup_model_size_init(jup_model_size_t *size, const jup_config_t *c, jup_dtype_t weights,
                                 jup_dtype_t kv, jup_dtype_t wire, jup_error_t *err)
{
    const jup_part_t whole = {0};
    JUP_TRY(jup_config_check(c, err));
    JUP_TRY(jup_part_check_type(c, &whole, weights, err));
    jup_model_size_set(size, c, weights, kv, wire);
    return JUP_OK;
}

void jup_model_size_part(jup_model_size_t *part, const jup_model_size_t *whole,
                         const jup_part_t *share)
{
    *part = *whole;
    if (jup_part_is_whole(share))
        return;
    const jup_config_t *c = &whole->config;
    double vocab = (double)(share->vocab_last - share->vocab_first) / c->vocab;
    part->config = jup_part_config(c, share);
    double norms = sizeof(float) * 2.0 * c->dim; /* everyone has them */
    double w = jup_config_layer_elements(&part->config) / jup_config_layer_elements(c);
    part->layer.flops_per_row *= w;
    part->layer.weight_bytes = norms + w * (part->layer.weight_bytes - norms);
    part->layer.flops_per_pair *= (double)part->config.heads / c->heads;
    part->layer.kv_bytes *= (double)part->config.kv_heads / c->kv_heads;
    part->others_flops_per_row = whole->layer.flops_per_row - part->layer.flops_per_row;
    part->head_bytes *= vocab;
    part->head_flops_per_row *= vocab;
    snprintf(part->key, sizeof part->key, "a part of %.60s", whole->key);
    set_work(part, &part->config);
    part->output_row_bytes = sizeof(float) * (c->dim + vocab * c->vocab);
}

/* ---- the workload ---------------------------------------------------------------------------- */

double jup_workload_tokens_per_lap(const jup_workload_t *w)
{
    return w->tokens_per_lap > 1 ? w->tokens_per_lap : 1;
}

/* The first token comes out of the prefill. */
double jup_workload_serial_laps(const jup_workload_t *w)
{
    return w->serial_tokens > 0 ? (double)(w->serial_tokens - 1) / jup_workload_tokens_per_lap(w)
                                : 0;
}

double jup_workload_branch_laps(const jup_workload_t *w)
{
    int64_t first = w->serial_tokens > 0 ? 0 : 1;
    int64_t tokens = w->generate_tokens - w->serial_tokens - first;
    return tokens > 0 ? (double)tokens / jup_workload_tokens_per_lap(w) : 0;
}

double jup_workload_laps(const jup_workload_t *w)
{
    return jup_workload_serial_laps(w) + jup_workload_branch_laps(w) / w->branches;
}

int jup_workload_lap_rows(const jup_workload_t *w)
{
    return w->lap_rows > 1 ? w->lap_rows : 1;
}

void jup_workload_expect_guesses(jup_workload_t *workload)
{
    workload->lap_rows = 3;
    workload->tokens_per_lap = 1.7;
}

/* ---- seconds -------------------------------------------------------------------------------- */

static bool has_grid(const jup_profile_t *profile, const jup_model_size_t *size)
{
    return profile->measured.n_chunks && strcmp(profile->measured.key, size->key) == 0;
}

double jup_cost_split_factor(const jup_profile_t *profile, const jup_model_size_t *size)
{
    return 1 + profile->split_loss * size->others_flops_per_row / size->layer.flops_per_row;
}

double jup_cost_row_factor(const jup_profile_t *profile, const jup_model_size_t *size)
{
    return size->others_flops_per_row > 0 ? 1 + profile->rest_gain : 1;
}

double jup_cost_rest_most_s(const jup_profile_t *profile)
{
    return profile->rest_most_s > 0 ? profile->rest_most_s : INFINITY;
}

/* Of a layer's weights: experts that no row goes to are not read. */
static double read_bytes(const jup_model_size_t *size, double rows)
{
    const jup_config_t *c = &size->config;
    double share =
        c->experts ? jup_config_read_elements(c, rows) / jup_config_layer_elements(c) : 1;
    return share * size->layer.weight_bytes;
}

/* Single rows were timed after rests, which do not help steps of several: those between one row and
 * the next number that was measured begin where a single one without a rest does. */
static double measured_layer_s(const jup_profile_t *profile, double rows, double prefix)
{
    const jup_measured_t *m = &profile->measured;
    double seconds = jup_measured_layer_s(m, rows, prefix);
    double next = m->chunks[1]; /* there are two at least */
    if (rows <= 1 || rows >= next || profile->rest_gain <= 0)
        return seconds;
    double unrested = profile->rest_gain * jup_measured_layer_s(m, 1, prefix);
    return fmin(seconds + unrested * (next - rows) / (next - 1),
                jup_measured_layer_s(m, next, prefix));
}

double jup_cost_layer_s(const jup_profile_t *profile, const jup_model_size_t *size, double rows,
                        double prefix)
{
    prefix = jup_config_seen(&size->config, prefix);
    if (has_grid(profile, size))
        return measured_layer_s(profile, rows, prefix);
    double pairs = rows * (prefix + (rows + 1) / 2);
    double seconds =
        profile->layer_s +
        jup_profile_linear_s(profile, rows,
                             size->layer.flops_per_row * jup_cost_split_factor(profile, size),
                             read_bytes(size, rows)) +
        jup_profile_attention_s(profile, pairs * size->layer.flops_per_pair,
                                (prefix + rows) * size->layer.kv_bytes);
    return rows <= 1 ? seconds * jup_cost_row_factor(profile, size) : seconds;
}

double jup_cost_unwanted_share(const jup_model_size_t *size)
{
    return fmin(1, jup_config_kv_flops(&size->config, 1) / size->layer.flops_per_row);
}

double jup_cost_embed_s(const jup_profile_t *profile, const jup_model_size_t *size, double rows)
{
    if (has_grid(profile, size))
        return rows * profile->measured.embed_row_s;
    return rows * size->embedding_row_bytes / profile->bytes_per_s;
}

double jup_cost_head_s(const jup_profile_t *profile, const jup_model_size_t *size, double rows)
{
    if (has_grid(profile, size) && profile->measured.head_s > 0)
        return rows * profile->measured.head_s;
    return jup_profile_linear_s(profile, rows, size->head_flops_per_row, size->head_bytes);
}

double jup_cost_message_bytes(const jup_model_size_t *size, int64_t rows)
{
    return jup_cost_step_bytes(rows) + (double)rows * size->wire_row_bytes;
}

double jup_cost_step_bytes(int64_t rows)
{
    return STEP_BYTES + STEP_ROW_BYTES * (double)rows;
}

double jup_cost_result_bytes(void)
{
    return RESULT_BYTES;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

jup_stage_memory_t jup_cost_memory(const jup_model_size_t *size, const jup_workload_t *workload,
                                   int layers, bool embedding, bool head, int64_t max_rows)
{
    int64_t context = jup_round_up_i64(workload->context_tokens, JUP_KV_PAGE_SLOTS);
    bool shared = size->tied && embedding && head;
    double outputs = head ? workload->branches : 0;
    return (jup_stage_memory_t){
        .weight_bytes = layers * size->layer.weight_bytes +
                        (embedding ? size->embedding_bytes : 0) +
                        (head && !shared ? size->head_bytes : 0),
        .kv_bytes = layers * size->layer.kv_bytes * (double)context,
        .work_bytes = PROGRAM_BYTES + size->scratch_bytes +
                      (double)max_rows * size->work_row_bytes + outputs * size->output_row_bytes,
    };
}
