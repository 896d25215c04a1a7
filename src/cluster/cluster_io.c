#include "cluster/cluster.h"

#include "base/mem.h"
#include "cluster/nearest.h"
#include "cluster/yaml_in.h"
#include "cluster/yaml_out.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double giga = 1e9, milli = 1e-3, mbit_bytes = 1e6 / 8;

/* ---- profiles by the name they have in the file --------------------------------------------- */

/* Names as written (a path or a shipped name), in the order of the cluster's profiles. */
typedef struct known {
    char (*names)[512];
    int n;
} known_t;

static jup_status_t profile_index(jup_cluster_t *cluster, known_t *known,
                                  const jup_yaml_node_t *node, int *index, jup_error_t *err)
{
    char name[512];
    JUP_TRY(jup_yaml_to_text(node, name, sizeof name, err));
    for (*index = 0; *index < known->n; (*index)++)
        if (strcmp(known->names[*index], name) == 0)
            return JUP_OK;
    jup_profile_t profile;
    if (jup_profile_find(&profile, name, jup_yaml_name(node->yaml), err) != JUP_OK) {
        char why[sizeof err->text];
        snprintf(why, sizeof why, "%s", err ? err->text : "");
        return jup_yaml_fail(node, err, "cannot be used: %s", why);
    }
    *index = jup_cluster_add_profile(cluster, &profile);
    jup_profile_reset(&profile);
    known->names = jup_resize(known->names, (size_t)(known->n + 1), sizeof *known->names);
    snprintf(known->names[known->n++], sizeof *known->names, "%s", name);
    return JUP_OK;
}

/* ---- devices -------------------------------------------------------------------------------- */

static jup_status_t check_name(const jup_cluster_t *cluster, const jup_yaml_node_t *node,
                               const char *name, jup_error_t *err)
{
    if (name[0] == '\0')
        return jup_yaml_fail(node, err, "has an empty name");
    if (jup_cluster_device(cluster, name) >= 0)
        return jup_yaml_fail(node, err, "has the name '%s' of another device", name);
    return JUP_OK;
}

static jup_status_t read_limits(const jup_yaml_node_t *map, const jup_profile_t *profile,
                                jup_device_t *device, jup_error_t *err)
{
    double gb = device->budget_bytes / giga;
    int64_t threads = device->threads;
    JUP_TRY(jup_yaml_number(map, "memory_gb", 1e-6, profile->memory_bytes / giga, &gb, err));
    JUP_TRY(jup_yaml_integer(map, "threads", 0, 4096, &threads, err));
    device->budget_bytes = gb * giga;
    device->threads = (int)threads;
    return jup_yaml_text(map, "host", device->host, sizeof device->host, err);
}

static jup_status_t read_device(const jup_yaml_node_t *map, jup_cluster_t *cluster, known_t *known,
                                jup_error_t *err)
{
    static const char *const keys[] = {"name",    "profile", "count", "memory_gb",
                                       "threads", "host",    NULL};
    char base[48] = "", name[JUP_CLUSTER_NAME];
    int64_t count = 1;
    int profile;
    jup_yaml_node_t node;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(jup_yaml_require(map, "profile", &node, err));
    JUP_TRY(profile_index(cluster, known, &node, &profile, err));
    JUP_TRY(
        jup_yaml_integer(map, "count", 1, JUP_CLUSTER_DEVICES - cluster->n_devices, &count, err));
    JUP_TRY(jup_yaml_text(map, "name", base, sizeof base, err));
    if (!base[0])
        snprintf(base, sizeof base, "%.40s", cluster->profiles[profile].name);
    for (int64_t i = 0; i < count; i++) {
        if (count > 1)
            snprintf(name, sizeof name, "%.40s-%lld", base, (long long)i);
        else
            snprintf(name, sizeof name, "%s", base);
        JUP_TRY(check_name(cluster, map, name, err));
        jup_device_t *device = jup_cluster_add_device(cluster, name, profile);
        JUP_TRY(read_limits(map, &cluster->profiles[profile], device, err));
    }
    return JUP_OK;
}

static jup_status_t read_devices(const jup_yaml_node_t *root, jup_cluster_t *cluster,
                                 jup_error_t *err)
{
    jup_yaml_node_t list, item;
    known_t known = {0};
    int n;
    JUP_TRY(jup_yaml_require(root, "devices", &list, err));
    JUP_TRY(jup_yaml_length(&list, &n, err));
    if (n < 1)
        return jup_yaml_fail(&list, err, "is empty, must name at least one device");
    jup_status_t status = JUP_OK;
    for (int i = 0; status == JUP_OK && i < n; i++) {
        jup_yaml_item(&list, i, &item);
        if (cluster->n_devices >= JUP_CLUSTER_DEVICES)
            status = jup_yaml_fail(&item, err, "is one too many: at most %d devices",
                                   JUP_CLUSTER_DEVICES);
        else
            status = read_device(&item, cluster, &known, err);
    }
    jup_free(known.names);
    return status;
}

/* ---- links ---------------------------------------------------------------------------------- */

static jup_status_t read_link(const jup_yaml_node_t *map, jup_link_t *link, jup_error_t *err)
{
    double mbps = link->bytes_per_s / mbit_bytes, ms = link->latency_s / milli;
    JUP_TRY(jup_yaml_number(map, "mbps", 1e-3, 1e7, &mbps, err));
    JUP_TRY(jup_yaml_number(map, "ms", 0, 1e5, &ms, err));
    *link = (jup_link_t){.latency_s = ms * milli, .bytes_per_s = mbps * mbit_bytes};
    return JUP_OK;
}

static jup_status_t read_end(const jup_yaml_node_t *map, const char *key,
                             const jup_cluster_t *cluster, int *device, jup_error_t *err)
{
    jup_yaml_node_t node;
    char name[JUP_CLUSTER_NAME];
    JUP_TRY(jup_yaml_require(map, key, &node, err));
    JUP_TRY(jup_yaml_to_text(&node, name, sizeof name, err));
    *device = jup_cluster_device(cluster, name);
    if (*device >= 0)
        return JUP_OK;
    const char **names = jup_new((size_t)cluster->n_devices + 1, sizeof *names);
    for (int i = 0; i < cluster->n_devices; i++)
        names[i] = cluster->devices[i].name;
    const char *nearest = jup_nearest(name, names);
    jup_free(names);
    return jup_yaml_fail(&node, err, "is '%s', no device of this cluster%s%s%s", name,
                         nearest ? "; did you mean '" : "", nearest ? nearest : "",
                         nearest ? "'?" : "");
}

static jup_status_t read_pair(const jup_yaml_node_t *map, jup_cluster_t *cluster, jup_error_t *err)
{
    static const char *const keys[] = {"from", "to", "mbps", "ms", "both_ways", NULL};
    jup_yaml_node_t node;
    int from, to;
    bool both_ways = true;
    JUP_TRY(jup_yaml_check_keys(map, keys, err));
    JUP_TRY(read_end(map, "from", cluster, &from, err));
    JUP_TRY(read_end(map, "to", cluster, &to, err));
    if (from == to)
        return jup_yaml_fail(map, err, "links the device '%s' with itself",
                             cluster->devices[from].name);
    jup_link_t link = cluster->default_link;
    JUP_TRY(read_link(map, &link, err));
    if (jup_yaml_get(map, "both_ways", &node))
        JUP_TRY(jup_yaml_to_bool(&node, &both_ways, err));
    jup_cluster_set_link(cluster, from, to, link);
    if (both_ways)
        jup_cluster_set_link(cluster, to, from, link);
    return JUP_OK;
}

static jup_status_t read_links(const jup_yaml_node_t *root, jup_cluster_t *cluster,
                               jup_error_t *err)
{
    static const char *const keys[] = {"mbps", "ms", NULL};
    jup_yaml_node_t node, item;
    int n;
    cluster->default_link = (jup_link_t){.latency_s = milli, .bytes_per_s = 1000 * mbit_bytes};
    if (jup_yaml_get(root, "link", &node)) {
        JUP_TRY(jup_yaml_check_keys(&node, keys, err));
        JUP_TRY(read_link(&node, &cluster->default_link, err));
    }
    if (!jup_yaml_get(root, "links", &node))
        return JUP_OK;
    JUP_TRY(jup_yaml_length(&node, &n, err));
    for (int i = 0; i < n; i++) {
        jup_yaml_item(&node, i, &item);
        JUP_TRY(read_pair(&item, cluster, err));
    }
    return JUP_OK;
}

/* ---- the file ------------------------------------------------------------------------------- */

static jup_status_t read_cluster(jup_yaml_t *yaml, jup_cluster_t *cluster, jup_error_t *err)
{
    static const char *const keys[] = {"name", "devices", "link", "links", NULL};
    jup_yaml_node_t root;
    JUP_TRY(jup_yaml_root(yaml, &root, err));
    JUP_TRY(jup_yaml_check_keys(&root, keys, err));
    JUP_TRY(jup_yaml_text(&root, "name", cluster->name, sizeof cluster->name, err));
    JUP_TRY(read_devices(&root, cluster, err));
    return read_links(&root, cluster, err);
}

/* Closes the document. */
static jup_status_t read_document(jup_yaml_t *yaml, jup_cluster_t *cluster, jup_error_t *err)
{
    jup_status_t status = read_cluster(yaml, cluster, err);
    jup_yaml_close(yaml);
    if (status != JUP_OK)
        jup_cluster_reset(cluster);
    return status;
}

jup_status_t jup_cluster_read(jup_cluster_t *cluster, const char *path, jup_error_t *err)
{
    jup_yaml_t *yaml;
    memset(cluster, 0, sizeof *cluster);
    JUP_TRY(jup_yaml_open(&yaml, path, err));
    return read_document(yaml, cluster, err);
}

jup_status_t jup_cluster_load(jup_cluster_t *cluster, const char *what, jup_error_t *err)
{
    char shipped[128];
    jup_shipped_place_t place;
    jup_yaml_t *yaml;
    size_t length = strlen(what);
    if (strchr(what, '/') || (length > 5 && strcmp(what + length - 5, ".yaml") == 0) ||
        access(what, F_OK) == 0)
        return jup_cluster_read(cluster, what, err);
    snprintf(shipped, sizeof shipped, "clusters/%.80s.yaml", what);
    if (!jup_shipped_find(shipped, &place))
        return jup_cluster_synthesise(cluster, what, err);
    memset(cluster, 0, sizeof *cluster);
    JUP_TRY(jup_yaml_open_shipped(&yaml, &place, err));
    return read_document(yaml, cluster, err);
}

static void put_link(jup_yaml_out_t *out, int map, jup_link_t link)
{
    jup_yaml_put_number(out, map, "mbps", link.bytes_per_s / mbit_bytes, 6);
    jup_yaml_put_number(out, map, "ms", link.latency_s / milli, 6);
}

static void put_links(jup_yaml_out_t *out, int root, const jup_cluster_t *cluster)
{
    put_link(out, jup_yaml_put_map(out, root, "link", true), cluster->default_link);
    if (!cluster->links)
        return;
    int list = jup_yaml_put_list(out, root, "links", false);
    for (int from = 0; from < cluster->n_devices; from++)
        for (int to = 0; to < cluster->n_devices; to++) {
            jup_link_t link = jup_cluster_link(cluster, from, to);
            if (from == to || (link.latency_s == cluster->default_link.latency_s &&
                               link.bytes_per_s == cluster->default_link.bytes_per_s))
                continue;
            int map = jup_yaml_put_map(out, list, NULL, true);
            jup_yaml_put_text(out, map, "from", cluster->devices[from].name);
            jup_yaml_put_text(out, map, "to", cluster->devices[to].name);
            put_link(out, map, link);
            jup_yaml_put_bool(out, map, "both_ways", false);
        }
}

jup_status_t jup_cluster_write(const jup_cluster_t *cluster, const char *const *profile_paths,
                               const char *path, jup_error_t *err)
{
    int root;
    jup_yaml_out_t *out = jup_yaml_out_new(&root);
    jup_yaml_put_text(out, root, "name", cluster->name);
    int list = jup_yaml_put_list(out, root, "devices", false);
    for (int i = 0; i < cluster->n_devices; i++) {
        const jup_device_t *device = &cluster->devices[i];
        int map = jup_yaml_put_map(out, list, NULL, true);
        jup_yaml_put_text(out, map, "name", device->name);
        jup_yaml_put_text(out, map, "profile",
                          profile_paths ? profile_paths[device->profile]
                                        : cluster->profiles[device->profile].name);
        jup_yaml_put_number(out, map, "memory_gb", device->budget_bytes / giga, 6);
        jup_yaml_put_integer(out, map, "threads", device->threads);
        if (device->host[0])
            jup_yaml_put_text(out, map, "host", device->host);
    }
    put_links(out, root, cluster);
    jup_status_t status = jup_yaml_out_file(out, path, err);
    jup_yaml_out_destroy(out);
    return status;
}
