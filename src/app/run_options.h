/** The options of `jupiter run`, as the user gave them. Rank 0 alone has them. */
#ifndef JUP_APP_RUN_OPTIONS_H
#define JUP_APP_RUN_OPTIONS_H

#include "app/ask_options.h"
#include "app/options.h"
#include "app/serve_options.h"
#include "model/sampler.h"
#include "tensor/dtype.h"

typedef struct jup_run_options {
    jup_options_t popt;
    char *model, *prompt, *prompt_file;
    int generate, context, threads;
    char *shape, *type_name, *cluster; /* a phantom: a model without weights, modelled devices */
    int prompt_tokens;
    bool phantom; /* nothing is computed, a device's seconds are charged */
    char *plan;   /* a plan file */
    char *strategy, *exchange_name;
    jup_exchange_t exchange; /* how ranks that share layers sum */
    int automatic;           /* measure, then plan */
    int every_row;           /* of the last layer */
    jup_dtype_t type;
    char *layers, *chunks;
    int chunk;
    char *wire_name, *kv_name, *compute;
    jup_dtype_t wire, kv_dtype;
    float temperature, top_p, min_p, repeat_penalty;
    int top_k, repeat_last;
    int logprobs; /* of so many of the likeliest tokens; -1: not told */
    long long seed;
    char **stops; /* NULL-terminated, or NULL */
    int no_bos, special, ignore_eos;
    char *trace, *logits;
    jup_serve_options_t serve;
    jup_ask_options_t ask; /* decoding: outline, speculation */
    int json, verbose, quiet, print_tokens;
    float watch_s;
} jup_run_options_t;

/** Parses and checks everything that can be checked without the model. */
jup_status_t jup_run_options_parse(jup_run_options_t *o, int argc, const char **argv,
                                   jup_error_t *err);
void jup_run_options_reset(jup_run_options_t *o);

jup_sampling_t jup_run_options_sampling(const jup_run_options_t *o);

#endif
