/* Plans as YAML: reading a stage of either version. */
#include "plan/plan_read.h"

#include <string.h>

static jup_status_t megabytes(const jup_yaml_node_t *map, const char *key, double *bytes,
                              jup_error_t *err)
{
    double mb = 0;
    JUP_TRY(jup_yaml_number(map, key, 0, 1e12, &mb, err));
    *bytes = mb * 1e6;
    return JUP_OK;
}

static jup_status_t read_layers(const jup_yaml_node_t *map, jup_plan_stage_t *stage,
                                jup_error_t *err)
{
    int64_t first, last;
    JUP_TRY(jup_plan_read_whole(map, "first", 0, JUP_MAX_LAYERS - 1, &first, err));
    JUP_TRY(jup_plan_read_whole(map, "last", first, JUP_MAX_LAYERS - 1, &last, err));
    stage->first = (int)first;
    stage->last = (int)last + 1;
    JUP_TRY(jup_plan_read_seconds(map, "prefill_s", &stage->prefill_s, err));
    JUP_TRY(jup_plan_read_seconds(map, "decode_s", &stage->decode_s, err));
    return jup_plan_read_seconds(map, "send_s", &stage->send_s, err);
}

/* ---- version 1: a device a stage ------------------------------------------------------------ */

static const char *const memory_keys[] = {"weights", "kv", "work", "budget", NULL};

static jup_status_t read_memory(const jup_yaml_node_t *map, jup_plan_member_t *member,
                                jup_error_t *err)
{
    JUP_TRY(jup_yaml_check_keys(map, memory_keys, err));
    JUP_TRY(megabytes(map, "weights", &member->memory.weight_bytes, err));
    JUP_TRY(megabytes(map, "kv", &member->memory.kv_bytes, err));
    JUP_TRY(megabytes(map, "work", &member->memory.work_bytes, err));
    return megabytes(map, "budget", &member->budget_bytes, err);
}

static jup_status_t read_device(const jup_yaml_node_t *map, jup_plan_t *plan, int s,
                                jup_error_t *err)
{
    static const char *const keys[] = {"device",   "name",   "first",     "last", "prefill_s",
                                       "decode_s", "send_s", "memory_mb", NULL};
    jup_plan_member_t *member = jup_plan_leader(plan, s);
    jup_yaml_node_t memory;
    int64_t device;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(jup_plan_read_whole(map, "device", 0, JUP_CLUSTER_DEVICES - 1, &device, err));
    member->device = (int)device;
    JUP_TRY(read_layers(map, &plan->stages[s], err));
    JUP_TRY(jup_yaml_text(map, "name", member->name, sizeof member->name, err));
    return jup_yaml_get(map, "memory_mb", &memory) ? read_memory(&memory, member, err) : JUP_OK;
}

/* ---- version 2: a group of devices a stage -------------------------------------------------- */

/* A list with one entry a member; absent where `needed` is false: *list stays and *there is so. */
static jup_status_t per_member(const jup_yaml_node_t *map, const char *key, bool needed, int n,
                               jup_yaml_node_t *list, bool *there, jup_error_t *err)
{
    int length;
    *there = jup_yaml_get(map, key, list);
    if (!*there)
        return needed ? jup_yaml_require(map, key, list, err) : JUP_OK;
    JUP_TRY(jup_yaml_length(list, &length, err));
    if (length != n)
        return jup_yaml_fail(list, err, "has %d entries, the stage has %d devices", length, n);
    return JUP_OK;
}

static jup_status_t read_names(const jup_yaml_node_t *map, jup_plan_t *plan, int s,
                               jup_error_t *err)
{
    jup_yaml_node_t list, item;
    bool there;
    JUP_TRY(per_member(map, "names", false, plan->stages[s].n, &list, &there, err));
    for (int m = 0; there && m < plan->stages[s].n; m++) {
        jup_plan_member_t *member = jup_plan_member(plan, s, m);
        jup_yaml_item(&list, m, &item);
        JUP_TRY(jup_yaml_to_text(&item, member->name, sizeof member->name, err));
    }
    return JUP_OK;
}

static jup_status_t read_members(const jup_yaml_node_t *map, jup_plan_t *plan, int s,
                                 jup_error_t *err)
{
    jup_yaml_node_t list, item;
    bool there;
    int64_t device;
    JUP_TRY(per_member(map, "devices", true, plan->stages[s].n, &list, &there, err));
    for (int m = 0; m < plan->stages[s].n; m++) {
        jup_yaml_item(&list, m, &item);
        JUP_TRY(jup_yaml_to_integer(&item, 0, JUP_CLUSTER_DEVICES - 1, &device, err));
        jup_plan_member(plan, s, m)->device = (int)device;
    }
    return read_names(map, plan, s, err);
}

static jup_status_t read_way(const jup_yaml_node_t *map, jup_plan_stage_t *stage, jup_error_t *err)
{
    jup_yaml_node_t node;
    char name[24] = "";
    if (!jup_yaml_get(map, "way", &node)) {
        if (stage->n > 1)
            return jup_yaml_require(map, "way", &node, err);
        stage->way = JUP_WAY_ALONE;
        return JUP_OK;
    }
    JUP_TRY(jup_yaml_to_text(&node, name, sizeof name, err));
    int way = jup_way_by_name(name);
    if (way < 0)
        return jup_yaml_fail(
            &node, err, "is '%s', must be alone, tensor, sequence, galaxy or detransformer", name);
    stage->way = (jup_way_t)way;
    return JUP_OK;
}

static jup_status_t read_share(const jup_yaml_node_t *map, const char *key, jup_plan_t *plan, int s,
                               jup_error_t *err)
{
    jup_yaml_node_t list, item;
    bool there, splits = jup_way_splits(plan->stages[s].way), heads = strcmp(key, "heads") == 0;
    int64_t share;
    JUP_TRY(per_member(map, key, splits, plan->stages[s].n, &list, &there, err));
    if (there && !splits)
        return jup_yaml_fail(&list, err, "is given, but in the way '%s' nobody shares a layer",
                             jup_way_name(plan->stages[s].way));
    for (int m = 0; there && m < plan->stages[s].n; m++) {
        jup_plan_member_t *member = jup_plan_member(plan, s, m);
        jup_yaml_item(&list, m, &item);
        JUP_TRY(jup_yaml_to_integer(&item, 1, 1 << 20, &share, err));
        *(heads ? &member->heads : &member->ffn) = (int)share;
    }
    return JUP_OK;
}

/* One number of the members' memory: weights, kv, work, budget. */
static double *memory_at(jup_plan_member_t *member, int key)
{
    double *const numbers[] = {&member->memory.weight_bytes, &member->memory.kv_bytes,
                               &member->memory.work_bytes, &member->budget_bytes};
    return numbers[key];
}

static jup_status_t read_memories(const jup_yaml_node_t *map, jup_plan_t *plan, int s,
                                  jup_error_t *err)
{
    jup_yaml_node_t list, item;
    bool there;
    JUP_TRY(jup_yaml_check_keys(map, memory_keys, err));
    for (int key = 0; memory_keys[key]; key++) {
        JUP_TRY(per_member(map, memory_keys[key], false, plan->stages[s].n, &list, &there, err));
        for (int m = 0; there && m < plan->stages[s].n; m++) {
            double mb;
            jup_yaml_item(&list, m, &item);
            JUP_TRY(jup_yaml_to_number(&item, 0, 1e12, &mb, err));
            *memory_at(jup_plan_member(plan, s, m), key) = mb * 1e6;
        }
    }
    return JUP_OK;
}

static jup_status_t read_group(const jup_yaml_node_t *map, jup_plan_t *plan, int s,
                               jup_error_t *err)
{
    static const char *const keys[] = {"devices", "names",     "way",      "heads",
                                       "ffn",     "first",     "last",     "prefill_s",
                                       "send_s",  "memory_mb", "decode_s", NULL};
    jup_yaml_node_t memory;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(read_members(map, plan, s, err));
    JUP_TRY(read_way(map, &plan->stages[s], err));
    JUP_TRY(read_share(map, "heads", plan, s, err));
    JUP_TRY(read_share(map, "ffn", plan, s, err));
    JUP_TRY(read_layers(map, &plan->stages[s], err));
    return jup_yaml_get(map, "memory_mb", &memory) ? read_memories(&memory, plan, s, err) : JUP_OK;
}

jup_status_t jup_plan_read_count(const jup_yaml_node_t *stages, int s, int version, int *n,
                                 jup_error_t *err)
{
    jup_yaml_node_t stage, list;
    static const char *const none[] = {NULL};
    jup_yaml_item(stages, s, &stage);
    *n = 1;
    if (version == 1)
        return JUP_OK;
    if (!jup_yaml_is_map(&stage))
        return jup_yaml_check_keys(&stage, none, err);
    return jup_plan_read_list(&stage, "devices", JUP_CLUSTER_DEVICES, &list, n, err);
}

jup_status_t jup_plan_read_stage(const jup_yaml_node_t *map, int version, jup_plan_t *plan, int s,
                                 jup_error_t *err)
{
    return (version == 1 ? read_device : read_group)(map, plan, s, err);
}
