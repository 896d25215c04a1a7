/* Plans as YAML: reading them, both versions. */
#include "plan/plan_read.h"

#include <string.h>

jup_status_t jup_plan_read_seconds(const jup_yaml_node_t *map, const char *key, double *value,
                                   jup_error_t *err)
{
    return jup_yaml_number(map, key, 0, 1e12, value, err);
}

jup_status_t jup_plan_read_whole(const jup_yaml_node_t *map, const char *key, int64_t min,
                                 int64_t max, int64_t *value, jup_error_t *err)
{
    jup_yaml_node_t node;
    JUP_TRY(jup_yaml_require(map, key, &node, err));
    return jup_yaml_to_integer(&node, min, max, value, err);
}

jup_status_t jup_plan_read_list(const jup_yaml_node_t *root, const char *key, int most,
                                jup_yaml_node_t *list, int *n, jup_error_t *err)
{
    JUP_TRY(jup_yaml_require(root, key, list, err));
    JUP_TRY(jup_yaml_length(list, n, err));
    if (*n < 1 || *n > most)
        return jup_yaml_fail(list, err, "has %d entries, must have between 1 and %d", *n, most);
    return JUP_OK;
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
    JUP_TRY(jup_plan_read_seconds(&map, "ttft_s", &p->ttft_s, err));
    JUP_TRY(jup_plan_read_seconds(&map, "token_s", &p->token_s, err));
    JUP_TRY(jup_plan_read_seconds(&map, "decode_s", &p->decode_s, err));
    JUP_TRY(jup_plan_read_seconds(&map, "total_s", &p->total_s, err));
    JUP_TRY(jup_yaml_number(&map, "bubble", 0, 1, &p->bubble, err));
    return jup_plan_read_seconds(&map, "slowest_s", &p->slowest_s, err);
}

static jup_status_t read_workload(const jup_yaml_node_t *root, jup_workload_t *w, jup_error_t *err)
{
    static const char *const keys[] = {"prompt", "generate", "context", "branches",
                                       "serial", "rows",     "per_lap", NULL};
    jup_yaml_node_t map;
    int64_t branches = 1, rows = 0;
    JUP_TRY(jup_yaml_require(root, "workload", &map, err));
    JUP_TRY(jup_yaml_check_keys(&map, keys, err));
    JUP_TRY(jup_plan_read_whole(&map, "prompt", 1, 1 << 28, &w->prompt_tokens, err));
    JUP_TRY(jup_yaml_integer(&map, "generate", 0, 1 << 28, &w->generate_tokens, err));
    JUP_TRY(jup_yaml_integer(&map, "context", 0, 1 << 28, &w->context_tokens, err));
    JUP_TRY(jup_yaml_integer(&map, "branches", 1, 4096, &branches, err));
    JUP_TRY(jup_yaml_integer(&map, "serial", 0, 1 << 28, &w->serial_tokens, err));
    JUP_TRY(jup_yaml_integer(&map, "rows", 0, 4096, &rows, err));
    JUP_TRY(jup_yaml_number(&map, "per_lap", 0, 4096, &w->tokens_per_lap, err));
    w->branches = (int)branches;
    w->lap_rows = (int)rows;
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

static jup_status_t read_stages(const jup_yaml_node_t *list, int version, jup_plan_t *plan,
                                jup_error_t *err)
{
    jup_yaml_node_t item;
    for (int s = 0; s < plan->n_stages; s++) {
        jup_yaml_item(list, s, &item);
        JUP_TRY(jup_plan_read_stage(&item, version, plan, s, err));
    }
    return JUP_OK;
}

/* An empty plan with room for all that the lists have. */
static jup_status_t make_room(const jup_yaml_node_t *stages, int version, int n_stages,
                              int n_chunks, jup_plan_t *plan, jup_error_t *err)
{
    int members = 0, n;
    for (int s = 0; s < n_stages; s++) {
        JUP_TRY(jup_plan_read_count(stages, s, version, &n, err));
        if (members > JUP_CLUSTER_DEVICES - n)
            return jup_yaml_fail(stages, err, "have more than %d devices", JUP_CLUSTER_DEVICES);
        members += n;
    }
    jup_plan_init(plan, n_stages, members, n_chunks);
    for (int s = 0, at = 0; s < n_stages; at += plan->stages[s++].n) {
        JUP_TRY(jup_plan_read_count(stages, s, version, &plan->stages[s].n, err));
        plan->stages[s].at = at;
    }
    return JUP_OK;
}

static jup_status_t read_head(const jup_yaml_node_t *root, jup_plan_t *plan, jup_error_t *err)
{
    char objective[16] = "total";
    jup_yaml_node_t node;
    int64_t layers;
    JUP_TRY(jup_plan_read_whole(root, "layers", 1, JUP_MAX_LAYERS, &layers, err));
    plan->layers = (int)layers;
    JUP_TRY(jup_yaml_text(root, "strategy", plan->strategy, sizeof plan->strategy, err));
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

static jup_status_t read_plan(jup_yaml_t *yaml, jup_plan_t *plan, jup_error_t *err)
{
    static const char *const keys[] = {"plan_version", "cluster",   "model",  "type",     "layers",
                                       "chunks",       "objective", "proven", "workload", "stages",
                                       "predicted",    "strategy",  NULL};
    jup_yaml_node_t root, stages, chunks;
    int64_t version;
    int n_stages, n_chunks;
    JUP_TRY(jup_yaml_root(yaml, &root, err));
    JUP_TRY(jup_plan_read_whole(&root, "plan_version", 1, 2, &version, err));
    JUP_TRY(jup_yaml_check_keys(&root, keys, err));
    JUP_TRY(jup_plan_read_list(&root, "stages", JUP_MAX_LAYERS, &stages, &n_stages, err));
    JUP_TRY(jup_plan_read_list(&root, "chunks", JUP_PLAN_CHUNKS, &chunks, &n_chunks, err));
    JUP_TRY(make_room(&stages, (int)version, n_stages, n_chunks, plan, err));
    JUP_TRY(read_head(&root, plan, err));
    JUP_TRY(read_chunks(&chunks, plan, err));
    JUP_TRY(read_stages(&stages, (int)version, plan, err));
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
