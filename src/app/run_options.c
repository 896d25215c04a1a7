#include "app/run_options.h"

#include "app/run_lacks.h"

#include "tensor/ops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GENERATED = 1 << 24 };

static void set_defaults(jup_run_options_t *o, bool chat)
{
    memset(o, 0, sizeof *o);
    o->generate = chat ? MOST_GENERATED : 128;
    o->prompt_tokens = 260;
    o->temperature = 0;
    o->top_k = 40;
    o->top_p = 0.95f;
    o->repeat_penalty = 1;
    o->repeat_last = 64;
    o->seed = 1;
    o->logprobs = -1;
    o->watch_s = 30;
}

/* ---- the table, topic by topic: each appends to it ----------------------------------------------
 */

static struct poptOption *append(struct poptOption *at, const struct poptOption *options, size_t n)
{
    memcpy(at, options, n * sizeof *options);
    return at + n;
}

static struct poptOption *append_prompt(jup_run_options_t *o, struct poptOption *at)
{
    const struct poptOption options[] = {
        {"model", 'm', POPT_ARG_STRING, &o->model, 0, "the model, a GGUF file", "FILE"},
        {"prompt", 'p', POPT_ARG_STRING, &o->prompt, 0, "the prompt", "TEXT"},
        {"file", 'f', POPT_ARG_STRING, &o->prompt_file, 0,
         "read the prompt from a file (default: standard input); its last line end does not count",
         "FILE"},
        {"generate", 'n', POPT_ARG_INT, &o->generate, 0,
         "generate at most N tokens (128; chat: until the turn or the context ends)", "N"},
        {"context", 'c', POPT_ARG_INT, &o->context, 0,
         "room for N tokens, prompt included (default: what prompt and -n need, within the "
         "model's own; chat and serve: the model's own, and what is not used of it takes no "
         "memory)",
         "N"},
        {"threads", 't', POPT_ARG_INT, &o->threads, 0,
         "threads per rank (default: its processors, shared fairly with ranks on the same host)",
         "N"},
        {"no-bos", 0, POPT_ARG_NONE, &o->no_bos, 0, "no begin-of-text token in front", NULL},
        {"special", 0, POPT_ARG_NONE, &o->special, 0,
         "take special tokens written out in the prompt as such, in questions, too", NULL},
        {"ignore-eos", 0, POPT_ARG_NONE, &o->ignore_eos, 0, "go on after the end of text", NULL},
        {"stop", 0, POPT_ARG_ARGV, &o->stops, 0, "stop before this text; may be given often",
         "TEXT"},
    };
    return append(at, options, sizeof options / sizeof options[0]);
}

static struct poptOption *append_division(jup_run_options_t *o, struct poptOption *at)
{
    const struct poptOption options[] = {
        {"cluster", 0, POPT_ARG_STRING, &o->cluster, 0,
         "the devices, rank by rank: layers and chunks are planned for them; a phantom is charged "
         "their times",
         "WHAT"},
        {"plan", 0, POPT_ARG_STRING, &o->plan, 0, "divide layers and prompt by this plan", "FILE"},
        {"auto", 0, POPT_ARG_NONE, &o->automatic, 0,
         "plan first: for --cluster, or for the ranks as a short measurement finds them; takes the "
         "quickest strategy unless --strategy names one",
         NULL},
        {"strategy", 0, POPT_ARG_STRING, &o->strategy, 0,
         "how the ranks share the work; 'jupiter strategies' lists them (jupiter)", "NAME"},
        {"exchange", 0, POPT_ARG_STRING, &o->exchange_name, 0,
         "how ranks that share layers sum; whole: below 1 MiB (the quickest for the links)",
         "ring|direct|whole"},
        {"every-row", 0, POPT_ARG_NONE, &o->every_row, 0,
         "the last layer computes all rows of a prompt, wanted or not, as the paper's systems do",
         NULL},
        {"shape", 0, POPT_ARG_STRING, &o->shape, 0,
         "a phantom of a well-known model (llama2-7b): no weights, no tokenizer", "NAME"},
        {"type", 0, POPT_ARG_STRING, &o->type_name, 0, "type of the shape's weights (q4_0)",
         "TYPE"},
        {"prompt-tokens", 0, POPT_ARG_INT, &o->prompt_tokens, 0,
         "with --shape: tokens of the prompt (260)", "N"},
        {"layers", 0, POPT_ARG_STRING, &o->layers, 0, "layers of each rank (default: even)",
         "N,N,..."},
        {"chunk", 0, POPT_ARG_INT, &o->chunk, 0, "cut the prompt into chunks of N tokens", "N"},
        {"chunks", 0, POPT_ARG_STRING, &o->chunks, 0, "cut it into chunks of these lengths",
         "N,N,..."},
    };
    return append(at, options, sizeof options / sizeof options[0]);
}

static struct poptOption *append_sampling(jup_run_options_t *o, struct poptOption *at)
{
    const struct poptOption options[] = {
        {"temperature", 0, POPT_ARG_FLOAT, &o->temperature, 0, "0 picks the likeliest token (0)",
         "T"},
        {"top-k", 0, POPT_ARG_INT, &o->top_k, 0, "sample from the K likeliest; 0: all (40)", "K"},
        {"top-p", 0, POPT_ARG_FLOAT, &o->top_p, 0, "sample from the likeliest that sum to P (0.95)",
         "P"},
        {"min-p", 0, POPT_ARG_FLOAT, &o->min_p, 0,
         "leave out those less likely than P times the likeliest (0)", "P"},
        {"repeat-penalty", 0, POPT_ARG_FLOAT, &o->repeat_penalty, 0,
         "divide the logits of recent tokens by X (1)", "X"},
        {"repeat-last", 0, POPT_ARG_INT, &o->repeat_last, 0, "how many tokens are recent (64)",
         "N"},
        {"seed", 0, POPT_ARG_LONGLONG, &o->seed, 0, "seed of the sampling (1)", "N"},
    };
    return append(at, options, sizeof options / sizeof options[0]);
}

static struct poptOption *append_outputs(jup_run_options_t *o, struct poptOption *at)
{
    const struct poptOption options[] = {
        {"wire", 0, POPT_ARG_STRING, &o->wire_name, 0, "activations between ranks (f16)",
         "f16|f32"},
        {"kv", 0, POPT_ARG_STRING, &o->kv_name, 0, "KV cache (f16)", "f16|f32"},
        {"compute", 0, POPT_ARG_STRING, &o->compute, 0, "kernels (blas)", "blas|naive|phantom"},
        {"trace", 0, POPT_ARG_STRING, &o->trace, 0, "write a trace of the run", "FILE.h5"},
        {"logits", 0, POPT_ARG_STRING, &o->logits, 0,
         "write the logits of every position, (positions, vocabulary)", "FILE.npy"},
        {"logprobs", 0, POPT_ARG_INT, &o->logprobs, 0,
         "with --json or --questions: what the model thought of each token, and of the N likeliest",
         "N"},
        {"json", 0, POPT_ARG_NONE, &o->json, 0, "print answer and figures as JSON", NULL},
        {"tokens", 0, POPT_ARG_NONE, &o->print_tokens, 0, "print token ids instead of text", NULL},
        {"quiet", 'q', POPT_ARG_NONE, &o->quiet, 0, "only the answer", NULL},
        {"verbose", 'v', POPT_ARG_NONE, &o->verbose, 0, "say more", NULL},
        JUP_OPTION_WATCH(&o->watch_s),
    };
    return append(at, options, sizeof options / sizeof options[0]);
}

static jup_status_t parse(jup_run_options_t *o, int argc, const char **argv, jup_error_t *err)
{
    enum { MOST = 80 };
    struct poptOption table[MOST], *at = table;
    const struct poptOption last[] = {
        {NULL, 0, POPT_ARG_INCLUDE_TABLE, o->ask.table, 0, "Decoding:", NULL},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    at = append_prompt(o, at);
    at = append_division(o, at);
    at = append_sampling(o, at);
    at = append_outputs(o, at);
    if (o->ask.serve)
        at = jup_serve_options_append(&o->serve, at);
    at = append(at, last, sizeof last / sizeof last[0]);
    assert(at <= table + MOST);
    jup_run_lacks(argv[0], table);
    bool prompt = !o->ask.chat && !o->ask.serve;
    return jup_options_parse(&o->popt, argc, argv, table,
                             prompt ? "-m FILE [-p TEXT | -f FILE] [OPTIONS]" : "-m FILE [OPTIONS]",
                             false, err);
}

/* ---- checks -----------------------------------------------------------------------------------
 */

static jup_status_t check_sampling(const jup_run_options_t *o, jup_error_t *err)
{
    JUP_TRY(jup_check_float("--temperature", (double)o->temperature, 0, 100, err));
    JUP_TRY(jup_check_int("--top-k", o->top_k, 0, 1 << 30, err));
    JUP_TRY(jup_check_float("--top-p", (double)o->top_p, 1e-6, 1, err));
    JUP_TRY(jup_check_float("--min-p", (double)o->min_p, 0, 1, err));
    JUP_TRY(jup_check_float("--repeat-penalty", (double)o->repeat_penalty, 0.01, 100, err));
    return jup_check_int("--repeat-last", o->repeat_last, 0, 1 << 20, err);
}

static jup_status_t check_logprobs(const jup_run_options_t *o, jup_error_t *err)
{
    if (o->logprobs >= 0 && (o->ask.journal || o->ask.resume))
        return jup_fail(err, JUP_EINPUT,
                        "both --logprobs and %s are given; a journal keeps tokens alone: leave one "
                        "of them out",
                        o->ask.journal ? "--journal" : "--resume");
    if (o->logprobs == -1)
        return JUP_OK;
    JUP_TRY(jup_check_int("--logprobs", o->logprobs, 0, JUP_LIKELY, err));
    if (!o->json && !o->ask.questions)
        return jup_fail(
            err, JUP_EINPUT,
            "--logprobs stands in the answer's JSON; use it with --json or --questions");
    if (o->phantom)
        return jup_fail(err, JUP_EINPUT,
                        "--logprobs needs logits, and a phantom computes none; use -m FILE");
    return JUP_OK;
}

static jup_status_t check_serve(const jup_run_options_t *o, jup_error_t *err)
{
    if (!o->ask.serve)
        return JUP_OK;
    if (o->phantom)
        return jup_fail(err, JUP_EINPUT,
                        "--compute phantom does not go with serve: it says nothing");
    return jup_serve_options_check(&o->serve, err);
}

/* A phantom computes nothing, so it needs devices that say how long that takes. */
static jup_status_t check_phantom(jup_run_options_t *o, jup_error_t *err)
{
    bool phantom = o->phantom = o->shape || (o->compute && strcmp(o->compute, "phantom") == 0);
    if (phantom && !o->cluster)
        return jup_fail(err, JUP_EINPUT,
                        "a phantom needs the devices it stands for; use --cluster");
    if (o->shape && (o->compute && strcmp(o->compute, "phantom") != 0))
        return jup_fail(err, JUP_EINPUT, "--shape has no weights to compute with; use -m FILE");
    if (o->shape && !o->ask.script && jup_ask_wanted(&o->ask))
        return jup_fail(err, JUP_EINPUT,
                        "--shape has no tokens to speculate on or to outline with; say with "
                        "--script FILE.yaml what shall come of it");
    JUP_TRY(jup_check_type("--type", o->type_name, JUP_Q4_0, &o->type, err));
    return jup_check_int("--prompt-tokens", o->prompt_tokens, 1, 1 << 24, err);
}

/* What has no effect, or contradicts itself. A server's requests bring sampling and outlines with
 * them. */
static jup_status_t check_pairs(const jup_run_options_t *o, jup_error_t *err)
{
    static const char shape[] = ", which has no texts";
    static const jup_option_pair_t pairs[] = {
        {"shape", false, {"model"}, NULL},
        {"file", false, {"prompt"}, NULL},
        {"questions", false, {"prompt", "file"}, NULL},
        {"chunks", false, {"chunk"}, NULL},
        {"logits", false, {"resume"}, ": what is known is not computed again"},
        {"quiet", false, {"verbose"}, NULL},
        {"prompt", false, {"shape"}, ": its length is --prompt-tokens"},
        {"file", false, {"shape"}, ": the prompt's length is --prompt-tokens"},
        {"script", true, {"shape"}, NULL},
        {"journal", false, {"shape"}, ", which has no tokens to keep"},
        {"resume", false, {"shape"}, ", which has no tokens to keep"},
        {"type", true, {"shape"}, NULL},
        {"special", false, {"shape"}, shape},
        {"stop", false, {"shape"}, shape},
        {"no-bos", false, {"shape"}, shape},
        {"logits", false, {"shape"}, ", which computes none"},
        {"temperature", false, {"shape"}, ", which computes nothing to sample from"},
        {"generate", false, {"script"}, ", whose file says it"},
        {"exchange", true, {"strategy", "plan", "auto"}, NULL},
        {"max-points", true, {"outline"}, NULL},
        {"parallel", true, {"questions", "script"}, NULL},
        {"typical", true, {"speculate", "heads"}, NULL},
        {"repeat-last", true, {"repeat-penalty"}, NULL},
        {"top-k", true, {"temperature"}, NULL},
        {"top-p", true, {"temperature"}, NULL},
        {"min-p", true, {"temperature"}, NULL},
        {"seed", true, {"temperature"}, NULL},
    };
    static const jup_option_pair_t made_up[] = {{"prompt-tokens", true, {"shape"}, NULL},
                                                {"prompt-tokens", false, {"script"}, NULL}};
    if (o->ask.serve)
        return JUP_OK;
    JUP_TRY(jup_options_check_pairs(&o->popt, pairs, sizeof pairs / sizeof pairs[0], err));
    if (!o->ask.bench)
        JUP_TRY(jup_options_check_pairs(&o->popt, made_up, 2, err));
    if (o->json && o->ask.questions && !o->ask.results)
        return jup_fail(
            err, JUP_EINPUT,
            "--json has figures of the whole run, --questions prints answers, which are "
            "JSON by themselves; leave out --json, or add --results FILE for them");
    return JUP_OK;
}

/* Standard output has the answer. */
static jup_status_t check_apart(const char *option, const char *path, jup_error_t *err)
{
    if (!path || strcmp(path, "-") != 0)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT, "%s is '-', but standard output has the answer; name a file",
                    option);
}

static jup_status_t check(jup_run_options_t *o, jup_error_t *err)
{
    JUP_TRY(check_apart("--trace", o->trace, err));
    JUP_TRY(check_apart("--logits", o->logits, err));
    if (!o->model && !o->shape)
        return jup_fail(err, JUP_EINPUT, "no model given; use -m FILE");
    JUP_TRY(check_pairs(o, err));
    JUP_TRY(jup_check_int("-n", o->generate, 0, MOST_GENERATED, err));
    JUP_TRY(jup_check_int("--context", o->context, 0, 1 << 28, err));
    JUP_TRY(jup_check_watch(o->watch_s, err));
    JUP_TRY(jup_check_int("--threads", o->threads, 0, 1024, err));
    JUP_TRY(jup_check_int("--chunk", o->chunk, 0, 1 << 20, err));
    JUP_TRY(jup_check_half_or_single("--wire", o->wire_name, &o->wire, err));
    JUP_TRY(jup_check_half_or_single("--kv", o->kv_name, &o->kv_dtype, err));
    JUP_TRY(jup_check_exchange(o->exchange_name, &o->exchange, err));
    if (o->compute && !jup_ops_by_name(o->compute))
        return jup_fail(err, JUP_EINPUT, "--compute is '%s', must be blas, naive or phantom",
                        o->compute);
    JUP_TRY(check_phantom(o, err));
    JUP_TRY(check_logprobs(o, err));
    JUP_TRY(check_serve(o, err));
    for (char **stop = o->stops; stop && *stop; stop++)
        if (!**stop)
            return jup_fail(err, JUP_EINPUT, "--stop is empty; give the text to stop before");
    JUP_TRY(jup_ask_options_check(&o->ask, err));
    if (o->logits && jup_ask_wanted(&o->ask))
        return jup_fail(err, JUP_EINPUT,
                        "--logits goes with plain decoding of one prompt; leave out --outline, "
                        "--speculate and --questions");
    return check_sampling(o, err);
}

/* A text is read: nothing is answered, and all logits come, a chunk's at a time. */
static void fit_reading(jup_run_options_t *o)
{
    enum { CHUNK = 64 };
    o->generate = 0;
    if (!o->chunk && !o->chunks)
        o->chunk = CHUNK;
}

jup_status_t jup_run_options_parse(jup_run_options_t *o, int argc, const char **argv,
                                   jup_error_t *err)
{
    bool chat = strcmp(argv[0], "chat") == 0;
    set_defaults(o, chat);
    jup_ask_options_init(&o->ask);
    jup_serve_options_init(&o->serve);
    o->ask.chat = chat;
    o->ask.serve = strcmp(argv[0], "serve") == 0;
    o->ask.perplexity = strcmp(argv[0], "perplexity") == 0;
    o->ask.bench = strcmp(argv[0], "bench") == 0;
    JUP_TRY(parse(o, argc, argv, err));
    if (o->popt.help)
        return JUP_OK;
    JUP_TRY(check(o, err));
    if (o->ask.perplexity)
        fit_reading(o);
    return JUP_OK;
}

void jup_run_options_reset(jup_run_options_t *o)
{
    char *const texts[] = {o->model,   o->prompt,   o->prompt_file, o->layers,
                           o->chunks,  o->shape,    o->type_name,   o->cluster,
                           o->plan,    o->strategy, o->wire_name,   o->kv_name,
                           o->compute, o->trace,    o->logits,      o->exchange_name};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    for (char **stop = o->stops; stop && *stop; stop++)
        free(*stop);
    free(o->stops);
    jup_serve_options_reset(&o->serve);
    jup_ask_options_reset(&o->ask);
    jup_options_reset(&o->popt);
}

jup_sampling_t jup_run_options_sampling(const jup_run_options_t *o)
{
    return (jup_sampling_t){
        .temperature = o->temperature,
        .top_k = o->top_k,
        .top_p = o->top_p,
        .min_p = o->min_p,
        .repeat_penalty = o->repeat_penalty,
        .repeat_last = o->repeat_last,
        .seed = (uint64_t)o->seed,
    };
}
