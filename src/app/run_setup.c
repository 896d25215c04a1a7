#include "app/run_setup.h"

#include "app/run_plan.h"
#include "base/checked.h"
#include "base/log.h"
#include "base/mem.h"
#include "comm/collect.h"
#include "io/model_file.h"
#include "io/slice.h"
#include "io/text_file.h"
#include "job/division.h"
#include "trace/run_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static jup_status_t read_prompt(const jup_run_options_t *o, char **text, size_t *length,
                                jup_error_t *err)
{
    if (o->prompt) {
        *text = jup_strdup(o->prompt);
        *length = strlen(o->prompt);
        return JUP_OK;
    }
    if (!o->prompt_file && isatty(STDIN_FILENO) && !o->quiet)
        fprintf(stderr, "Type the prompt and end it with Ctrl-D (or use -p TEXT):\n");
    return jup_text_read(o->prompt_file ? o->prompt_file : "-", text, length, err);
}

static jup_status_t tokenize_prompt(jup_run_setup_t *setup, jup_error_t *err)
{
    char *text;
    size_t length;
    const jup_run_options_t *o = &setup->options;
    JUP_TRY(read_prompt(o, &text, &length, err));
    jup_status_t status = jup_tokenizer_encode(setup->tokenizer, (jup_text_t){text, length},
                                               (o->no_bos ? 0u : JUP_ENCODE_BOS) |
                                                   (o->special ? JUP_ENCODE_SPECIAL : 0u),
                                               &setup->prompt, err);
    setup->prompt_is_empty = length == 0;
    if (jup_ask_wanted(&o->ask))
        jup_ask_prepare_raw(&setup->ask, text);
    jup_free(text);
    if (status == JUP_OK && setup->prompt.count == 0)
        return jup_fail(err, JUP_EINPUT,
                        "the prompt is empty and this model puts no token in "
                        "front; give a prompt with -p or -f");
    return status;
}

static jup_status_t read_questions(jup_run_setup_t *setup, jup_error_t *err)
{
    char *text = NULL;
    size_t length;
    const jup_run_options_t *o = &setup->options;
    if (!o->ask.questions && !o->ask.chat)
        JUP_TRY(read_prompt(o, &text, &length, err));
    jup_status_t status = jup_ask_prepare(&setup->ask, &o->ask, text ? text : "", setup->gguf,
                                          setup->tokenizer, &setup->prompt, err);
    jup_free(text);
    return status;
}

/* Prompt and answer must fit into the context; what the user did not fix is made to fit. */
static jup_status_t fit_context(jup_run_setup_t *setup, const jup_config_t *config,
                                jup_request_t *request, jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    int64_t context = o->context ? o->context : config->context;
    int64_t prompt = (int64_t)setup->prompt.count;
    if (o->context > config->context)
        jup_warn("--context %d is more than the %d tokens the model was trained with", o->context,
                 config->context);
    if (prompt > context || (prompt == context && o->generate > 0))
        return jup_fail(err, JUP_EINPUT,
                        "the prompt has %lld tokens, the context has room for %lld; shorten the "
                        "prompt%s",
                        (long long)prompt, (long long)context,
                        o->context ? " or raise --context" : "");
    request->prompt_tokens = (int32_t)prompt;
    request->generate = (int32_t)jup_min_i64(o->generate, context - prompt);
    return JUP_OK;
}

/* Slices of a model were made for so many ranks and these layers. */
static jup_status_t divide_as_sliced(const jup_run_setup_t *setup, int slices, int ranks,
                                     int layers, jup_job_t *job, jup_error_t *err)
{
    if (slices != ranks)
        return jup_fail(err, JUP_EINPUT,
                        "%s is a slice for %d ranks, there are %d; start as many, or split the "
                        "model anew",
                        jup_gguf_path(setup->gguf), slices, ranks);
    if (setup->options.layers)
        return jup_fail(err, JUP_EINPUT, "--layers cannot be chosen, %s is a slice of a model",
                        jup_gguf_path(setup->gguf));
    jup_slice_layers(setup->gguf, job->first_layer);
    bool fits = job->first_layer[0] == 0 && job->first_layer[ranks] == layers;
    for (int rank = 0; rank < ranks; rank++)
        fits = fits && job->first_layer[rank] < job->first_layer[rank + 1];
    return fits ? JUP_OK
                : jup_fail(err, JUP_EINPUT,
                           "%s: " JUP_SLICE_FIRST_LAYERS
                           " does not divide %d layers; split the model anew",
                           jup_gguf_path(setup->gguf), layers);
}

static jup_status_t divide(jup_run_setup_t *setup, const jup_config_t *config, int ranks,
                           jup_job_t *job, jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    int32_t tokens = job->request.prompt_tokens;
    if (ranks > JUP_MAX_RANKS)
        return jup_fail(err, JUP_EINPUT, "%d ranks are more than this program's %d", ranks,
                        JUP_MAX_RANKS);
    jup_job_order_as_started(job, ranks);
    int slice, slices;
    setup->sliced = setup->gguf && jup_slice_of(setup->gguf, &slice, &slices);
    if (!setup->sliced && jup_run_plan_wanted(o))
        return jup_run_plan_divide(setup, config, ranks, job, err);
    if (o->automatic && !setup->sliced) /* until the ranks are measured */
        job->stages = ranks = (int)jup_min_i64(ranks, config->layers);
    if (ranks > config->layers)
        return jup_fail(err, JUP_EINPUT,
                        "%d ranks are more than the model's %d layers; start at most %d ranks, or "
                        "let --auto choose among them",
                        ranks, config->layers, config->layers);
    if (setup->sliced)
        JUP_TRY(divide_as_sliced(setup, slices, ranks, config->layers, job, err));
    else if (o->layers)
        JUP_TRY(
            jup_division_layers_as_told(o->layers, config->layers, ranks, job->first_layer, err));
    else
        jup_division_layers_evenly(config->layers, ranks, job->first_layer);
    if (o->chunks)
        return jup_division_chunks_as_told(o->chunks, tokens, &job->chunks, &job->request.n_chunks,
                                           err);
    int32_t chunk = o->chunk ? o->chunk : jup_division_default_chunk(tokens, ranks);
    jup_division_uniform_chunks(tokens, chunk, &job->chunks, &job->request.n_chunks);
    return JUP_OK;
}

static jup_status_t name_model(const jup_run_setup_t *setup, jup_job_t *job, jup_config_t *config,
                               jup_error_t *err)
{
    const jup_run_options_t *o = &setup->options;
    snprintf(job->cluster, sizeof job->cluster, "%s", o->phantom ? o->cluster : "");
    snprintf(job->compute, sizeof job->compute, "%s",
             o->shape     ? "phantom"
             : o->compute ? o->compute
                          : "blas");
    if (o->shape) {
        snprintf(job->shape, sizeof job->shape, "%s", o->shape);
        job->weights = o->type;
        return jup_job_shape(job, config, err);
    }
    snprintf(job->model, sizeof job->model, "%s", o->model);
    job->model_digest = jup_model_file_digest(setup->gguf);
    return jup_model_file_config(setup->gguf, config, err);
}

static jup_status_t make_job(jup_run_setup_t *setup, int ranks, jup_job_t *job, jup_error_t *err)
{
    jup_config_t config;
    const jup_run_options_t *o = &setup->options;
    JUP_TRY(name_model(setup, job, &config, err));
    job->threads = o->threads;
    job->wire = o->wire;
    job->kv_dtype = o->kv_dtype;
    job->log_level = o->quiet ? JUP_LOG_QUIET : o->verbose ? JUP_LOG_VERBOSE : JUP_LOG_NORMAL;
    job->request.sampling = jup_run_options_sampling(o);
    job->request.all_logits = o->logits != NULL;
    JUP_TRY(fit_context(setup, &config, &job->request, err));
    JUP_TRY(divide(setup, &config, ranks, job, err));
    job->request.chunks = job->chunks;
    return jup_ask_make_job(&setup->ask, &o->ask, &config, job->stages, job->request.generate, job,
                            err);
}

/* A shape has no tokenizer, and its phantom does not care what the tokens are. */
static jup_status_t make_up_prompt(jup_run_setup_t *setup, jup_error_t *err)
{
    jup_run_options_t *o = &setup->options;
    setup->prompt.count = (size_t)o->prompt_tokens;
    if (o->ask.script) {
        JUP_TRY(jup_ask_prepare_script(&setup->ask, o->ask.script, err));
        int32_t prompt = jup_script_longest_prompt(&setup->ask.script);
        setup->prompt.count = (size_t)prompt;
        o->generate = jup_script_longest_sequence(&setup->ask.script) - prompt;
    }
    setup->prompt.ids = jup_new(setup->prompt.count, sizeof *setup->prompt.ids);
    return JUP_OK;
}

static jup_status_t read_model(jup_run_setup_t *setup, jup_error_t *err)
{
    char path[PATH_MAX];
    JUP_TRY(jup_slice_path(setup->options.model, 0, path, sizeof path, err));
    JUP_TRY(jup_gguf_open(path, &setup->gguf, err));
    JUP_TRY(jup_tokenizer_new(setup->gguf, &setup->tokenizer, err));
    return jup_ask_takes_questions(&setup->options.ask) ? read_questions(setup, err)
                                                        : tokenize_prompt(setup, err);
}

static jup_status_t prepare_on_root(int argc, const char **argv, int ranks, jup_run_setup_t *setup,
                                    jup_job_t *job, bool *help, jup_error_t *err)
{
    jup_run_options_t *o = &setup->options;
    JUP_TRY(jup_run_options_parse(o, argc, argv, err));
    if (o->popt.help) {
        *help = true;
        jup_options_print_help(&o->popt);
        return JUP_OK;
    }
    if (o->trace)
        JUP_TRY(jup_run_file_check_writable(o->trace, err));
    JUP_TRY(o->shape ? make_up_prompt(setup, err) : read_model(setup, err));
    return make_job(setup, ranks, job, err);
}

jup_status_t jup_run_prepare(jup_comm_t *comm, int argc, const char **argv, jup_run_setup_t *setup,
                             jup_job_t *job, bool *help, jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    int32_t stop_here = 0;
    if (comm->rank == 0) {
        status = prepare_on_root(argc, argv, comm->size, setup, job, help, err);
        stop_here = *help;
    }
    JUP_TRY(jup_comm_agree(comm, status, err));
    jup_comm_share_fixed(comm, &stop_here, sizeof stop_here);
    *help = stop_here != 0;
    if (*help)
        return JUP_OK;
    JUP_TRY(jup_run_plan_measured(comm, setup, job, err));
    jup_job_share(comm, job);
    jup_job_number_ranks(job, comm);
    return JUP_OK;
}

void jup_run_setup_reset(jup_run_setup_t *setup)
{
    jup_ask_setup_reset(&setup->ask);
    jup_plan_reset(&setup->plan);
    jup_tokens_reset(&setup->prompt);
    jup_tokenizer_destroy(setup->tokenizer);
    jup_gguf_close(setup->gguf);
    jup_run_options_reset(&setup->options);
    memset(setup, 0, sizeof *setup);
}
