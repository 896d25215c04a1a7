#include "cluster/profile.h"

#include "base/mem.h"
#include "cluster/yaml_in.h"
#include "cluster/yaml_out.h"

#include <stdio.h>
#include <string.h>

static const double giga = 1e9, milli = 1e-3, nano = 1e-9;

/* ---- reading -------------------------------------------------------------------------------- */

static jup_status_t scaled(const jup_yaml_node_t *map, const char *key, double min, double max,
                           double unit, double *value, jup_error_t *err)
{
    double number = *value / unit;
    JUP_TRY(jup_yaml_number(map, key, min, max, &number, err));
    *value = number * unit;
    return JUP_OK;
}

static jup_status_t required(const jup_yaml_node_t *map, const char *key, double max, double unit,
                             double *value, jup_error_t *err)
{
    jup_yaml_node_t node;
    JUP_TRY(jup_yaml_require(map, key, &node, err));
    JUP_TRY(jup_yaml_to_number(&node, 1e-9, max, value, err));
    *value *= unit;
    return JUP_OK;
}

static jup_status_t read_axis(const jup_yaml_node_t *map, const char *key, int32_t from,
                              int32_t *axis, int *n, jup_error_t *err)
{
    jup_yaml_node_t list, item;
    JUP_TRY(jup_yaml_require(map, key, &list, err));
    JUP_TRY(jup_yaml_length(&list, n, err));
    if (*n < 2 || *n > JUP_PROFILE_POINTS)
        return jup_yaml_fail(&list, err, "has %d values, must have between 2 and %d", *n,
                             JUP_PROFILE_POINTS);
    for (int i = 0; i < *n; i++) {
        int64_t value;
        jup_yaml_item(&list, i, &item);
        JUP_TRY(jup_yaml_to_integer(&item, i ? axis[i - 1] + 1 : from, 1 << 24, &value, err));
        axis[i] = (int32_t)value;
    }
    if (axis[0] != from)
        return jup_yaml_fail(&list, err, "starts at %d, must start at %d", axis[0], from);
    return JUP_OK;
}

static jup_status_t read_times(const jup_yaml_node_t *map, jup_measured_t *m, jup_error_t *err)
{
    jup_yaml_node_t table, row, item;
    int n;
    JUP_TRY(jup_yaml_require(map, "layer_ms", &table, err));
    JUP_TRY(jup_yaml_length(&table, &n, err));
    if (n != m->n_chunks)
        return jup_yaml_fail(&table, err, "has %d rows, must have one per chunk: %d", n,
                             m->n_chunks);
    for (int i = 0; i < m->n_chunks; i++) {
        jup_yaml_item(&table, i, &row);
        JUP_TRY(jup_yaml_length(&row, &n, err));
        if (n != m->n_prefixes)
            return jup_yaml_fail(&row, err, "has %d values, must have one per prefix: %d", n,
                                 m->n_prefixes);
        for (int j = 0; j < n; j++) {
            double ms;
            jup_yaml_item(&row, j, &item);
            JUP_TRY(jup_yaml_to_number(&item, 1e-9, 1e9, &ms, err));
            m->layer_s[i * m->n_prefixes + j] = ms * milli;
        }
    }
    return JUP_OK;
}

static jup_status_t read_measured(const jup_yaml_node_t *map, jup_measured_t *m, jup_error_t *err)
{
    static const char *const keys[] = {"key",          "chunks",  "prefixes",  "layer_ms",
                                       "embed_row_ms", "head_ms", "fit_error", NULL};
    jup_yaml_node_t key;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(jup_yaml_require(map, "key", &key, err));
    JUP_TRY(jup_yaml_to_text(&key, m->key, sizeof m->key, err));
    JUP_TRY(read_axis(map, "chunks", 1, m->chunks, &m->n_chunks, err));
    JUP_TRY(read_axis(map, "prefixes", 0, m->prefixes, &m->n_prefixes, err));
    m->layer_s = jup_new((size_t)(m->n_chunks * m->n_prefixes), sizeof *m->layer_s);
    JUP_TRY(read_times(map, m, err));
    JUP_TRY(scaled(map, "embed_row_ms", 0, 1e9, milli, &m->embed_row_s, err));
    JUP_TRY(scaled(map, "head_ms", 0, 1e9, milli, &m->head_s, err));
    return jup_yaml_number(map, "fit_error", 0, 1e9, &m->fit_error, err);
}

static jup_status_t read_rates(const jup_yaml_node_t *map, jup_profile_t *p, jup_error_t *err)
{
    JUP_TRY(required(map, "gflops", 1e15, giga, &p->flops_per_s, err));
    JUP_TRY(required(map, "gb_per_s", 1e15, giga, &p->bytes_per_s, err));
    p->attention_flops_per_s = p->flops_per_s;
    JUP_TRY(scaled(map, "attention_gflops", 1e-9, 1e15, giga, &p->attention_flops_per_s, err));
    p->kv_bytes_per_s = p->bytes_per_s;
    JUP_TRY(scaled(map, "kv_gb_per_s", 1e-9, 1e15, giga, &p->kv_bytes_per_s, err));
    JUP_TRY(jup_yaml_number(map, "overlap", 0, 1, &p->overlap, err));
    JUP_TRY(scaled(map, "layer_ms", 0, 1e6, milli, &p->layer_s, err));
    JUP_TRY(scaled(map, "step_ms", 0, 1e6, milli, &p->step_s, err));
    JUP_TRY(jup_yaml_number(map, "split_loss", 0, 1, &p->split_loss, err));
    JUP_TRY(jup_yaml_number(map, "rest_gain", 0, 1e3, &p->rest_gain, err));
    JUP_TRY(scaled(map, "rest_most_ms", 0, 1e6, milli, &p->rest_most_s, err));
    JUP_TRY(scaled(map, "message_ms", 0, 1e6, milli, &p->message_s, err));
    return scaled(map, "message_ns_per_byte", 0, 1e6, nano, &p->message_byte_s, err);
}

static jup_status_t read_memory(const jup_yaml_node_t *map, jup_profile_t *p, jup_error_t *err)
{
    JUP_TRY(required(map, "memory_gb", 1e6, giga, &p->memory_bytes, err));
    return scaled(map, "reserved_gb", 0, p->memory_bytes / giga, giga, &p->reserved_bytes, err);
}

static jup_status_t read_profile(const jup_yaml_node_t *map, jup_profile_t *p, jup_error_t *err)
{
    static const char *const keys[] = {
        "name",      "title",        "memory_gb",        "reserved_gb", "threads",
        "gflops",    "gb_per_s",     "attention_gflops", "kv_gb_per_s", "overlap",
        "layer_ms",  "step_ms",      "split_loss",       "message_ms",  "message_ns_per_byte",
        "rest_gain", "rest_most_ms", "measured",         NULL};
    jup_yaml_node_t node;
    int64_t threads = 0;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(jup_yaml_require(map, "name", &node, err));
    JUP_TRY(jup_yaml_to_text(&node, p->name, sizeof p->name, err));
    JUP_TRY(jup_yaml_text(map, "title", p->title, sizeof p->title, err));
    JUP_TRY(jup_yaml_integer(map, "threads", 0, 4096, &threads, err));
    p->threads = (int)threads;
    JUP_TRY(read_memory(map, p, err));
    JUP_TRY(read_rates(map, p, err));
    return jup_yaml_get(map, "measured", &node) ? read_measured(&node, &p->measured, err) : JUP_OK;
}

/* Closes the document. */
static jup_status_t read_document(jup_yaml_t *yaml, jup_profile_t *profile, jup_error_t *err)
{
    jup_yaml_node_t root;
    jup_status_t status = jup_yaml_root(yaml, &root, err);
    if (status == JUP_OK)
        status = read_profile(&root, profile, err);
    if (status != JUP_OK)
        jup_profile_reset(profile);
    jup_yaml_close(yaml);
    return status;
}

jup_status_t jup_profile_read(jup_profile_t *profile, const char *path, jup_error_t *err)
{
    jup_yaml_t *yaml;
    memset(profile, 0, sizeof *profile);
    JUP_TRY(jup_yaml_open(&yaml, path, err));
    return read_document(yaml, profile, err);
}

/* ---- finding -------------------------------------------------------------------------------- */

static bool ends_in_yaml(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".yaml") == 0;
}

jup_status_t jup_profile_find(jup_profile_t *profile, const char *name, const char *beside,
                              jup_error_t *err)
{
    char path[1200], relative[128], names[400];
    jup_shipped_place_t place;
    jup_yaml_t *yaml;
    if (strchr(name, '/') || ends_in_yaml(name)) {
        const char *slash = beside && name[0] != '/' ? strrchr(beside, '/') : NULL;
        snprintf(path, sizeof path, "%.*s%.500s", slash ? (int)(slash + 1 - beside) : 0,
                 slash ? beside : "", name);
        return jup_profile_read(profile, path, err);
    }
    snprintf(relative, sizeof relative, "profiles/%.64s.yaml", name);
    if (!jup_shipped_find(relative, &place)) {
        jup_shipped_names("profiles", names, sizeof names);
        return jup_fail(err, JUP_EINPUT,
                        "no device profile '%.64s'; there are %s (or give a .yaml file)", name,
                        names);
    }
    memset(profile, 0, sizeof *profile);
    JUP_TRY(jup_yaml_open_shipped(&yaml, &place, err));
    return read_document(yaml, profile, err);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void put_axis(jup_yaml_out_t *out, int map, const char *key, const int32_t *axis, int n)
{
    int list = jup_yaml_put_list(out, map, key, true);
    for (int i = 0; i < n; i++)
        jup_yaml_put_integer(out, list, NULL, axis[i]);
}

static void put_measured(jup_yaml_out_t *out, int root, const jup_measured_t *m)
{
    int map = jup_yaml_put_map(out, root, "measured", false);
    jup_yaml_put_text(out, map, "key", m->key);
    put_axis(out, map, "chunks", m->chunks, m->n_chunks);
    put_axis(out, map, "prefixes", m->prefixes, m->n_prefixes);
    int table = jup_yaml_put_list(out, map, "layer_ms", false);
    for (int i = 0; i < m->n_chunks; i++) {
        int row = jup_yaml_put_list(out, table, NULL, true);
        for (int j = 0; j < m->n_prefixes; j++)
            jup_yaml_put_number(out, row, NULL, m->layer_s[i * m->n_prefixes + j] / milli, 6);
    }
    jup_yaml_put_number(out, map, "embed_row_ms", m->embed_row_s / milli, 6);
    jup_yaml_put_number(out, map, "head_ms", m->head_s / milli, 6);
    jup_yaml_put_number(out, map, "fit_error", m->fit_error, 3);
}

jup_status_t jup_profile_write(const jup_profile_t *p, const char *path, jup_error_t *err)
{
    int root;
    jup_yaml_out_t *out = jup_yaml_out_new(&root);
    jup_yaml_put_text(out, root, "name", p->name);
    jup_yaml_put_text(out, root, "title", p->title);
    jup_yaml_put_number(out, root, "memory_gb", p->memory_bytes / giga, 6);
    jup_yaml_put_number(out, root, "reserved_gb", p->reserved_bytes / giga, 6);
    jup_yaml_put_integer(out, root, "threads", p->threads);
    jup_yaml_put_number(out, root, "gflops", p->flops_per_s / giga, 6);
    jup_yaml_put_number(out, root, "attention_gflops", p->attention_flops_per_s / giga, 6);
    jup_yaml_put_number(out, root, "gb_per_s", p->bytes_per_s / giga, 6);
    jup_yaml_put_number(out, root, "kv_gb_per_s", p->kv_bytes_per_s / giga, 6);
    jup_yaml_put_number(out, root, "overlap", p->overlap, 6);
    jup_yaml_put_number(out, root, "layer_ms", p->layer_s / milli, 6);
    jup_yaml_put_number(out, root, "step_ms", p->step_s / milli, 6);
    if (p->split_loss > 0)
        jup_yaml_put_number(out, root, "split_loss", p->split_loss, 6);
    if (p->rest_gain > 0)
        jup_yaml_put_number(out, root, "rest_gain", p->rest_gain, 4);
    if (p->rest_most_s > 0)
        jup_yaml_put_number(out, root, "rest_most_ms", p->rest_most_s / milli, 4);
    if (p->message_s > 0 || p->message_byte_s > 0) {
        jup_yaml_put_number(out, root, "message_ms", p->message_s / milli, 4);
        jup_yaml_put_number(out, root, "message_ns_per_byte", p->message_byte_s / nano, 4);
    }
    if (p->measured.n_chunks)
        put_measured(out, root, &p->measured);
    jup_status_t status = jup_yaml_out_file(out, path, err);
    jup_yaml_out_destroy(out);
    return status;
}
