/**
 * The KV cache of one shard: pages of JUP_KV_PAGE_SLOTS tokens over all its layers, shared between
 * sequences by reference (as in PagedAttention, Kwon et al. 2023). A sequence is a list of runs of
 * slots, so that
 *  - a fork shares its prefix without a copy and pays for its own tokens only;
 *  - the accepted path of a candidate tree is kept by naming its slots, nothing moves;
 *  - slots of candidates that were dropped are used again by the next rows in the same page;
 *  - what is dropped frees its pages as soon as no sequence names them.
 * A sequence writes only into pages that it alone uses.
 */
#ifndef JUP_MODEL_KV_H
#define JUP_MODEL_KV_H

#include "base/status.h"
#include "model/config.h"

enum { JUP_KV_PAGE_SLOTS = 64 };

typedef struct jup_kv_span {
    int32_t page, slot, n, pos; /* slots [slot, slot + n) of a page; positions pos, pos + 1, ... */
} jup_kv_span_t;

typedef struct jup_kv_seq {
    jup_kv_span_t *spans;
    int n_spans, cap_spans;
    int32_t length; /* tokens held */
} jup_kv_seq_t;

typedef struct jup_kv_page {
    char *data;     /* layer after layer: K (kv_heads, slots, head_dim), then V */
    int32_t refs;   /* sequences that name it */
    uint64_t taken; /* a bit for every slot handed out */
} jup_kv_page_t;

typedef struct jup_kv {
    jup_dtype_t dtype;
    int layers, kv_heads, head_dim;
    size_t plane_bytes; /* K of one layer in one page */
    jup_kv_page_t *pages;
    int n_pages, cap_pages, max_pages;
    int *free_pages; /* stack of pages that have memory and no user */
    int n_free;
    jup_kv_seq_t *seqs;
    int n_seqs; /* ids in use are below it */
    int pages_in_use, peak_pages;
} jup_kv_t;

/** max_tokens bounds the cache; memory is taken page by page as tokens arrive. */
jup_status_t jup_kv_init(jup_kv_t *kv, const jup_config_t *config, int layers, jup_dtype_t dtype,
                         int64_t max_tokens, jup_error_t *err);
void jup_kv_reset(jup_kv_t *kv);

/** The sequence `id` (any small number); empty when it was never used. */
jup_kv_seq_t *jup_kv_seq(jup_kv_t *kv, int id);

/** Takes slots for n new tokens at positions pos[]. Fails when the pages are used up. */
jup_status_t jup_kv_append(jup_kv_t *kv, int id, const int32_t *pos, int32_t n, jup_error_t *err);

/** Makes `dst` (empty) share the first `length` tokens of `src`. */
void jup_kv_fork(jup_kv_t *kv, int dst, int src, int32_t length);

/** Keeps the first `length` tokens. */
void jup_kv_truncate(jup_kv_t *kv, int id, int32_t length);

/** Of the tokens from `from` on, keeps those whose index (counted from `from`) is in keep[n]. */
void jup_kv_keep(jup_kv_t *kv, int id, int32_t from, const int32_t *keep, int32_t n);

/** Pages that this sequence alone names. */
int jup_kv_own_pages(const jup_kv_t *kv, int id);

/** Forgets the sequence. */
void jup_kv_drop(jup_kv_t *kv, int id);

/** Runs of tokens [from, to) of a sequence in `layer`; writes at most n_spans, returns count. */
int jup_kv_runs(const jup_kv_t *kv, int id, int layer, int32_t from, int32_t to,
                jup_kv_run_t *runs);

/** Bytes of one page, and of all pages that hold memory now. */
size_t jup_kv_page_bytes(const jup_kv_t *kv);
size_t jup_kv_bytes(const jup_kv_t *kv);

#endif
