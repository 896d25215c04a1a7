/**
 * What one rank did and when: spans of time, messages, tokens. Recording writes one struct into an
 * array of bounded size; what is beyond it goes to a temporary file where a trace is wanted, else
 * it is left to the sums: no memory grows with the length of a run. The same record in wall-clock,
 * emulated and simulated runs. Times are seconds of this rank's clock; `offset_s` turns them into
 * rank 0's.
 */
#ifndef JUP_TRACE_RECORDER_H
#define JUP_TRACE_RECORDER_H

#include "comm/comm.h"
#include "trace/store.h"
#include "trace/totals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum jup_span_kind {
    JUP_SPAN_LOAD,      /* mapping weights, making buffers */
    JUP_SPAN_PLAN,      /* planning and profiling before the run */
    JUP_SPAN_EMBED,     /* compute: token embedding */
    JUP_SPAN_LAYERS,    /* compute: the shard's decoder layers for one step */
    JUP_SPAN_HEAD,      /* compute: output head, sampling */
    JUP_SPAN_DRAFT,     /* compute: draft heads or a draft model */
    JUP_SPAN_PACK,      /* activations to and from the wire's type */
    JUP_SPAN_WAIT_RECV, /* waiting for a message to arrive */
    JUP_SPAN_WAIT_SEND, /* waiting for an earlier send, to use its buffer again */
    JUP_SPAN_KINDS
} jup_span_kind_t;

/** "load", "plan", "embed", "layers", ... */
const char *jup_span_kind_name(int kind);

/** Whether the kind counts as busy (computing). */
bool jup_span_kind_is_compute(int kind);

typedef struct jup_span {
    double start_s, end_s;
    double flops, bytes; /* done; weights and cache read. 0: not known */
    int32_t rank, kind;
    int32_t request, branch; /* -1: none */
    int32_t step;            /* the step's number; -1: none */
    int32_t chunk;           /* prefill chunk 0, 1, ...; -1: decoding */
    int32_t rows;
    int32_t layer_first, layer_last; /* from first up to, not including, last */
} jup_span_t;

typedef struct jup_message_record {
    double post_s, done_s; /* of this side */
    int64_t bytes;
    int32_t rank; /* whose record it is */
    int32_t src, dst, kind, label;
} jup_message_record_t;

typedef struct jup_token_record {
    double time_s;
    int32_t request, branch, position, id;
    int32_t accepted_by; /* 0: the model's own pick; 1 + draft source otherwise */
} jup_token_record_t;

typedef enum jup_record {
    JUP_RECORD_SUMS,      /* no events */
    JUP_RECORD_BEGINNING, /* events until a MiB is full; then the sums go on */
    JUP_RECORD_ALL,       /* beyond a MiB in temporary files */
} jup_record_t;

enum { JUP_RECORDER_BYTES = 1 << 20 }; /* of events in memory */

typedef struct jup_recorder {
    jup_record_t mode;
    bool on; /* events are taken */
    int rank;
    double offset_s; /* this clock minus rank 0's, measured at sync_s (0: never) */
    double sync_s;
    jup_store_t spans, messages, tokens;
    double full_s; /* what was over by then is all there; INFINITY: everything is */
    /* sums that are kept in any case; seconds */
    double busy_s, wait_recv_s, wait_send_s;
    jup_totals_t totals; /* of the requests, on the rank that gets the tokens */
    jup_span_t context;  /* request, branch, step, chunk of the spans to come */
} jup_recorder_t;

void jup_recorder_init(jup_recorder_t *recorder, int rank, jup_record_t mode);
void jup_recorder_reset(jup_recorder_t *recorder);

/** Adds a span of the recorder's context (kind, times, rows, flops given here). */
void jup_recorder_span(jup_recorder_t *recorder, jup_span_kind_t kind, double start_s, double end_s,
                       int32_t rows, double flops, double bytes);

void jup_recorder_token(jup_recorder_t *recorder, const jup_token_record_t *token);

/** Makes the comm report its messages and waits here. The recorder must outlive that. */
void jup_recorder_observe(jup_recorder_t *recorder, jup_comm_t *comm);

#endif
