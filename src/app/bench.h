/** What `jupiter bench` times, and one session's share of it. */
#ifndef JUP_APP_BENCH_H
#define JUP_APP_BENCH_H

#include "app/run.h"

/** One row of the table: a test under one set of conditions. */
typedef struct jup_bench_row {
    const char *strategy;
    int32_t ranks, threads, chunk; /* threads, chunk: 0: as the program chooses */
    bool decodes;
    int32_t tokens; /* of the prompt, or of the answer after its first */
    double *rates;  /* (repeats) tokens a second */
    double *peers;  /* likewise of the peer, taken in turn; NULL: none */
    int32_t n;      /* repeats that are there */
} jup_bench_row_t;

typedef struct jup_bench {
    const char *model, *peer; /* peer: llama-bench; NULL: none */
    const int32_t *prompts, *answers;
    int32_t n_prompts, n_answers, repeats, warm_up;
    jup_bench_row_t now;   /* strategy, ranks, threads, chunk of the session that runs */
    jup_bench_row_t *rows; /* (n_rows), owned */
    int32_t n_rows;
} jup_bench_t;

void jup_bench_reset(jup_bench_t *bench);

/** The way in which a session times all sizes; its user is the bench. */
extern const jup_run_way_t jup_bench_way;

#endif
