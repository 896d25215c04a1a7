/* jupiter plan: who holds what and how the prompt is cut, predicted; without MPI. */
#include "app/claims.h"
#include "app/commands.h"
#include "app/options.h"
#include "base/mem.h"
#include "base/output.h"
#include "cluster/nearest.h"
#include "io/model_file.h"
#include "model/shapes.h"
#include "plan/baselines.h"
#include "plan/file_size.h"
#include "plan/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct plan_options {
    char *cluster, *model, *shape, *type, *kv, *wire, *objective, *plan, *output, *plot;
    char *strategy, *exchange;
    int prompt, generate, context, branches, outline, speculate, chunk, min_chunk, max_chunk, grain;
    int even, first_stays, every_row;
    double effort;
} plan_options_t;

static const plan_options_t defaults = {.prompt = 260, .generate = 64, .branches = 1, .effort = 1};

static void free_options(plan_options_t *o)
{
    char *texts[] = {o->cluster, o->model,     o->shape, o->type,   o->kv,   o->strategy,
                     o->wire,    o->objective, o->plan,  o->output, o->plot, o->exchange};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]); /* popt's, not ours */
}

/* ---- options -------------------------------------------------------------------------------- */

static jup_status_t parse(jup_options_t *options, plan_options_t *o, int argc, const char **argv,
                          jup_error_t *err)
{
    const struct poptOption table[] = {
        {"cluster", 'c', POPT_ARG_STRING, &o->cluster, 0,
         "cluster file, shipped cluster (env-a-100), or one line (4xnx@100mbps,15ms)", "WHAT"},
        {"model", 'm', POPT_ARG_STRING, &o->model, 0, "GGUF file (its header is enough)", "FILE"},
        {"shape", 0, POPT_ARG_STRING, &o->shape, 0, "or the shape of a well-known model", "NAME"},
        {"type", 0, POPT_ARG_STRING, &o->type, 0, "type of the shape's weights (q4_0)", "TYPE"},
        {"prompt-tokens", 'p', POPT_ARG_INT, &o->prompt, 0, "tokens of the prompt (260)", "N"},
        {"generate", 'n', POPT_ARG_INT, &o->generate, 0, "tokens of the answer (64)", "N"},
        {"context", 0, POPT_ARG_INT, &o->context, 0, "room in the KV cache (prompt + answer)", "N"},
        {"branches", 0, POPT_ARG_INT, &o->branches, 0, "answers decoded at the same time (1)", "N"},
        {"outline", 0, POPT_ARG_INT, &o->outline, 0,
         "of the answer's tokens, those of an outline, before there are branches (0)", "N"},
        {"speculate", 0, POPT_ARG_NONE, &o->speculate, 0,
         "with guesses as of trained heads: of three a lap, 1.7 tokens", NULL},
        {"kv", 0, POPT_ARG_STRING, &o->kv, 0, "KV cache (f16)", "f16|f32"},
        {"kv-type", 0, POPT_ARG_STRING | POPT_ARGFLAG_DOC_HIDDEN, &o->kv, 0,
         "--kv, as it was called until 0.2", "f16|f32"},
        {"wire", 0, POPT_ARG_STRING, &o->wire, 0, "activations (f16)", "f16|f32"},
        {"objective", 0, POPT_ARG_STRING, &o->objective, 0,
         "total: first token and answer; ttft: first token; slowest: the paper's slowest stage "
         "(total)",
         "total|ttft|slowest"},
        {"strategy", 0, POPT_ARG_STRING, &o->strategy, 0,
         "jupiter, hybrid, or one it is compared with: local, edgeshard, megatron, sequence, "
         "galaxy, detransformer (jupiter)",
         "NAME"},
        {"exchange", 0, POPT_ARG_STRING, &o->exchange, 0,
         "how devices that share layers sum (the quickest)", "ring|direct|whole"},
        {"every-row", 0, POPT_ARG_NONE, &o->every_row, 0,
         "the last layer computes all rows of a prompt, wanted or not, as the paper's systems do",
         NULL},
        {"min-chunk", 0, POPT_ARG_INT, &o->min_chunk, 0, "no chunk is shorter (1)", "N"},
        {"max-chunk", 0, POPT_ARG_INT, &o->max_chunk, 0, "no chunk is longer (the prompt)", "N"},
        {"grain", 0, POPT_ARG_INT, &o->grain, 0, "chunks are searched in steps of it", "N"},
        {"effort", 0, POPT_ARG_DOUBLE, &o->effort, 0, "of the search; 10 looks longer (1)", "X"},
        {"first-stays", 0, POPT_ARG_NONE, &o->first_stays, 0,
         "the first device is the first stage, as it is in a run: it reads the prompt", NULL},
        {"even", 0, POPT_ARG_NONE, &o->even, 0, "the even split, no planning", NULL},
        {"chunk", 0, POPT_ARG_INT, &o->chunk, 0, "its chunks (the best uniform ones)", "N"},
        {"plan", 0, POPT_ARG_STRING, &o->plan, 0, "evaluate this plan instead of making one",
         "FILE"},
        {"output", 'o', POPT_ARG_STRING, &o->output, 0, "write the plan", "FILE.yaml"},
        {"plot", 0, POPT_ARG_STRING, &o->plot, 0, "draw the predicted prefill", "FILE.svg"},
        JUP_OPTION_HELP,
        POPT_TABLEEND};
    return jup_options_parse(options, argc, argv, table,
                             "--cluster WHAT (-m FILE | --shape NAME) [OPTIONS]", false, err);
}

/* What a plan file says, and what an even split does not search for. */
static jup_status_t check_pairs(const jup_options_t *options, jup_error_t *err)
{
    static const jup_option_pair_t pairs[] = {
        {"plan",
         false,
         {"even", "chunk", "strategy", "effort", "min-chunk", "max-chunk", "grain", "objective",
          "prompt-tokens", "generate", "branches", "outline", "speculate", "context",
          "first-stays"},
         ": the file says it"},
        {"even", false, {"strategy", "effort"}, ": nothing is planned"},
        {"chunk",
         false,
         {"strategy", "effort", "min-chunk", "max-chunk", "grain"},
         ": all chunks are as long"},
    };
    return jup_options_check_pairs(options, pairs, sizeof pairs / sizeof pairs[0], err);
}

static jup_status_t check_numbers(const plan_options_t *o, jup_error_t *err)
{
    JUP_TRY(jup_check_int("--prompt-tokens", o->prompt, 1, 1 << 24, err));
    JUP_TRY(jup_check_int("--generate", o->generate, 0, 1 << 24, err));
    JUP_TRY(jup_check_int("--branches", o->branches, 1, 4096, err));
    JUP_TRY(jup_check_int("--outline", o->outline, 0, o->generate, err));
    JUP_TRY(jup_check_int("--min-chunk", o->min_chunk, 0, 1 << 24, err));
    JUP_TRY(jup_check_int("--max-chunk", o->max_chunk, 0, 1 << 24, err));
    if (o->max_chunk && o->min_chunk > o->max_chunk)
        return jup_fail(err, JUP_EINPUT, "--min-chunk is %d, --max-chunk only %d", o->min_chunk,
                        o->max_chunk);
    JUP_TRY(jup_check_int("--grain", o->grain, 0, 1 << 24, err));
    JUP_TRY(jup_check_int("--chunk", o->chunk, 0, 1 << 24, err));
    JUP_TRY(jup_check_float("--effort", o->effort, 0.001, 1e6, err));
    if (o->context)
        JUP_TRY(jup_check_int("--context", o->context, o->prompt + o->generate, 1 << 28, err));
    return JUP_OK;
}

/* ---- the problem ---------------------------------------------------------------------------- */

static jup_status_t size_of_shape(const char *name, jup_dtype_t type, jup_dtype_t kv,
                                  jup_dtype_t wire, jup_model_size_t *size, jup_error_t *err)
{
    jup_config_t config;
    char all[400];
    if (jup_shape_find(name, &config))
        return jup_model_size_init(size, &config, type, kv, wire, err);
    const char *nearest = jup_nearest(name, jup_shape_names());
    jup_list_names(jup_shape_names(), all, sizeof all);
    return jup_fail(err, JUP_EINPUT, "--shape is '%s', %s%s%sknown are %s", name,
                    nearest ? "did you mean '" : "", nearest ? nearest : "", nearest ? "'? " : "",
                    all);
}

static jup_status_t size_of_file(const char *path, jup_dtype_t kv, jup_dtype_t wire,
                                 jup_model_size_t *size, jup_error_t *err)
{
    jup_gguf_t *gguf;
    jup_config_t config;
    JUP_TRY(jup_gguf_open(path, &gguf, err));
    jup_status_t status = jup_model_file_config(gguf, &config, err);
    if (status == JUP_OK)
        status = jup_model_size_of_file(size, gguf, &config, kv, wire, err);
    jup_gguf_close(gguf);
    return status;
}

static jup_status_t read_size(const plan_options_t *o, jup_model_size_t *size, jup_error_t *err)
{
    jup_dtype_t type = JUP_Q4_0, kv = JUP_F16, wire = JUP_F16;
    JUP_TRY(jup_check_type("--type", o->type, JUP_Q4_0, &type, err));
    JUP_TRY(jup_check_half_or_single("--kv", o->kv, &kv, err));
    JUP_TRY(jup_check_half_or_single("--wire", o->wire, &wire, err));
    if (!o->model == !o->shape)
        return jup_fail(err, JUP_EINPUT, "plan: give either a model file (-m) or --shape");
    if (o->model && o->type)
        return jup_fail(err, JUP_EINPUT, "--type is for --shape, a file has its own types");
    return o->model ? size_of_file(o->model, kv, wire, size, err)
                    : size_of_shape(o->shape, type, kv, wire, size, err);
}

static jup_status_t make_problem(const plan_options_t *o, const jup_cluster_t *cluster,
                                 jup_plan_problem_t *problem, jup_error_t *err)
{
    int objective = jup_objective_by_name(o->objective ? o->objective : "total");
    if (objective < 0)
        return jup_fail(err, JUP_EINPUT, "--objective is '%s', must be total, ttft or slowest",
                        o->objective);
    *problem = (jup_plan_problem_t){
        .cluster = cluster,
        .workload = {.prompt_tokens = o->prompt,
                     .generate_tokens = o->generate,
                     .context_tokens = o->context ? o->context : o->prompt + o->generate,
                     .branches = o->branches,
                     .serial_tokens = o->outline},
        .objective = (jup_objective_t)objective,
        .first_stays = o->first_stays,
        .every_row = o->every_row,
        .grain = o->grain,
        .min_chunk = o->min_chunk,
        .max_chunk = o->max_chunk,
        .effort = o->effort,
    };
    if (o->speculate)
        jup_workload_expect_guesses(&problem->workload);
    JUP_TRY(jup_check_exchange(o->exchange, &problem->exchange, err));
    return read_size(o, &problem->size, err);
}

/* ---- the plan ------------------------------------------------------------------------------- */

/* A plan file brings its own workload. */
static jup_status_t read_plan(const char *path, jup_plan_problem_t *problem, jup_plan_t *plan,
                              jup_error_t *err)
{
    JUP_TRY(jup_plan_read(plan, path, err));
    problem->workload = plan->workload;
    problem->objective = plan->objective;
    jup_status_t status = jup_plan_evaluate(problem, plan, err);
    if (status == JUP_OK)
        status = jup_plan_check_memory(problem, plan, err);
    if (status == JUP_OK)
        return JUP_OK;
    jup_plan_reset(plan);
    return jup_fail_in(err, "%s", path);
}

static jup_status_t get_plan(const plan_options_t *o, jup_plan_problem_t *problem, jup_plan_t *plan,
                             jup_error_t *err)
{
    if (o->plan)
        return read_plan(o->plan, problem, plan, err);
    if (o->even || o->chunk)
        return jup_plan_even(problem, o->chunk, plan, err);
    return jup_plan_of_strategy(o->strategy ? o->strategy : "jupiter", problem, plan, err);
}

static void compare_with_even(const jup_plan_problem_t *problem, const jup_plan_t *plan)
{
    jup_plan_t even;
    jup_error_t err;
    if (jup_plan_even(problem, 0, &even, &err) != JUP_OK) {
        printf("the even split does not fit the devices' memory\n");
        return;
    }
    printf("the even split, with its best uniform chunks: %.3f s (%.2fx), in all %.3f s (%.2fx)\n",
           even.predicted.ttft_s, even.predicted.ttft_s / plan->predicted.ttft_s,
           even.predicted.total_s, even.predicted.total_s / plan->predicted.total_s);
    jup_plan_reset(&even);
}

static jup_status_t show(const plan_options_t *o, const jup_plan_problem_t *problem,
                         const jup_plan_t *plan, jup_error_t *err)
{
    jup_plan_print(plan, stdout);
    if (!o->even && !o->chunk)
        compare_with_even(problem, plan);
    JUP_TRY(jup_plan_print_timeline(problem, plan, stdout, err));
    if (o->output)
        JUP_TRY(jup_plan_write(plan, o->output, err));
    return o->plot ? jup_plan_draw(problem, plan, o->plot, err) : JUP_OK;
}

static jup_status_t check_outputs(const plan_options_t *o, jup_error_t *err)
{
    size_t length = o->plot ? strlen(o->plot) : 0;
    if (o->plot && (length < 5 || strcasecmp(o->plot + length - 4, ".svg") != 0))
        return jup_fail(err, JUP_EINPUT, "--plot is '%s', must end in .svg", o->plot);
    const jup_output_claim_t claims[] = {{"--model", o->model, false},
                                         {"--cluster", o->cluster, false},
                                         {"--plan", o->plan, false},
                                         {"--output", o->output, true},
                                         {"--plot", o->plot, true}};
    return jup_claims_check(claims, sizeof claims / sizeof claims[0], err);
}

static jup_status_t run(const plan_options_t *o, jup_error_t *err)
{
    jup_cluster_t cluster;
    jup_plan_problem_t problem;
    jup_plan_t plan;
    if (!o->cluster)
        return jup_fail(err, JUP_EINPUT,
                        "plan: --cluster is missing: a file, or one line such as 4xnx@100mbps");
    JUP_TRY(check_numbers(o, err));
    JUP_TRY(check_outputs(o, err));
    JUP_TRY(jup_cluster_load(&cluster, o->cluster, err));
    jup_status_t status = make_problem(o, &cluster, &problem, err);
    if (status == JUP_OK)
        status = get_plan(o, &problem, &plan, err);
    if (status == JUP_OK) {
        status = show(o, &problem, &plan, err);
        jup_plan_reset(&plan);
    }
    jup_cluster_reset(&cluster);
    return status;
}

int jup_cmd_plan(int argc, const char **argv)
{
    plan_options_t o = defaults;
    jup_options_t options;
    jup_error_t err = {0};
    if (jup_launched_beside_others())
        return JUP_OK;
    jup_status_t status = parse(&options, &o, argc, argv, &err);
    if (status == JUP_OK && options.help)
        jup_options_print_help(&options);
    else if (status == JUP_OK && (status = check_pairs(&options, &err)) == JUP_OK)
        status = run(&o, &err);
    jup_options_reset(&options);
    free_options(&o);
    return status == JUP_OK ? JUP_OK : jup_report(&err);
}
