/**
 * What the requests of a run came to, without keeping their events: the same definitions as the
 * analysis has (analyse.h), as the rank sees them that runs the first layers and gets the tokens.
 */
#ifndef JUP_TRACE_TOTALS_H
#define JUP_TRACE_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One request that may still go on. */
typedef struct jup_request_sum {
    int32_t request;
    double start_s, first_s,
        last_s; /* first prefill span; first and last token, else prefill's end */
    int64_t prompt_tokens, new_tokens;
} jup_request_sum_t;

typedef struct jup_totals {
    int64_t requests, prompt_tokens, new_tokens;
    int64_t decoded_tokens; /* those after the first of each request */
    double prefill_s, decode_s;
    jup_request_sum_t *open; /* (JUP_TOTALS_OPEN) of which n_open, by start; the rest is above */
    size_t n_open;
} jup_totals_t;

/** Requests that may be under way at a time: those that rest longest are taken for done. */
enum { JUP_TOTALS_OPEN = 512 };

void jup_totals_init(jup_totals_t *totals);
void jup_totals_reset(jup_totals_t *totals);

/** A prefill span that computed; rows: of the prompt, 0: counted by another span. */
void jup_totals_prefill(jup_totals_t *totals, int32_t request, double start_s, double end_s,
                        int64_t rows);
void jup_totals_token(jup_totals_t *totals, int32_t request, double time_s);

/** All requests are done. */
void jup_totals_close(jup_totals_t *totals);

#endif
