#include "app/setup.h"

#include "app/claims.h"
#include "app/run_journal.h"
#include "base/checked.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/output.h"
#include "base/terminal.h"
#include "comm/collect.h"
#include "io/digest.h"
#include "io/model_file.h"
#include "io/piece.h"
#include "io/slice.h"
#include "io/text_file.h"
#include "job/derive.h"
#include "job/division.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what is asked --------------------------------------------------------------------------- */

static jup_status_t read_prompt(const jup_setup_t *setup, char **text, size_t *length,
                                jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    int32_t context = jup_setup_context(setup);
    char why[80];
    if (o->prompt) {
        *text = jup_strdup(o->prompt);
        *length = strlen(o->prompt);
        return JUP_OK;
    }
    if (!o->prompt_file && jup_terminal_is_at(STDIN_FILENO) && !o->quiet)
        fprintf(stderr, "Type the prompt and end it with Ctrl-D (or use -p TEXT):\n");
    if (o->ask.perplexity)
        return jup_text_read(o->prompt_file ? o->prompt_file : "-", JUP_TEXT_MOST_BYTES,
                             "more than is read at a time", text, length, err);
    snprintf(why, sizeof why, "more than the context of %d tokens can hold", context);
    return jup_text_read(o->prompt_file ? o->prompt_file : "-", jup_text_most_bytes(context), why,
                         text, length, err);
}

/* A prompt that is taken as it is. */
static jup_status_t take_prompt(jup_setup_t *setup, jup_error_t *err)
{
    char *text;
    size_t length;
    const jup_run_options_t *o = &setup->options;
    JUP_TRY(read_prompt(setup, &text, &length, err));
    jup_status_t status = jup_tokenizer_encode(setup->tokenizer, (jup_text_t){text, length},
                                               (o->no_bos ? 0u : JUP_ENCODE_BOS) |
                                                   (o->special ? JUP_ENCODE_SPECIAL : 0u),
                                               &setup->prompt, err);
    setup->prompt_is_empty = length == 0;
    jup_questions_add(&setup->questions, "1", "", text);
    jup_free(text);
    if (status == JUP_OK && setup->prompt.count == 0)
        return jup_fail(err, JUP_EINPUT,
                        "the prompt is empty and this model puts no token in "
                        "front; give a prompt with -p or -f");
    return status;
}

static jup_status_t take_questions(jup_setup_t *setup, jup_error_t *err)
{
    char *text;
    size_t length;
    const jup_run_options_t *o = &setup->options;
    JUP_TRY(jup_prompts_choose(&setup->prompts, setup->gguf, o->ask.prompts, o->ask.system, err));
    setup->prompts.typed = o->special;
    if (o->ask.chat || o->ask.serve)
        return JUP_OK;
    if (o->ask.questions)
        return jup_questions_read(&setup->questions, o->ask.questions, err);
    JUP_TRY(read_prompt(setup, &text, &length, err));
    jup_questions_add(&setup->questions, "1", "", text);
    jup_free(text);
    return JUP_OK;
}

/* A text to read: windows of --context, or of a usual length. */
static jup_status_t take_windows(jup_setup_t *setup, jup_error_t *err)
{
    enum { USUAL_WINDOW = 512, LEAST = 4 };
    const jup_run_options_t *o = &setup->options;
    const jup_tokenizer_t *t = setup->tokenizer;
    int32_t text = (int32_t)setup->prompt.count;
    int32_t size =
        o->context ? o->context : (int32_t)jup_min_i64(USUAL_WINDOW, setup->config.context);
    if (text < LEAST || size < LEAST)
        return jup_fail(err, JUP_EINPUT,
                        "the text has %d tokens, --context is %d; both must be %d or more", text,
                        size, LEAST);
    setup->windows = (jup_windows_t){
        .text = &setup->prompt,
        .size = (int32_t)jup_min_i64(size, text),
        .begin = jup_tokenizer_adds_bos(t) && !o->no_bos ? jup_tokenizer_bos(t) : -1,
    };
    setup->source = jup_windows_source(&setup->windows);
    return JUP_OK;
}

/* What is timed says nothing: any tokens do. */
static jup_status_t make_up_tokens(jup_setup_t *setup)
{
    setup->prompt.count = (size_t)setup->options.prompt_tokens;
    setup->prompt.ids = jup_new(setup->prompt.count, sizeof *setup->prompt.ids);
    jup_questions_add(&setup->questions, "1", "", "");
    return JUP_OK;
}

static jup_status_t read_model(jup_setup_t *setup, jup_error_t *err)
{
    char path[PATH_MAX];
    JUP_TRY(jup_slice_path(setup->options.model, 0, path, sizeof path, err));
    JUP_TRY(jup_gguf_open(path, &setup->gguf, err));
    JUP_TRY(jup_model_file_config(setup->gguf, &setup->config, err));
    JUP_TRY(jup_tokenizer_new(setup->gguf, &setup->tokenizer, err));
    bool raw = !jup_ask_takes_questions(&setup->options.ask);
    JUP_TRY(setup->options.ask.bench ? make_up_tokens(setup)
            : raw                    ? take_prompt(setup, err)
                                     : take_questions(setup, err));
    const jup_run_options_t *o = &setup->options;
    setup->picking =
        (jup_picking_t){.sampling = jup_run_options_sampling(o), .told = 1, .likely = o->logprobs};
    setup->texts = (jup_texts_t){
        .questions = &setup->questions,
        .prompts = &setup->prompts,
        .tokenizer = setup->tokenizer,
        .raw = raw ? &setup->prompt : NULL,
        .mode = o->ask.outline,
        .generate = o->generate,
        .picking = o->logprobs >= 0 ? &setup->picking : NULL,
        .max_points = o->ask.max_points,
        .context = jup_setup_context(setup),
    };
    setup->source = jup_texts_source(&setup->texts);
    return setup->options.ask.perplexity ? take_windows(setup, err) : JUP_OK;
}

/* A shape has no tokenizer, and its phantom does not care what the tokens are. */
static jup_status_t make_up_prompt(jup_setup_t *setup, jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    if (o->ask.script) {
        JUP_TRY(jup_script_read(&setup->script, o->ask.script, err));
        if (o->ask.early_points && !setup->script.model.n_titles)
            return jup_fail(err, JUP_EINPUT,
                            "--early-points has no effect without titles in '%s', which say when a "
                            "line of an outline is written",
                            o->ask.script);
        setup->script.model.vocab = setup->config.vocab;
        setup->source = jup_lengths_source(&setup->script);
        return JUP_OK;
    }
    JUP_TRY(make_up_tokens(setup));
    setup->texts = (jup_texts_t){
        .questions = &setup->questions, .raw = &setup->prompt, .generate = o->generate};
    setup->source = jup_texts_source(&setup->texts);
    return JUP_OK;
}

/* ---- the job --------------------------------------------------------------------------------- */

int32_t jup_setup_context(const jup_setup_t *setup)
{
    if (setup->script.n)
        return INT32_MAX; /* nothing is computed that could end there */
    return setup->options.context ? setup->options.context : setup->config.context;
}

static char *copy(const char *text)
{
    return text ? jup_strdup(text) : NULL;
}

static void name_model(const jup_setup_t *setup, jup_job_t *job)
{
    const jup_run_options_t *o = &setup->options;
    job->model = copy(o->model);
    job->shape = copy(o->shape);
    job->weights = o->type;
    job->blocks = setup->gguf ? jup_piece_blocks(setup->gguf) : jup_part_blocks(o->type, o->type);
    job->cluster = copy(o->phantom ? o->cluster : NULL);
    job->compute = jup_strdup(o->shape ? "phantom" : o->compute ? o->compute : "blas");
    job->threads = o->threads;
    job->wire = o->wire;
    job->exchange = o->exchange;
    job->every_row = o->every_row;
    job->kv_dtype = o->kv_dtype;
    job->log_level = o->quiet ? JUP_LOG_QUIET : o->verbose ? JUP_LOG_VERBOSE : JUP_LOG_NORMAL;
    job->record = o->trace != NULL;
}

static void name_guessing(const jup_ask_options_t *o, jup_guessing_t *guessing)
{
    *guessing = (jup_guessing_t){
        .lookup = o->lookup,
        .medusa = o->medusa,
        .model = o->model,
        .heads = copy(o->medusa ? o->heads : NULL),
        .draft = copy(o->model ? o->draft : NULL),
        .accuracy = copy(o->accuracy),
        .nodes = o->nodes,
        .chain = o->chain,
        .no_cancel = o->no_cancel,
    };
}

/* A script's own, or that of the outlines that are asked for. */
static void name_form(const jup_setup_t *setup, jup_form_t *form)
{
    const jup_ask_options_t *o = &setup->options.ask;
    if (setup->script.n && setup->script.form)
        jup_scripted_form(&setup->script.model, form);
    else if (o->form && o->outline != JUP_OUTLINE_OFF)
        jup_texts_form(&setup->texts, form);
}

/* The longest prompt that can be asked. */
static jup_status_t find_longest(jup_setup_t *setup, int32_t context, int32_t *longest,
                                 jup_error_t *err)
{
    enum { USUAL_TURN = 512 }; /* of a conversation, whose lines are not known */
    if (setup->script.n)
        *longest = jup_script_longest_prompt(&setup->script);
    else if (setup->options.ask.perplexity)
        *longest = setup->windows.size;
    else if (setup->options.ask.chat || setup->options.ask.serve)
        *longest = (int32_t)jup_min_i64(USUAL_TURN, (context + 1) / 2);
    else
        JUP_TRY(jup_texts_longest(&setup->texts, INT32_MAX, longest, err));
    if (*longest > context && setup->questions.n > 1)
        JUP_TRY(jup_texts_longest(&setup->texts, context, longest, err));
    return JUP_OK;
}

/* Prompt and answer must fit into the context; what the user did not fix is made to fit. */
static jup_status_t fit_context(jup_setup_t *setup, jup_job_t *job, jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    int32_t context = jup_setup_context(setup), longest;
    if (o->context > setup->config.context)
        jup_warn("--context %d is more than the %d tokens the model was trained with", o->context,
                 setup->config.context);
    JUP_TRY(find_longest(setup, context, &longest, err));
    if (longest > context || (longest == context && o->generate > 0) || longest == 0)
        return jup_fail(err, JUP_EINPUT,
                        "the prompt has %d tokens, the context has room for %d; shorten the "
                        "prompt%s",
                        longest, context, o->context ? " or raise --context" : "");
    enum { USUAL_ANSWER = 256 }; /* of a conversation, where nothing bounds it */
    int64_t generate = o->ask.chat ? jup_min_i64(o->generate, USUAL_ANSWER) : o->generate;
    if (setup->script.n)
        generate = jup_script_longest_sequence(&setup->script) - longest;
    job->prompt_tokens = longest;
    job->generate = (int32_t)jup_min_i64(generate, context - longest);
    job->longest = o->ask.chat || o->ask.serve ? context : longest + job->generate;
    return JUP_OK;
}

/* Everything but the division and what follows from it. */
static jup_status_t begin_job(jup_setup_t *setup, jup_job_t *job, jup_error_t *err)
{
    name_model(setup, job);
    if (setup->gguf)
        JUP_TRY(jup_digest(setup->gguf, &job->digest, err));
    name_guessing(&setup->options.ask, &job->guessing);
    name_form(setup, &job->guessing.form);
    return fit_context(setup, job, err);
}

/* What the plan is made for: an outline and its points, of the script's longest request or as
 * usual. */
static void wish_outline(const jup_setup_t *setup, jup_wishes_t *wishes)
{
    enum { USUAL_POINTS = 4, USUAL_OUTLINE = 32 };
    const jup_run_options_t *o = &setup->options;
    wishes->branches = 1;
    if (o->ask.outline != JUP_OUTLINE_OFF) {
        wishes->branches = USUAL_POINTS;
        wishes->outline = USUAL_OUTLINE;
        wishes->points = USUAL_POINTS * o->generate;
    }
    for (int32_t i = 0; i < setup->script.n; i++) {
        const jup_script_request_t *r = &setup->script.requests[i];
        int32_t points = jup_script_points(r);
        if (r->outline + points <= wishes->outline + wishes->points)
            continue;
        wishes->branches = r->n_points;
        wishes->outline = r->outline;
        wishes->points = points;
    }
}

static jup_wishes_t wishes_of(const jup_setup_t *setup)
{
    const jup_run_options_t *o = &setup->options;
    jup_wishes_t wishes = {
        .layers = o->layers,
        .chunks = o->chunks,
        .chunk = o->chunk,
        .plan = o->plan,
        .cluster = !o->phantom || o->automatic ? o->cluster : NULL,
        .strategy = o->strategy,
        .automatic = o->automatic,
        .quiet = o->quiet,
        .guesses = o->ask.medusa || o->ask.model || setup->script.model.depth > 0,
    };
    wish_outline(setup, &wishes);
    return wishes;
}

/* Requests may be any, and as many as come. */
static void demand_all(jup_demand_t *d, const jup_setup_t *setup)
{
    enum { USUAL = 16 };
    d->questions = INT32_MAX;
    d->parallel = d->parallel ? d->parallel : USUAL;
    d->trunk_tokens = jup_setup_context(setup);
    d->any_sampling = d->told = true;
}

static jup_demand_t demand_of(const jup_setup_t *setup, const jup_job_t *job)
{
    const jup_run_options_t *o = &setup->options;
    jup_demand_t d = {
        .questions = o->ask.chat ? 1 : setup->source.questions,
        .parallel = o->ask.perplexity ? 1 : o->ask.parallel,
        .branches = 1,
        .trunk_tokens = job->prompt_tokens + job->generate,
        .whole_context = o->ask.chat,
        .window = o->ask.window,
        .logits = o->logits != NULL || o->ask.perplexity,
        .told = o->logprobs >= 0,
        .sampling = jup_run_options_sampling(o),
        .typical = {.epsilon = o->ask.typical, .delta = 0.3f},
        .scripted = setup->script.model,
    };
    if (o->ask.serve)
        demand_all(&d, setup);
    if (setup->script.n) {
        jup_lengths_most(&setup->script, &d.branches, &d.trunk_tokens, &d.branch_tokens);
    } else if (o->ask.outline != JUP_OUTLINE_OFF) {
        d.branches = o->ask.max_points + 1; /* or a plain answer */
        d.trunk_tokens = job->prompt_tokens + JUP_OUTLINE_TOKENS;
        d.branch_tokens = job->generate + JUP_HEADING_TOKENS;
    }
    return d;
}

/* ---- in order -------------------------------------------------------------------------------- */

/* Before anything is read or computed. */
static jup_status_t check_outputs(const jup_run_options_t *o, jup_error_t *err)
{
    const jup_output_claim_t claims[] = {
        {"--model", o->model, false},
        {"--file", o->prompt_file, false},
        {"--questions", o->ask.questions, false},
        {"--draft", o->ask.draft, false},
        {"--heads", o->ask.heads, false},
        {"--accuracy", o->ask.accuracy, false},
        {"--prompts", o->ask.prompts, false},
        {"--script", o->ask.script, false},
        {"--cluster", o->cluster, false},
        {"--plan", o->plan, false},
        {"--trace", o->trace, true},
        {"--logits", o->logits, true},
        {"--results", o->ask.results, true},
        {"--journal", o->ask.journal, true},
        {"--resume", o->ask.resume, true},
    };
    return jup_claims_check(claims, sizeof claims / sizeof claims[0], err);
}

static jup_status_t prepare_on_root(int argc, const char **argv, jup_setup_t *setup, jup_job_t *job,
                                    bool *help, jup_error_t *err)
{
    jup_run_options_t *o = &setup->options;
    JUP_TRY(jup_run_options_parse(o, argc, argv, err));
    if (o->popt.help) {
        *help = true;
        jup_options_print_help(&o->popt);
        return JUP_OK;
    }
    JUP_TRY(check_outputs(o, err));
    if (o->shape)
        JUP_TRY(jup_job_shape(o->shape, &setup->config, err));
    JUP_TRY(o->shape ? make_up_prompt(setup, err) : read_model(setup, err));
    return begin_job(setup, job, err);
}

static jup_status_t finish_job(jup_comm_t *comm, jup_setup_t *setup, jup_job_t *job,
                               jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    const jup_wishes_t wishes = comm->rank == 0 ? wishes_of(setup) : (jup_wishes_t){0};
    JUP_TRY(jup_division_make(comm, &wishes, setup->gguf, &setup->config, job, err));
    if (comm->rank == 0) {
        const jup_demand_t demand = demand_of(setup, job);
        jup_job_derive(job, &setup->config, &demand);
        status = jup_run_journal_prepare(setup, job, err);
    }
    JUP_TRY(jup_comm_agree(comm, status, err));
    JUP_TRY(jup_job_share(comm, job, err));
    jup_job_number_ranks(job, comm);
    return JUP_OK;
}

jup_status_t jup_setup_prepare(jup_comm_t *comm, int argc, const char **argv, jup_setup_t *setup,
                               jup_job_t *job, bool *help, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    int32_t stop_here = 0;
    if (comm->rank == 0) {
        status = prepare_on_root(argc, argv, setup, job, help, err);
        stop_here = *help;
    }
    JUP_TRY(jup_comm_agree(comm, status, err));
    jup_comm_share_fixed(comm, &stop_here, sizeof stop_here);
    *help = stop_here != 0;
    return *help ? JUP_OK : finish_job(comm, setup, job, err);
}

void jup_setup_reset(jup_setup_t *setup)
{
    jup_keep_close(&setup->keep, NULL);
    jup_script_reset(&setup->script);
    jup_questions_reset(&setup->questions);
    jup_prompts_reset(&setup->prompts);
    jup_tokens_reset(&setup->prompt);
    jup_tokenizer_destroy(setup->tokenizer);
    jup_gguf_close(setup->gguf);
    jup_run_options_reset(&setup->options);
    memset(setup, 0, sizeof *setup);
}
