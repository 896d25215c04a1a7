/* Plans as YAML: writing them, into files and for other ranks. */
#include "cluster/yaml_out.h"
#include "plan/plan.h"

#include <string.h>

enum { DIGITS = 6 };

/* Whether version 1 says all of it. */
static bool is_simple(const jup_plan_t *plan)
{
    return plan->n_members == plan->n_stages && strcmp(plan->strategy, "jupiter") == 0;
}

static void put_seconds(jup_yaml_out_t *out, int map, const jup_plan_stage_t *stage)
{
    jup_yaml_put_integer(out, map, "first", stage->first);
    jup_yaml_put_integer(out, map, "last", stage->last - 1);
    jup_yaml_put_number(out, map, "prefill_s", stage->prefill_s, DIGITS);
    jup_yaml_put_number(out, map, "decode_s", stage->decode_s, DIGITS);
    jup_yaml_put_number(out, map, "send_s", stage->send_s, DIGITS);
}

/* Version 1: a device and its layers. */
static void put_device(jup_yaml_out_t *out, int list, const jup_plan_t *plan, int s)
{
    const jup_plan_member_t *member = jup_plan_leader(plan, s);
    int map = jup_yaml_put_map(out, list, NULL, false);
    jup_yaml_put_integer(out, map, "device", member->device);
    jup_yaml_put_text(out, map, "name", member->name);
    put_seconds(out, map, &plan->stages[s]);
    int memory = jup_yaml_put_map(out, map, "memory_mb", true);
    jup_yaml_put_number(out, memory, "weights", member->memory.weight_bytes / 1e6, DIGITS);
    jup_yaml_put_number(out, memory, "kv", member->memory.kv_bytes / 1e6, DIGITS);
    jup_yaml_put_number(out, memory, "work", member->memory.work_bytes / 1e6, DIGITS);
    jup_yaml_put_number(out, memory, "budget", member->budget_bytes / 1e6, DIGITS);
}

/* One list of a stage's memory, a number a member, in MB. */
static void put_megabytes(jup_yaml_out_t *out, int map, const char *key, const jup_plan_t *plan,
                          int s, double (*bytes)(const jup_plan_member_t *))
{
    int list = jup_yaml_put_list(out, map, key, true);
    for (int m = 0; m < plan->stages[s].n; m++)
        jup_yaml_put_number(out, list, NULL, bytes(jup_plan_member(plan, s, m)) / 1e6, DIGITS);
}

static double weight_bytes(const jup_plan_member_t *member)
{
    return member->memory.weight_bytes;
}

static double kv_bytes(const jup_plan_member_t *member)
{
    return member->memory.kv_bytes;
}

static double work_bytes(const jup_plan_member_t *member)
{
    return member->memory.work_bytes;
}

static double budget_bytes(const jup_plan_member_t *member)
{
    return member->budget_bytes;
}

static void put_shares(jup_yaml_out_t *out, int map, const jup_plan_t *plan, int s)
{
    int heads = jup_yaml_put_list(out, map, "heads", true);
    for (int m = 0; m < plan->stages[s].n; m++)
        jup_yaml_put_integer(out, heads, NULL, jup_plan_member(plan, s, m)->heads);
    int ffn = jup_yaml_put_list(out, map, "ffn", true);
    for (int m = 0; m < plan->stages[s].n; m++)
        jup_yaml_put_integer(out, ffn, NULL, jup_plan_member(plan, s, m)->ffn);
}

/* Version 2: a group of devices, its way and its shares. */
static void put_group(jup_yaml_out_t *out, int list, const jup_plan_t *plan, int s)
{
    const jup_plan_stage_t *stage = &plan->stages[s];
    int map = jup_yaml_put_map(out, list, NULL, false);
    int devices = jup_yaml_put_list(out, map, "devices", true);
    int names = jup_yaml_put_list(out, map, "names", true);
    for (int m = 0; m < stage->n; m++) {
        jup_yaml_put_integer(out, devices, NULL, jup_plan_member(plan, s, m)->device);
        jup_yaml_put_text(out, names, NULL, jup_plan_member(plan, s, m)->name);
    }
    jup_yaml_put_text(out, map, "way", jup_way_name(stage->way));
    if (jup_way_splits(stage->way))
        put_shares(out, map, plan, s);
    put_seconds(out, map, stage);
    int memory = jup_yaml_put_map(out, map, "memory_mb", false);
    put_megabytes(out, memory, "weights", plan, s, weight_bytes);
    put_megabytes(out, memory, "kv", plan, s, kv_bytes);
    put_megabytes(out, memory, "work", plan, s, work_bytes);
    put_megabytes(out, memory, "budget", plan, s, budget_bytes);
}

static void put_predicted(jup_yaml_out_t *out, int root, const jup_prediction_t *p)
{
    int map = jup_yaml_put_map(out, root, "predicted", false);
    jup_yaml_put_number(out, map, "ttft_s", p->ttft_s, DIGITS);
    jup_yaml_put_number(out, map, "token_s", p->token_s, DIGITS);
    jup_yaml_put_number(out, map, "decode_s", p->decode_s, DIGITS);
    jup_yaml_put_number(out, map, "total_s", p->total_s, DIGITS);
    jup_yaml_put_number(out, map, "bubble", p->bubble, DIGITS);
    jup_yaml_put_number(out, map, "slowest_s", p->slowest_s, DIGITS);
}

static void put_workload(jup_yaml_out_t *out, int root, const jup_workload_t *w)
{
    int map = jup_yaml_put_map(out, root, "workload", true);
    jup_yaml_put_integer(out, map, "prompt", w->prompt_tokens);
    jup_yaml_put_integer(out, map, "generate", w->generate_tokens);
    jup_yaml_put_integer(out, map, "context", w->context_tokens);
    jup_yaml_put_integer(out, map, "branches", w->branches);
    if (w->serial_tokens)
        jup_yaml_put_integer(out, map, "serial", w->serial_tokens);
    if (w->lap_rows > 1)
        jup_yaml_put_integer(out, map, "rows", w->lap_rows);
    if (w->tokens_per_lap > 1)
        jup_yaml_put_number(out, map, "per_lap", w->tokens_per_lap, DIGITS);
}

static jup_yaml_out_t *document(const jup_plan_t *plan)
{
    int root;
    jup_yaml_out_t *out = jup_yaml_out_new(&root);
    bool simple = is_simple(plan);
    jup_yaml_put_integer(out, root, "plan_version", simple ? 1 : 2);
    if (!simple)
        jup_yaml_put_text(out, root, "strategy", plan->strategy);
    jup_yaml_put_text(out, root, "cluster", plan->cluster);
    jup_yaml_put_text(out, root, "model", plan->model);
    jup_yaml_put_text(out, root, "type", plan->type);
    jup_yaml_put_integer(out, root, "layers", plan->layers);
    jup_yaml_put_text(out, root, "objective", jup_objective_name(plan->objective));
    jup_yaml_put_bool(out, root, "proven", plan->proven);
    put_workload(out, root, &plan->workload);
    int chunks = jup_yaml_put_list(out, root, "chunks", true);
    for (int i = 0; i < plan->n_chunks; i++)
        jup_yaml_put_integer(out, chunks, NULL, plan->chunks[i]);
    int stages = jup_yaml_put_list(out, root, "stages", false);
    for (int s = 0; s < plan->n_stages; s++)
        (simple ? put_device : put_group)(out, stages, plan, s);
    put_predicted(out, root, &plan->predicted);
    return out;
}

jup_status_t jup_plan_write(const jup_plan_t *plan, const char *path, jup_error_t *err)
{
    jup_yaml_out_t *out = document(plan);
    jup_status_t status = jup_yaml_out_file(out, path, err);
    jup_yaml_out_destroy(out);
    return status;
}

void jup_plan_pack(const jup_plan_t *plan, char **text, size_t *bytes)
{
    jup_yaml_out_t *out = document(plan);
    jup_yaml_out_text(out, text, bytes);
    jup_yaml_out_destroy(out);
}
