#include "cluster/cluster.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void jup_cluster_reset(jup_cluster_t *cluster)
{
    for (int i = 0; i < cluster->n_profiles; i++)
        jup_profile_reset(&cluster->profiles[i]);
    jup_free(cluster->profiles);
    jup_free(cluster->devices);
    jup_free(cluster->links);
    memset(cluster, 0, sizeof *cluster);
}

static size_t link_count(const jup_cluster_t *cluster)
{
    return (size_t)cluster->n_devices * (size_t)cluster->n_devices;
}

void jup_cluster_copy(jup_cluster_t *copy, const jup_cluster_t *cluster)
{
    *copy = *cluster;
    copy->devices = jup_new((size_t)cluster->n_devices, sizeof *copy->devices);
    memcpy(copy->devices, cluster->devices, (size_t)cluster->n_devices * sizeof *copy->devices);
    copy->profiles = jup_new((size_t)cluster->n_profiles, sizeof *copy->profiles);
    for (int i = 0; i < cluster->n_profiles; i++)
        jup_profile_copy(&copy->profiles[i], &cluster->profiles[i]);
    if (cluster->links) {
        copy->links = jup_new(link_count(cluster), sizeof *copy->links);
        memcpy(copy->links, cluster->links, link_count(cluster) * sizeof *copy->links);
    }
}

int jup_cluster_add_profile(jup_cluster_t *cluster, const jup_profile_t *profile)
{
    int index = cluster->n_profiles++;
    cluster->profiles =
        jup_resize(cluster->profiles, (size_t)cluster->n_profiles, sizeof *cluster->profiles);
    jup_profile_copy(&cluster->profiles[index], profile);
    return index;
}

jup_device_t *jup_cluster_add_device(jup_cluster_t *cluster, const char *name, int profile)
{
    int index = cluster->n_devices++;
    cluster->devices =
        jup_resize(cluster->devices, (size_t)cluster->n_devices, sizeof *cluster->devices);
    jup_device_t *device = &cluster->devices[index];
    const jup_profile_t *p = &cluster->profiles[profile];
    *device = (jup_device_t){
        .profile = profile,
        .budget_bytes = p->memory_bytes - p->reserved_bytes,
        .threads = p->threads,
    };
    snprintf(device->name, sizeof device->name, "%s", name);
    return device;
}

const jup_profile_t *jup_cluster_profile(const jup_cluster_t *cluster, int device)
{
    return &cluster->profiles[cluster->devices[device].profile];
}

jup_link_t jup_cluster_link(const jup_cluster_t *cluster, int from, int to)
{
    return cluster->links ? cluster->links[(size_t)from * (size_t)cluster->n_devices + (size_t)to]
                          : cluster->default_link;
}

void jup_cluster_set_link(jup_cluster_t *cluster, int from, int to, jup_link_t link)
{
    if (!cluster->links) {
        cluster->links = jup_new(link_count(cluster), sizeof *cluster->links);
        for (size_t i = 0; i < link_count(cluster); i++)
            cluster->links[i] = cluster->default_link;
    }
    cluster->links[(size_t)from * (size_t)cluster->n_devices + (size_t)to] = link;
}

double jup_link_s(jup_link_t link, double bytes)
{
    return link.latency_s + bytes / link.bytes_per_s;
}

int jup_cluster_device(const jup_cluster_t *cluster, const char *name)
{
    for (int i = 0; i < cluster->n_devices; i++)
        if (strcmp(cluster->devices[i].name, name) == 0)
            return i;
    return -1;
}
