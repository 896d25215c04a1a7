/**
 * The compute seam: one table of operations, several implementations.
 *
 *   naive    plain loops over the definition; the oracle of every test
 *   blas     OpenBLAS for many rows, own SIMD kernels for few rows and for attention
 *   phantom  shapes and costs only (data pointers may be NULL), see tensor/phantom.h
 *
 * Everything is row-major, (rows, cols); activations are f32; weights keep their stored type.
 * No operation allocates after jup_compute_reserve(); none fails. Shapes are asserted.
 */
#ifndef JUP_TENSOR_OPS_H
#define JUP_TENSOR_OPS_H

#include "base/status.h"
#include "tensor/dtype.h"

/** A weight matrix, viewed, never owned: out = rows, in = cols; `cols` is a multiple of the block.
 */
typedef struct jup_matrix {
    jup_dtype_t dtype;
    int64_t rows, cols;
    const void *data; /* rows * cols elements, row after row; NULL for a phantom */
} jup_matrix_t;

/** One y = x W^T + b. */
typedef struct jup_linear {
    jup_matrix_t w;    /* (out, in) */
    const float *bias; /* (out) or NULL */
} jup_linear_t;

typedef enum jup_rope_layout {
    JUP_ROPE_INTERLEAVED, /* pairs (2i, 2i+1): GGUF's `llama` family */
    JUP_ROPE_HALVES,      /* pairs (i, i + rot/2): GGUF's `qwen2` and others ("NeoX") */
} jup_rope_layout_t;

/** What the gate of a feed-forward block goes through. */
typedef enum jup_activation {
    JUP_SILU, /* x / (1 + e^-x) */
    JUP_GELU, /* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
} jup_activation_t;

/** The angles of some rows, made once per step and used by every layer. */
typedef struct jup_rope_angles {
    const float *cos; /* (rows, rot / 2); both times a factor, where a scaling wants one */
    const float *sin; /* (rows, rot / 2) */
    int rot;          /* rotated elements per head, even, <= head_dim */
    jup_rope_layout_t layout;
} jup_rope_angles_t;

/**
 * Consecutive slots of one KV page. A page of one layer holds K and V as
 * (kv_heads, page_slots, head_dim) in `kv_dtype`; a run names slots [slot, slot + n) of it, whose
 * tokens have the positions pos, pos + 1, ...
 */
typedef struct jup_kv_run {
    const void *k, *v; /* start of the page */
    int32_t slot, n, pos;
} jup_kv_run_t;

/**
 * Attention of some new rows of one sequence over its cache, in which their own K and V are already
 * stored: the last `rows` slots of the runs, in run order, are the new rows' own. Every row sees
 * all slots before those; of the rows' own it sees the slots 0..i (tree == NULL), or those whose
 * bit is set. A window w > 0 hides slots whose position is <= pos - w.
 */
typedef struct jup_attention {
    const float *q; /* (rows, heads * head_dim), rotated */
    float *out;     /* (rows, heads * head_dim) */
    int64_t rows;
    const int32_t *pos;   /* (rows) */
    const uint64_t *tree; /* NULL, or (rows, (rows + 63) / 64) bit masks, own bit included */
    const jup_kv_run_t *runs;
    int n_runs;
    int heads, kv_heads, head_dim; /* heads is a multiple of kv_heads */
    int page_slots;
    jup_dtype_t kv_dtype; /* JUP_F16 or JUP_F32 */
    int window;           /* 0: none */
    float scale;          /* of q . k, usually 1 / sqrt(head_dim) */
    float cap;            /* scores s become cap tanh(s / cap); 0: they stay */
} jup_attention_t;

typedef struct jup_compute jup_compute_t;

typedef struct jup_ops {
    const char *name;

    /** y[i] (rows, w[i].rows) = x (rows, in) W_i^T + b_i, for n weights that share x. */
    void (*linear)(jup_compute_t *c, const jup_linear_t *w, int n, const float *x, int64_t rows,
                   float *const *y);

    /** y (rows, w->rows) += x (rows, in) W^T + b: the residual comes for free. */
    void (*linear_add)(jup_compute_t *c, const jup_linear_t *w, const float *x, int64_t rows,
                       float *y);

    /** y = x / sqrt(mean(x^2) + eps) * w, row by row; (rows, cols); w (cols). y may be x. */
    void (*rmsnorm)(jup_compute_t *c, const float *x, const float *w, int64_t rows, int64_t cols,
                    float eps, float *y);

    /** Rotates x (rows, heads * head_dim) in place. */
    void (*rope)(jup_compute_t *c, float *x, int64_t rows, int heads, int head_dim,
                 const jup_rope_angles_t *angles);

    /**
     * Writes k and v (rows, kv_heads * head_dim) into the slots of the runs, whose n sum to `rows`
     * (the page's layout as in jup_kv_run_t).
     */
    void (*store_kv)(jup_compute_t *c, const float *k, const float *v, int64_t rows, int kv_heads,
                     int head_dim, int page_slots, jup_dtype_t kv_dtype, const jup_kv_run_t *runs,
                     int n_runs);

    /** Several sequences at once; each its own rows. */
    void (*attention)(jup_compute_t *c, const jup_attention_t *a, int n);

    /** gate = activation(gate) * up, element by element; (rows, cols). */
    void (*gated)(jup_compute_t *c, jup_activation_t activation, float *gate, const float *up,
                  int64_t rows, int64_t cols);

    /**
     * Experts of each row of logits (rows, experts): the `used` largest, ids and shares (rows,
     * used), see tensor/route.h.
     */
    void (*route)(jup_compute_t *c, const float *logits, int64_t rows, int experts, int used,
                  int32_t *ids, float *shares);

    /** y (n) += x factor. */
    void (*add)(jup_compute_t *c, const float *x, int64_t n, float factor, float *y);

    /** x (n) = cap tanh(x factor / cap), or x factor where cap is 0. */
    void (*scale)(jup_compute_t *c, float *x, int64_t n, float factor, float cap);

    /** y (rows, table->cols) = the table's rows `ids`. */
    void (*embed)(jup_compute_t *c, const jup_matrix_t *table, const int32_t *ids, int64_t rows,
                  float *y);
} jup_ops_t;

extern const jup_ops_t jup_ops_naive;
extern const jup_ops_t jup_ops_blas;

/** By name ("blas", "naive", "phantom"); NULL when unknown. */
const jup_ops_t *jup_ops_by_name(const char *name);

/** An implementation with its threads and scratch. One per rank; not shared between threads. */
struct jup_compute {
    const jup_ops_t *ops;
    int threads;
    void *state; /* the implementation's own */
};

/** threads <= 0: all processors this process may use. */
jup_status_t jup_compute_init(jup_compute_t *c, const jup_ops_t *ops, int threads,
                              jup_error_t *err);

/** The largest shapes to come, so that nothing allocates later. May be called again to grow. */
typedef struct jup_compute_limits {
    int64_t rows;    /* of any operation */
    int64_t in, out; /* of any linear: the largest cols and rows of a weight */
    int64_t context; /* cached tokens a row may see */
    int heads, kv_heads, head_dim;
} jup_compute_limits_t;
jup_status_t jup_compute_reserve(jup_compute_t *c, const jup_compute_limits_t *limits,
                                 jup_error_t *err);

/**
 * Quantised weights times activations rounded to 8 bits per 32 columns, and weights of BF16 times
 * such rounded to BF16 (on, the default: several times as fast, or twice), or all times unrounded
 * activations (off). Rounding to 8 bits moves an activation by at most 1/254 of the largest of its
 * 32, to BF16 by 1/256 of itself. Either way a row's result does not depend, to the last
 * bit, on how many rows or threads come together.
 */
void jup_compute_set_int8(jup_compute_t *c, bool on);

size_t jup_compute_scratch_bytes(const jup_compute_t *c);
void jup_compute_reset(jup_compute_t *c);

/**
 * Sets what libraries read once, when they are loaded, and starts the program again where something
 * was missing. To be called first thing in main(), before MPI.
 *
 *   OPENBLAS_CORETYPE     on x86, the kernels for this very processor: 0.3.21 does not know newer
 *                         ones and falls back to AVX2
 *   OPENBLAS_NUM_THREADS  1: the threads are ours
 *   GOMP_SPINCOUNT        3000, unless there is OMP_WAIT_POLICY: idle threads sleep after about 0.1
 *                         ms instead of turning round for many, as ranks often share processors
 *
 * What the user has set stays. A build for simulation does without all of it.
 */
void jup_blas_set_environment(char **argv);

/** The core type in use, e.g. "SkylakeX". */
const char *jup_blas_core(void);

/**
 * The instruction set of our own kernels, e.g. "avx512", "dotprod". $JUPITER_KERNELS overrides the
 * choice by name.
 */
const char *jup_blas_kernels(void);

#endif
