/**
 * A whole run as plain data: what the run file holds, what the analysis reads. Times are seconds of
 * rank 0's clock since the first span of the run; sizes are bytes. A run owns everything in it.
 */
#ifndef JUP_TRACE_RUN_H
#define JUP_TRACE_RUN_H

#include "base/status.h"
#include "trace/recorder.h"

#include <stddef.h>
#include <stdint.h>

enum { JUP_HOST_BYTES = 64, JUP_WAY_BYTES = 16 };

/** One rank: where it ran, what it held, what memory it took. 0: not known. */
typedef struct jup_rank_record {
    int32_t rank;
    int32_t layer_first, layer_last; /* from first up to, not including, last; equal: none */
    int32_t threads;
    char host[JUP_HOST_BYTES];
    double clock_offset_s;       /* its clock minus rank 0's, at the end of the run */
    int64_t peak_resident_bytes; /* as the system counts it */
    int64_t heap_peak_bytes;     /* of base/mem.h */
    int64_t weights_bytes;       /* mapped or read */
    int64_t kv_bytes;
    int64_t buffers_bytes;   /* activations, scratch, messages */
    int32_t stage, member;   /* it was this member of the stage's group; -1: idle, not known */
    int32_t heads, ffn;      /* its share of each layer, as plans count them; 0: whole layers */
    char way[JUP_WAY_BYTES]; /* how the group shared layers (plan/way.h); "": not known */
} jup_rank_record_t;

/** Both sides of one message. NAN where a side was not recorded (a run that was interrupted). */
typedef struct jup_message {
    double post_s;      /* the sender posted it */
    double recv_post_s; /* the receiver was ready for it */
    double start_s;     /* the later of the two: from here on the bytes can move */
    double sent_s;      /* the sender saw it done: its buffer is free */
    double done_s;      /* the receiver saw it arrive */
    int64_t bytes;
    int32_t src, dst, kind, label; /* kind: jup_message_kind_t; label: a step number or -1 */
} jup_message_t;

typedef struct jup_run_text {
    char *key, *value;
} jup_run_text_t;

typedef struct jup_run_number {
    char *key;
    double value;
} jup_run_number_t;

typedef struct jup_run {
    jup_run_text_t *meta;       /* key -> text: see SCHEMA.md for the keys */
    jup_run_number_t *summary;  /* key -> number, with the unit in the key's name */
    char *cluster, *plan;       /* YAML; NULL: none */
    jup_rank_record_t *ranks;   /* (n_ranks) in rank order */
    jup_span_t *spans;          /* by rank, then by start */
    jup_message_t *messages;    /* by start_s (or whatever time is known) */
    jup_token_record_t *tokens; /* by time */
    jup_totals_t totals; /* of all requests, where the events end before the run; else zero */
    double until_s;      /* where they end; 0: at the end */
    size_t n_meta, n_summary, n_ranks, n_spans, n_messages, n_tokens;
} jup_run_t;

void jup_run_init(jup_run_t *run);
void jup_run_reset(jup_run_t *run);

/** Puts spans, messages and tokens in the order that is promised above. */
void jup_run_sort(jup_run_t *run);

/** Adds or replaces; key and value are copied. */
void jup_run_set_meta(jup_run_t *run, const char *key, const char *value);
void jup_run_set_metaf(jup_run_t *run, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void jup_run_set_number(jup_run_t *run, const char *key, double value);

/** YAML texts, copied; NULL: none. */
void jup_run_set_cluster(jup_run_t *run, const char *yaml);
void jup_run_set_plan(jup_run_t *run, const char *yaml);

/** NULL, or `otherwise`, when there is no such key. */
const char *jup_run_get_meta(const jup_run_t *run, const char *key);
double jup_run_get_number(const jup_run_t *run, const char *key, double otherwise);

/**
 * The keys that every run has: date, clock (wall | simulated), world (`world` when not NULL, else
 * the environment's JUPITER_WORLD, else "simulated" on a simulated clock, else "boards" when the
 * ranks are on several hosts and "local" when on one), version. Call after the gather, on rank 0.
 */
void jup_run_set_standard_meta(jup_run_t *run, const char *version, const char *world);

/** Fills in host and peaks of this process; the rest (layers, sizes) is the caller's. */
void jup_rank_record_init(jup_rank_record_t *record, int rank);

#endif
