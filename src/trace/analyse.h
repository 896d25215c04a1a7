/**
 * What a run tells: pure functions of jup_run_t.
 *
 * A request's prefill lasts from its first prefill span (chunk >= 0) to its first token, its decode
 * from there to its last token. Within a phase each rank is busy (computing), waiting, or neither;
 * the bubble is all that is not busy. A message flies from the moment both sides had posted it to
 * its arrival as the receiver saw it; the part of that in which a side was computing is hidden from
 * that side. Messages that keep the house (verdicts, shared inputs, gathered records, pings) are
 * counted apart.
 */
#ifndef JUP_TRACE_ANALYSE_H
#define JUP_TRACE_ANALYSE_H

#include "trace/run.h"

#include <stdbool.h>

typedef enum jup_phase { JUP_PHASE_PREFILL, JUP_PHASE_DECODE, JUP_PHASES } jup_phase_t;

/** "prefill", "decode". */
const char *jup_phase_name(int phase);

/** How one rank spent a phase (all requests together), and the messages that flew in it. */
typedef struct jup_phase_use {
    double length_s;
    double busy_s, wait_recv_s, wait_send_s;
    double bubble_share;               /* 1 - busy / length, 0 to 1; 0 when the phase is empty */
    double flight_in_s, hidden_in_s;   /* messages to this rank; while it computed */
    double flight_out_s, hidden_out_s; /* messages from this rank; while it computed */
} jup_phase_use_t;

typedef struct jup_rank_use {
    jup_phase_use_t phase[JUP_PHASES];
    jup_phase_use_t sum;           /* of the phases */
    double busy_s, wait_s;         /* both phases: sum's, in short */
    double kind_s[JUP_SPAN_KINDS]; /* whole run: a stage's totals by kind of span */
    double flops, bytes;           /* whole run: computed, read */
    int64_t rows;                  /* whole run: rows that went through the layers */
    int64_t bytes_in, bytes_out, messages_in, messages_out; /* whole run, its work */
    int64_t house_bytes_out;                                /* whole run, housekeeping */
} jup_rank_use_t;

/** One request; start_s <= first_token_s <= end_s. Without a token prefill ends with its spans. */
typedef struct jup_request_use {
    int32_t request;
    double start_s, first_token_s, end_s;
    int64_t prompt_tokens, new_tokens;
} jup_request_use_t;

typedef struct jup_analysis {
    jup_rank_use_t *ranks;       /* (n_ranks) */
    jup_request_use_t *requests; /* (n_requests), by start */
    size_t n_ranks, n_requests;
    double length_s[JUP_PHASES];
    int64_t prompt_tokens, new_tokens; /* of all requests */
    int64_t decoded_tokens;            /* those after the first of each */
    double first_token_s;              /* mean over the requests of start to first token */
    double prefill_tokens_per_s, decode_tokens_per_s;
    double bubble_share[JUP_PHASES]; /* mean over the ranks that compute */
    double hidden_share[JUP_PHASES]; /* of the flight time, from the receivers' side; 0: none */
    double hidden_share_all;         /* of both phases */
    int64_t bytes_sent;              /* by all ranks, the run's work */
} jup_analysis_t;

/** *analysis is filled and owns its arrays. A run without spans gives zeros. */
void jup_analysis_init(jup_analysis_t *analysis, const jup_run_t *run);
void jup_analysis_reset(jup_analysis_t *analysis);

/** A part of the above: fills in analysis->requests. */
void jup_analysis_find_requests(jup_analysis_t *analysis, const jup_run_t *run);

/** Writes the analysis into the run's summary numbers (time_to_first_token_s, ...). */
void jup_analysis_store(const jup_analysis_t *analysis, jup_run_t *run);

/** hidden / flight, 0 when nothing flew. */
double jup_hidden_share(double hidden_s, double flight_s);

/** Whether messages of this kind are the run's work, not housekeeping. */
bool jup_message_kind_is_work(int kind);

#endif
