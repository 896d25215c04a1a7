#include "tensor/phantom.h"

#include "base/clock.h"
#include "base/mem.h"

typedef struct phantom {
    jup_phantom_costs_t costs;
    double charged_s;
    double owed_s;   /* not yet slept; below zero after having slept too long */
    uint32_t routed; /* rows that were sent to experts */
} phantom_t;

void jup_phantom_init(jup_compute_t *c)
{
    c->state = jup_new(1, sizeof(phantom_t));
}

void jup_phantom_reset(jup_compute_t *c)
{
    jup_free(c->state);
    c->state = NULL;
}

void jup_phantom_set_costs(jup_compute_t *c, const jup_phantom_costs_t *costs)
{
    ((phantom_t *)c->state)->costs = *costs;
}

double jup_phantom_charged_s(const jup_compute_t *c)
{
    return ((const phantom_t *)c->state)->charged_s;
}

/* Sleeping never takes exactly as long as asked; the difference goes into the next charge. */
static void charge(phantom_t *p, double seconds)
{
    p->charged_s += seconds;
    if (jup_clock_is_simulated()) {
        jup_clock_charge(seconds);
        return;
    }
    p->owed_s += seconds;
    if (p->owed_s <= 0)
        return;
    double start_s = jup_clock_now_s();
    jup_clock_charge(p->owed_s);
    p->owed_s -= jup_clock_now_s() - start_s;
}

/* A shape that does not fit is a mistake of ours, and finding it is half of this table's use. */
static void require(bool fits, const char *op)
{
    if (!fits)
        jup_die(JUP_EENV, "phantom %s: shapes do not fit; this is a bug in the program", op);
}

static void check_matrix(const jup_matrix_t *w, const char *op)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)w->dtype);
    require(info && w->rows > 0 && w->cols > 0 && w->cols % info->block_elems == 0, op);
}

static void charge_linear(jup_compute_t *c, const jup_linear_t *w, int n, int64_t rows)
{
    phantom_t *p = c->state;
    require(n > 0 && rows >= 0, "linear");
    for (int i = 0; i < n; i++) {
        check_matrix(&w[i].w, "linear");
        require(w[i].w.cols == w[0].w.cols, "linear");
    }
    if (p->costs.linear_s && rows > 0)
        charge(p, p->costs.linear_s(p->costs.self, w, n, rows));
}

static void linear(jup_compute_t *c, const jup_linear_t *w, int n, const float *x, int64_t rows,
                   float *const *y)
{
    (void)x;
    (void)y;
    charge_linear(c, w, n, rows);
}

static void linear_add(jup_compute_t *c, const jup_linear_t *w, const float *x, int64_t rows,
                       float *y)
{
    (void)x;
    (void)y;
    charge_linear(c, w, 1, rows);
}

static void rmsnorm(jup_compute_t *c, const float *x, const float *w, int64_t rows, int64_t cols,
                    float eps, float *y)
{
    (void)c;
    (void)x;
    (void)w;
    (void)y;
    require(rows >= 0 && cols > 0 && eps >= 0, "rmsnorm");
}

static void rope(jup_compute_t *c, float *x, int64_t rows, int heads, int head_dim,
                 const jup_rope_angles_t *angles)
{
    (void)c;
    (void)x;
    require(rows >= 0 && heads > 0 && angles->rot <= head_dim && angles->rot % 2 == 0, "rope");
}

static int64_t slots(const jup_kv_run_t *runs, int n_runs, int page_slots, const char *op)
{
    int64_t n = 0;
    for (int i = 0; i < n_runs; i++) {
        require(runs[i].slot >= 0 && runs[i].n > 0 && runs[i].slot + runs[i].n <= page_slots, op);
        n += runs[i].n;
    }
    return n;
}

static void store_kv(jup_compute_t *c, const float *k, const float *v, int64_t rows, int kv_heads,
                     int head_dim, int page_slots, jup_dtype_t kv_dtype, const jup_kv_run_t *runs,
                     int n_runs)
{
    (void)c;
    (void)k;
    (void)v;
    require(kv_heads > 0 && head_dim > 0 && (kv_dtype == JUP_F16 || kv_dtype == JUP_F32),
            "store_kv");
    require(slots(runs, n_runs, page_slots, "store_kv") == rows, "store_kv");
}

static void attention(jup_compute_t *c, const jup_attention_t *a, int n)
{
    phantom_t *p = c->state;
    for (int i = 0; i < n; i++) {
        require(a[i].rows > 0 && a[i].kv_heads > 0 && a[i].heads % a[i].kv_heads == 0, "attention");
        require(slots(a[i].runs, a[i].n_runs, a[i].page_slots, "attention") >= a[i].rows,
                "attention");
    }
    if (p->costs.attention_s)
        charge(p, p->costs.attention_s(p->costs.self, a, n));
}

static void gated(jup_compute_t *c, jup_activation_t activation, float *gate, const float *up,
                  int64_t rows, int64_t cols)
{
    (void)c;
    (void)activation;
    (void)gate;
    (void)up;
    require(rows >= 0 && cols > 0, "gated");
}

/* Neighbours beginning anywhere: as many different experts in some rows as chance would give. */
static void route(jup_compute_t *c, const float *logits, int64_t rows, int experts, int used,
                  int32_t *ids, float *shares)
{
    phantom_t *p = c->state;
    (void)logits;
    require(rows >= 0 && used > 0 && used <= experts, "route");
    for (int64_t r = 0; r < rows; r++) {
        uint32_t any = ++p->routed * 2654435761u; /* Knuth's multiplicative hash */
        int first = (int)((uint64_t)any * (uint32_t)experts >> 32);
        for (int i = 0; i < used; i++) {
            ids[r * used + i] = (first + i) % experts;
            shares[r * used + i] = 1.0f / (float)used;
        }
    }
}

static void add(jup_compute_t *c, const float *x, int64_t n, float factor, float *y)
{
    (void)c;
    (void)x;
    (void)factor;
    (void)y;
    require(n >= 0, "add");
}

static void scale(jup_compute_t *c, float *x, int64_t n, float factor, float cap)
{
    (void)c;
    (void)x;
    (void)factor;
    require(n >= 0 && cap >= 0, "scale");
}

static void embed(jup_compute_t *c, const jup_matrix_t *table, const int32_t *ids, int64_t rows,
                  float *y)
{
    phantom_t *p = c->state;
    (void)y;
    check_matrix(table, "embed");
    for (int64_t i = 0; i < rows; i++)
        require(ids[i] >= 0 && ids[i] < table->rows, "embed");
    if (p->costs.embed_s)
        charge(p, p->costs.embed_s(p->costs.self, table, rows));
}

const jup_ops_t jup_ops_phantom = {
    .name = "phantom",
    .linear = linear,
    .linear_add = linear_add,
    .rmsnorm = rmsnorm,
    .rope = rope,
    .store_kv = store_kv,
    .attention = attention,
    .gated = gated,
    .route = route,
    .add = add,
    .scale = scale,
    .embed = embed,
};
