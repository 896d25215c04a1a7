/* Plans as YAML, in files and between ranks. */
#include "cluster/yaml_in.h"
#include "cluster/yaml_out.h"
#include "plan/plan.h"

#include <string.h>

enum { DIGITS = 6, VERSION = 1 };

/* ---- writing -------------------------------------------------------------------------------- */

static void put_stage(jup_yaml_out_t *out, int list, const jup_plan_stage_t *stage)
{
    int map = jup_yaml_put_map(out, list, NULL, false);
    jup_yaml_put_integer(out, map, "device", stage->device);
    jup_yaml_put_text(out, map, "name", stage->name);
    jup_yaml_put_integer(out, map, "first", stage->first);
    jup_yaml_put_integer(out, map, "last", stage->last - 1);
    jup_yaml_put_number(out, map, "prefill_s", stage->prefill_s, DIGITS);
    jup_yaml_put_number(out, map, "decode_s", stage->decode_s, DIGITS);
    jup_yaml_put_number(out, map, "send_s", stage->send_s, DIGITS);
    int memory = jup_yaml_put_map(out, map, "memory_mb", true);
    jup_yaml_put_number(out, memory, "weights", stage->memory.weight_bytes / 1e6, DIGITS);
    jup_yaml_put_number(out, memory, "kv", stage->memory.kv_bytes / 1e6, DIGITS);
    jup_yaml_put_number(out, memory, "work", stage->memory.work_bytes / 1e6, DIGITS);
    jup_yaml_put_number(out, memory, "budget", stage->budget_bytes / 1e6, DIGITS);
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
}

static jup_yaml_out_t *document(const jup_plan_t *plan)
{
    int root;
    jup_yaml_out_t *out = jup_yaml_out_new(&root);
    jup_yaml_put_integer(out, root, "plan_version", VERSION);
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
        put_stage(out, stages, &plan->stages[s]);
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

/* ---- reading -------------------------------------------------------------------------------- */

static jup_status_t seconds(const jup_yaml_node_t *map, const char *key, double *value,
                            jup_error_t *err)
{
    return jup_yaml_number(map, key, 0, 1e12, value, err);
}

static jup_status_t megabytes(const jup_yaml_node_t *map, const char *key, double *bytes,
                              jup_error_t *err)
{
    double mb = 0;
    JUP_TRY(jup_yaml_number(map, key, 0, 1e12, &mb, err));
    *bytes = mb * 1e6;
    return JUP_OK;
}

static jup_status_t whole(const jup_yaml_node_t *map, const char *key, int64_t min, int64_t max,
                          int64_t *value, jup_error_t *err)
{
    jup_yaml_node_t node;
    JUP_TRY(jup_yaml_require(map, key, &node, err));
    return jup_yaml_to_integer(&node, min, max, value, err);
}

static jup_status_t read_memory(const jup_yaml_node_t *map, jup_plan_stage_t *stage,
                                jup_error_t *err)
{
    static const char *const keys[] = {"weights", "kv", "work", "budget", NULL};
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(megabytes(map, "weights", &stage->memory.weight_bytes, err));
    JUP_TRY(megabytes(map, "kv", &stage->memory.kv_bytes, err));
    JUP_TRY(megabytes(map, "work", &stage->memory.work_bytes, err));
    return megabytes(map, "budget", &stage->budget_bytes, err);
}

static jup_status_t read_stage(const jup_yaml_node_t *map, jup_plan_stage_t *stage,
                               jup_error_t *err)
{
    static const char *const keys[] = {"device",   "name",   "first",     "last", "prefill_s",
                                       "decode_s", "send_s", "memory_mb", NULL};
    jup_yaml_node_t memory;
    int64_t device, first, last;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(whole(map, "device", 0, JUP_CLUSTER_DEVICES - 1, &device, err));
    JUP_TRY(whole(map, "first", 0, JUP_MAX_LAYERS - 1, &first, err));
    JUP_TRY(whole(map, "last", first, JUP_MAX_LAYERS - 1, &last, err));
    stage->device = (int)device;
    stage->first = (int)first;
    stage->last = (int)last + 1;
    JUP_TRY(jup_yaml_text(map, "name", stage->name, sizeof stage->name, err));
    JUP_TRY(seconds(map, "prefill_s", &stage->prefill_s, err));
    JUP_TRY(seconds(map, "decode_s", &stage->decode_s, err));
    JUP_TRY(seconds(map, "send_s", &stage->send_s, err));
    return jup_yaml_get(map, "memory_mb", &memory) ? read_memory(&memory, stage, err) : JUP_OK;
}

static jup_status_t read_predicted(const jup_yaml_node_t *root, jup_prediction_t *p,
                                   jup_error_t *err)
{
    static const char *const keys[] = {"ttft_s", "token_s",   "decode_s", "total_s",
                                       "bubble", "slowest_s", NULL};
    jup_yaml_node_t map;
    if (!jup_yaml_get(root, "predicted", &map))
        return JUP_OK;
    JUP_TRY(jup_yaml_check_keys(&map, keys, err));
    JUP_TRY(seconds(&map, "ttft_s", &p->ttft_s, err));
    JUP_TRY(seconds(&map, "token_s", &p->token_s, err));
    JUP_TRY(seconds(&map, "decode_s", &p->decode_s, err));
    JUP_TRY(seconds(&map, "total_s", &p->total_s, err));
    JUP_TRY(jup_yaml_number(&map, "bubble", 0, 1, &p->bubble, err));
    return seconds(&map, "slowest_s", &p->slowest_s, err);
}

static jup_status_t read_workload(const jup_yaml_node_t *root, jup_workload_t *w, jup_error_t *err)
{
    static const char *const keys[] = {"prompt", "generate", "context", "branches", NULL};
    jup_yaml_node_t map;
    int64_t branches = 1;
    JUP_TRY(jup_yaml_require(root, "workload", &map, err));
    JUP_TRY(jup_yaml_check_keys(&map, keys, err));
    JUP_TRY(whole(&map, "prompt", 1, 1 << 28, &w->prompt_tokens, err));
    JUP_TRY(jup_yaml_integer(&map, "generate", 0, 1 << 28, &w->generate_tokens, err));
    JUP_TRY(jup_yaml_integer(&map, "context", 0, 1 << 28, &w->context_tokens, err));
    JUP_TRY(jup_yaml_integer(&map, "branches", 1, 4096, &branches, err));
    w->branches = (int)branches;
    return JUP_OK;
}

static jup_status_t read_chunks(const jup_yaml_node_t *list, jup_plan_t *plan, jup_error_t *err)
{
    jup_yaml_node_t item;
    for (int i = 0; i < plan->n_chunks; i++) {
        int64_t length;
        jup_yaml_item(list, i, &item);
        JUP_TRY(jup_yaml_to_integer(&item, 1, 1 << 28, &length, err));
        plan->chunks[i] = (int32_t)length;
    }
    return JUP_OK;
}

static jup_status_t read_stages(const jup_yaml_node_t *list, jup_plan_t *plan, jup_error_t *err)
{
    jup_yaml_node_t item;
    for (int s = 0; s < plan->n_stages; s++) {
        jup_yaml_item(list, s, &item);
        JUP_TRY(read_stage(&item, &plan->stages[s], err));
    }
    return JUP_OK;
}

static jup_status_t read_head(const jup_yaml_node_t *root, jup_plan_t *plan, jup_error_t *err)
{
    char objective[16] = "total";
    jup_yaml_node_t node;
    int64_t layers;
    JUP_TRY(whole(root, "layers", 1, JUP_MAX_LAYERS, &layers, err));
    plan->layers = (int)layers;
    JUP_TRY(jup_yaml_text(root, "cluster", plan->cluster, sizeof plan->cluster, err));
    JUP_TRY(jup_yaml_text(root, "model", plan->model, sizeof plan->model, err));
    JUP_TRY(jup_yaml_text(root, "type", plan->type, sizeof plan->type, err));
    JUP_TRY(jup_yaml_text(root, "objective", objective, sizeof objective, err));
    if (jup_yaml_get(root, "proven", &node))
        JUP_TRY(jup_yaml_to_bool(&node, &plan->proven, err));
    int found = jup_objective_by_name(objective);
    if (found < 0)
        return jup_yaml_fail(root, err, "objective is '%s', must be total, ttft or slowest",
                             objective);
    plan->objective = (jup_objective_t)found;
    return read_workload(root, &plan->workload, err);
}

static jup_status_t list_at(const jup_yaml_node_t *root, const char *key, int most,
                            jup_yaml_node_t *list, int *n, jup_error_t *err)
{
    JUP_TRY(jup_yaml_require(root, key, list, err));
    JUP_TRY(jup_yaml_length(list, n, err));
    if (*n < 1 || *n > most)
        return jup_yaml_fail(list, err, "has %d entries, must have between 1 and %d", *n, most);
    return JUP_OK;
}

static jup_status_t read_plan(jup_yaml_t *yaml, jup_plan_t *plan, jup_error_t *err)
{
    static const char *const keys[] = {"plan_version", "cluster", "model",     "type",
                                       "layers",       "chunks",  "objective", "proven",
                                       "workload",     "stages",  "predicted", NULL};
    jup_yaml_node_t root, stages, chunks;
    int64_t version;
    int n_stages, n_chunks;
    JUP_TRY(jup_yaml_root(yaml, &root, err));
    JUP_TRY(whole(&root, "plan_version", VERSION, VERSION, &version, err));
    JUP_TRY(jup_yaml_check_keys(&root, keys, err));
    JUP_TRY(list_at(&root, "stages", JUP_MAX_LAYERS, &stages, &n_stages, err));
    JUP_TRY(list_at(&root, "chunks", JUP_PLAN_CHUNKS, &chunks, &n_chunks, err));
    jup_plan_init(plan, n_stages, n_chunks);
    JUP_TRY(read_head(&root, plan, err));
    JUP_TRY(read_chunks(&chunks, plan, err));
    JUP_TRY(read_stages(&stages, plan, err));
    JUP_TRY(read_predicted(&root, &plan->predicted, err));
    if (jup_plan_check(plan, err) != JUP_OK)
        return jup_fail_in(err, "%s", jup_yaml_name(yaml));
    return JUP_OK;
}

static jup_status_t read_and_close(jup_yaml_t *yaml, jup_plan_t *plan, jup_error_t *err)
{
    memset(plan, 0, sizeof *plan);
    jup_status_t status = read_plan(yaml, plan, err);
    if (status != JUP_OK)
        jup_plan_reset(plan);
    jup_yaml_close(yaml);
    return status;
}

jup_status_t jup_plan_read(jup_plan_t *plan, const char *path, jup_error_t *err)
{
    jup_yaml_t *yaml;
    JUP_TRY(jup_yaml_open(&yaml, path, err));
    return read_and_close(yaml, plan, err);
}

jup_status_t jup_plan_unpack(jup_plan_t *plan, const char *text, size_t bytes, jup_error_t *err)
{
    jup_yaml_t *yaml;
    JUP_TRY(jup_yaml_open_text(&yaml, "the plan", text, bytes, err));
    return read_and_close(yaml, plan, err);
}
