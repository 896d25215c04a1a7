/* jupiter bench: one session after the other, each with another strategy, chunk or threads. */
#include "app/bench_report.h"
#include "app/claims.h"
#include "app/commands.h"
#include "base/mem.h"
#include "base/output.h"
#include "comm/collect.h"
#include "job/division.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 64, NUMBER = 16 };

typedef struct list {
    int32_t *numbers;
    int32_t n;
} list_t;

typedef struct bench_options {
    jup_options_t popt;
    char *model, *prompts, *answers, *strategies, *chunks, *threads, *format, *output, *peer;
    int repeats, warm_up;
    list_t prompt, answer, chunk, thread;
    char *list, *names[MOST_WORDS]; /* of strategies; in the list */
    int32_t n_names;
    const char *further[MOST_WORDS]; /* what goes to each run */
    int32_t n_further;
    int32_t longest_prompt, longest_answer;
} bench_options_t;

/* ---- options --------------------------------------------------------------------------------- */

static jup_status_t parse(bench_options_t *o, int argc, const char **argv, jup_error_t *err)
{
    const struct poptOption table[] = {
        {"model", 'm', POPT_ARG_STRING, &o->model, 0, "the model, a GGUF file", "FILE"},
        {"prompt-tokens", 'p', POPT_ARG_STRING, &o->prompts, 0,
         "prompts of these lengths; 0: none (512)", "N,N,..."},
        {"generate", 'n', POPT_ARG_STRING, &o->answers, 0,
         "answers of these lengths; 0: none (128)", "N,N,..."},
        {"strategy", 0, POPT_ARG_STRING, &o->strategies, 0, "these strategies (jupiter)",
         "NAME,NAME,..."},
        {"chunk", 0, POPT_ARG_STRING, &o->chunks, 0,
         "prompts in chunks of these lengths; 0: as a run cuts them (0)", "N,N,..."},
        {"threads", 't', POPT_ARG_STRING, &o->threads, 0, "threads per rank; 0: as a run takes (0)",
         "N,N,..."},
        {"repeat", 'r', POPT_ARG_INT, &o->repeats, 0, "times each test is done (5)", "N"},
        {"warm-up", 0, POPT_ARG_INT, &o->warm_up, 0, "times before that, not counted (1)", "N"},
        {"peer", 0, POPT_ARG_STRING, &o->peer, 0, "a llama-bench to run in turn", "FILE"},
        {"format", 0, POPT_ARG_STRING, &o->format, 0, "of the table (md)", "md|csv|json"},
        {"output", 'o', POPT_ARG_STRING, &o->output, 0, "write here (default: standard output)",
         "FILE"},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    o->repeats = 5;
    o->warm_up = 1;
    return jup_options_parse(&o->popt, argc, argv, table,
                             "-m FILE [OPTIONS] [-- OPTIONS OF EACH RUN]", true, err);
}

static jup_status_t take_list(const char *option, const char *text, const char *usual, int32_t most,
                              list_t *list, jup_error_t *err)
{
    return jup_division_numbers(option, text ? text : usual, 0, most, &list->numbers, &list->n,
                                err);
}

/* Lengths without the zeros, which say that there are none. */
static int32_t longest_of(list_t *list)
{
    int32_t n = 0, longest = 0;
    for (int32_t i = 0; i < list->n; i++) {
        if (list->numbers[i] > 0)
            list->numbers[n++] = list->numbers[i];
        longest = list->numbers[i] > longest ? list->numbers[i] : longest;
    }
    list->n = n;
    return longest;
}

static jup_status_t take_lists(bench_options_t *o, jup_error_t *err)
{
    enum { LONGEST = 1 << 20, THREADS = 1024 };
    JUP_TRY(take_list("-p", o->prompts, "512", LONGEST, &o->prompt, err));
    JUP_TRY(take_list("-n", o->answers, "128", LONGEST, &o->answer, err));
    JUP_TRY(take_list("--chunk", o->chunks, "0", LONGEST, &o->chunk, err));
    JUP_TRY(take_list("--threads", o->threads, "0", THREADS, &o->thread, err));
    o->longest_prompt = longest_of(&o->prompt);
    o->longest_answer = longest_of(&o->answer);
    if (o->prompt.n + o->answer.n == 0)
        return jup_fail(err, JUP_EINPUT, "-p and -n are 0: there is nothing to time");
    return JUP_OK;
}

static jup_status_t take_strategies(bench_options_t *o, jup_error_t *err)
{
    o->list = jup_strdup(o->strategies ? o->strategies : "jupiter");
    for (char *name = strtok(o->list, ","); name; name = strtok(NULL, ",")) {
        if (o->n_names == MOST_WORDS)
            return jup_fail(err, JUP_EINPUT, "--strategy names more than %d", MOST_WORDS);
        o->names[o->n_names++] = name;
    }
    return o->n_names ? JUP_OK : jup_fail(err, JUP_EINPUT, "--strategy names none");
}

/* What each run has from the bench would be another than the table says. */
static jup_status_t check_further(const bench_options_t *o, jup_error_t *err)
{
    static const char *const own[] = {"help",     "model", "prompt-tokens", "generate",
                                      "strategy", "chunk", "threads",       NULL};
    const char *words[MOST_WORDS + 1] = {"bench"};
    memcpy(words + 1, o->further, (size_t)o->n_further * sizeof *words);
    for (const char *const *name = own; *name; name++)
        if (jup_option_is_given(o->popt.table, o->n_further + 1, words, *name))
            return jup_fail(err, JUP_EINPUT, "--%s is the bench's own; give it before the --",
                            *name);
    return JUP_OK;
}

static jup_status_t take_words(bench_options_t *o, jup_error_t *err)
{
    const char *word;
    while ((word = poptGetArg(o->popt.context))) {
        if (o->n_further == MOST_WORDS)
            return jup_fail(err, JUP_EINPUT, "more than %d words behind --", MOST_WORDS);
        o->further[o->n_further++] = word;
    }
    return check_further(o, err);
}

static jup_status_t check(bench_options_t *o, jup_error_t *err)
{
    if (!o->model)
        return jup_fail(err, JUP_EINPUT, "no model given; use -m FILE");
    if (o->format && !jup_bench_knows(o->format))
        return jup_fail(err, JUP_EINPUT, "--format is '%s', must be md, csv or json", o->format);
    JUP_TRY(jup_check_int("--repeat", o->repeats, 1, 10000, err));
    JUP_TRY(jup_check_int("--warm-up", o->warm_up, 0, 10000, err));
    JUP_TRY(take_lists(o, err));
    JUP_TRY(take_strategies(o, err));
    JUP_TRY(take_words(o, err));
    const jup_output_claim_t claims[] = {
        {"-m", o->model, false}, {"--peer", o->peer, false}, {"-o", o->output, true}};
    return jup_claims_check(claims, sizeof claims / sizeof claims[0], err);
}

static void reset(bench_options_t *o)
{
    char *const texts[] = {o->model,   o->prompts, o->answers, o->strategies, o->chunks,
                           o->threads, o->format,  o->output,  o->peer};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]); /* popt's, not ours */
    int32_t *const lists[] = {o->prompt.numbers, o->answer.numbers, o->chunk.numbers,
                              o->thread.numbers};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        jup_free(lists[i]);
    jup_free(o->list);
    jup_options_reset(&o->popt);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static int32_t count_sessions(const bench_options_t *o)
{
    return o->n_names * o->chunk.n * o->thread.n;
}

/* The words of one session's run, which is then like any other. */
static int words_of(const bench_options_t *o, const jup_bench_row_t *now, char numbers[4][NUMBER],
                    const char **argv)
{
    const int32_t values[4] = {o->longest_prompt > 0 ? o->longest_prompt : 1, o->longest_answer + 1,
                               now->threads, now->chunk};
    for (int i = 0; i < 4; i++)
        snprintf(numbers[i], NUMBER, "%d", values[i]);
    const char *const words[] = {"bench",           "-m",       o->model,    "--strategy",
                                 now->strategy,     "-q",       "--threads", numbers[2],
                                 "--prompt-tokens", numbers[0], "-n",        numbers[1]};
    int n = (int)(sizeof words / sizeof words[0]);
    memcpy(argv, words, sizeof words);
    if (now->chunk) {
        argv[n++] = "--chunk";
        argv[n++] = numbers[3];
    }
    for (int32_t i = 0; i < o->n_further; i++)
        argv[n++] = o->further[i];
    return n;
}

static jup_status_t run_session(jup_comm_t *comm, const bench_options_t *o, int32_t session,
                                jup_bench_t *bench, jup_error_t *err)
{
    jup_run_way_t way = jup_bench_way;
    const char *argv[2 * MOST_WORDS];
    char numbers[4][NUMBER];
    int argc = 0;
    way.user = bench;
    if (comm->rank == 0) {
        bench->now = (jup_bench_row_t){
            .ranks = comm->size,
            .strategy = o->names[session / (o->chunk.n * o->thread.n)],
            .chunk = o->chunk.numbers[session / o->thread.n % o->chunk.n],
            .threads = o->thread.numbers[session % o->thread.n],
        };
        argc = words_of(o, &bench->now, numbers, argv);
    }
    return jup_run_once(comm, argc, argv, &way, err);
}

static jup_status_t run_all(jup_comm_t *comm, const bench_options_t *o, jup_bench_t *bench,
                            jup_error_t *err)
{
    int32_t sessions = comm->rank == 0 ? count_sessions(o) : 0;
    jup_comm_share_fixed(comm, &sessions, sizeof sessions);
    for (int32_t i = 0; i < sessions; i++)
        JUP_TRY(run_session(comm, o, i, bench, err));
    return JUP_OK;
}

static jup_status_t write_table(const bench_options_t *o, const jup_bench_t *bench,
                                jup_error_t *err)
{
    jup_output_t out;
    JUP_TRY(jup_output_open(&out, o->output, err));
    jup_bench_report(out.file, o->format ? o->format : "md", bench);
    return jup_output_close(&out, err);
}

/* Rank 0 alone has options; help leaves nothing to run. */
static jup_status_t prepare(jup_comm_t *comm, int argc, const char **argv, bench_options_t *o,
                            bool *help, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    int32_t asked = 0;
    if (comm->rank == 0) {
        status = parse(o, argc, argv, err);
        asked = o->popt.help;
        if (status == JUP_OK && asked)
            jup_options_print_help(&o->popt);
        else if (status == JUP_OK)
            status = check(o, err);
    }
    JUP_TRY(jup_comm_agree(comm, status, err));
    jup_comm_share_fixed(comm, &asked, sizeof asked);
    *help = asked != 0;
    return JUP_OK;
}

int jup_cmd_bench(int argc, const char **argv)
{
    bench_options_t o = {0};
    jup_comm_t comm;
    jup_error_t err;
    bool help = false;
    jup_status_t status = jup_comm_open_mpi(&comm, argv[0], jup_options_watch_s(argc, argv), &err);
    if (status == JUP_OK)
        status = prepare(&comm, argc, argv, &o, &help, &err);
    jup_bench_t bench = {
        .model = o.model,
        .peer = o.peer,
        .prompts = o.prompt.numbers,
        .n_prompts = o.prompt.n,
        .answers = o.answer.numbers,
        .n_answers = o.answer.n,
        .repeats = o.repeats,
        .warm_up = o.warm_up,
    };
    if (status == JUP_OK && !help)
        status = run_all(&comm, &o, &bench, &err);
    if (status == JUP_OK && !help && comm.rank == 0)
        status = write_table(&o, &bench, &err);
    status = jup_comm_agree(&comm, status, &err);
    if (status != JUP_OK && comm.rank == 0)
        jup_report(&err);
    jup_bench_reset(&bench);
    reset(&o);
    jup_comm_close(&comm);
    return (int)status;
}
