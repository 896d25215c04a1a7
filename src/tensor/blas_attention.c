/* Attention in blocks of slots with a running maximum and sum (online softmax). */
#include "tensor/blas.h"

#include "base/checked.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 32, MAX_HEAD_DIM = 512 };

/* What one (row, head) has gathered so far. */
typedef struct gathered {
    float largest, total;
    float sum[MAX_HEAD_DIM];
} gathered_t;

static bool sees(const jup_attention_t *a, int64_t r, int64_t own, int32_t pos)
{
    if (own >= 0) {
        int64_t words = (a->rows + 63) / 64;
        if (a->tree ? !(a->tree[r * words + own / 64] >> (own % 64) & 1) : own > r)
            return false;
    }
    return a->window <= 0 || pos > a->pos[r] - a->window;
}

static void load_slots(const jup_attention_t *a, const void *page, int kv_head, int64_t slot, int n,
                       float *dst)
{
    int64_t at = ((int64_t)kv_head * a->page_slots + slot) * a->head_dim;
    if (a->kv_dtype == JUP_F16)
        jup_f16_to_f32((const uint16_t *)page + at, dst, (int64_t)n * a->head_dim);
    else
        memcpy(dst, (const float *)page + at, (size_t)(n * a->head_dim) * sizeof *dst);
}

static float dot(const float *x, const float *y, int n)
{
    float sum = 0.0f;
    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Adds a block of n slots; `hidden[s]` leaves one out. */
static void gather(gathered_t *g, const float *q, const float *k, const float *v,
                   const bool *hidden, int n, int head_dim, float scale)
{
    float scores[BLOCK], largest = g->largest;
    for (int s = 0; s < n; s++) {
        scores[s] = hidden[s] ? -INFINITY : scale * dot(q, k + s * head_dim, head_dim);
        largest = fmaxf(largest, scores[s]);
    }
    if (largest == -INFINITY)
        return;
    float keep = expf(g->largest - largest);
    g->total *= keep;
    for (int d = 0; d < head_dim; d++)
        g->sum[d] *= keep;
    for (int s = 0; s < n; s++) {
        float weight = expf(scores[s] - largest);
        g->total += weight;
        for (int d = 0; d < head_dim; d++)
            g->sum[d] += weight * v[s * head_dim + d];
    }
    g->largest = largest;
}

static void attend(const jup_attention_t *a, int64_t r, int h)
{
    gathered_t g = {.largest = -INFINITY};
    const float *q = a->q + (r * a->heads + h) * a->head_dim;
    float k[BLOCK * MAX_HEAD_DIM], v[BLOCK * MAX_HEAD_DIM];
    int kv_head = h / (a->heads / a->kv_heads);
    int64_t slots = 0, index = 0;
    for (int i = 0; i < a->n_runs; i++)
        slots += a->runs[i].n;
    for (int i = 0; i < a->n_runs; i++)
        for (int32_t s = 0; s < a->runs[i].n; s += BLOCK) {
            const jup_kv_run_t *run = &a->runs[i];
            int n = run->n - s < BLOCK ? run->n - s : BLOCK;
            bool hidden[BLOCK], any = false;
            for (int j = 0; j < n; j++) {
                hidden[j] = !sees(a, r, index + j - (slots - a->rows), run->pos + s + j);
                any = any || !hidden[j];
            }
            index += n;
            if (!any)
                continue;
            load_slots(a, run->k, kv_head, run->slot + s, n, k);
            load_slots(a, run->v, kv_head, run->slot + s, n, v);
            gather(&g, q, k, v, hidden, n, a->head_dim, a->scale);
        }
    float inverse = g.total > 0.0f ? 1.0f / g.total : 0.0f;
    for (int d = 0; d < a->head_dim; d++)
        a->out[(r * a->heads + h) * a->head_dim + d] = g.sum[d] * inverse;
}

void jup_blas_attention(jup_compute_t *c, const jup_attention_t *a, int n)
{
    for (int i = 0; i < n; i++) {
        assert(a[i].head_dim <= MAX_HEAD_DIM && a[i].heads % a[i].kv_heads == 0);
#pragma omp parallel for num_threads(c->threads) collapse(2) schedule(dynamic)
        for (int64_t r = 0; r < a[i].rows; r++)
            for (int h = 0; h < a[i].heads; h++)
                attend(&a[i], r, h);
    }
}
