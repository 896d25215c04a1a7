/*
 * Clusters from one line:
 *   GROUP { "+" GROUP } [ "@" NUMBER ("mbps" | "gbps") [ "," NUMBER "ms" ] ]
 *   GROUP = [ COUNT "x" ] PROFILE [ ":" NUMBER "gb" ]
 * Without "@": 1000mbps. Without "ms": 1ms.
 */
#include "cluster/cluster.h"

#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static jup_status_t wrong(const char *text, jup_error_t *err, const char *what, const char *at)
{
    return jup_fail(err, JUP_EINPUT,
                    "cluster '%.100s': %s at '%.40s'; it is no file, and as a synthetic cluster it "
                    "must look like 4xnx@100mbps or nx+2xtx2+nano:3.5gb@1gbps,2ms",
                    text, what, at);
}

/* A positive number and one of two units; *in moves past them. False when it is not there. */
static bool quantity(const char **in, const char *unit, double *value)
{
    char *end;
    double number = strtod(*in, &end);
    size_t length = strlen(unit);
    if (end == *in || !isfinite(number) || number < 0 || strncasecmp(end, unit, length) != 0)
        return false;
    *value = number;
    *in = end + length;
    return true;
}

static jup_status_t parse_link(jup_cluster_t *cluster, const char *text, const char *in,
                               jup_error_t *err)
{
    double mbps = 1000, ms = 1, gbps;
    if (*in == '@') {
        in++;
        if (quantity(&in, "gbps", &gbps))
            mbps = 1000 * gbps;
        else if (!quantity(&in, "mbps", &mbps))
            return wrong(text, err, "a bandwidth such as 100mbps is missing", in);
        if (mbps < 1e-3 || mbps > 1e7)
            return wrong(text, err, "the bandwidth must be between 0.001 and 1e7 mbps", in);
        if (*in == ',') {
            in++;
            if (!quantity(&in, "ms", &ms) || ms > 1e5)
                return wrong(text, err, "a latency such as 12ms is missing", in);
        }
    }
    if (*in)
        return wrong(text, err, "there is something left over", in);
    cluster->default_link = (jup_link_t){.latency_s = ms / 1e3, .bytes_per_s = mbps * 1e6 / 8};
    return JUP_OK;
}

static jup_status_t profile_index(jup_cluster_t *cluster, const char *name, int *index,
                                  jup_error_t *err)
{
    for (*index = 0; *index < cluster->n_profiles; (*index)++)
        if (strcmp(cluster->profiles[*index].name, name) == 0)
            return JUP_OK;
    jup_profile_t profile;
    JUP_TRY(jup_profile_find(&profile, name, NULL, err));
    snprintf(profile.name, sizeof profile.name, "%s", name); /* what it is asked for by */
    *index = jup_cluster_add_profile(cluster, &profile);
    jup_profile_reset(&profile);
    return JUP_OK;
}

static void add_devices(jup_cluster_t *cluster, int profile, long count, double gb)
{
    int earlier = 0;
    for (int i = 0; i < cluster->n_devices; i++)
        earlier += cluster->devices[i].profile == profile;
    for (long i = 0; i < count; i++) {
        char name[JUP_CLUSTER_NAME];
        snprintf(name, sizeof name, "%.40s-%ld", cluster->profiles[profile].name, earlier + i);
        jup_device_t *device = jup_cluster_add_device(cluster, name, profile);
        if (gb > 0)
            device->budget_bytes = gb * 1e9;
    }
}

static jup_status_t parse_group(jup_cluster_t *cluster, const char *text, const char **in,
                                jup_error_t *err)
{
    long long count;
    const char *end = jup_decimal_read(*in, &count);
    if (end != *in && *end == 'x') {
        if (count < 1 || count > JUP_CLUSTER_DEVICES - cluster->n_devices)
            return wrong(text, err, "the number of devices must be between 1 and 4096", *in);
        *in = end + 1;
    } else {
        count = 1;
    }
    size_t length = strcspn(*in, "+@:,");
    char name[JUP_PROFILE_NAME];
    if (length == 0 || length >= sizeof name)
        return wrong(text, err, "the name of a device profile is missing", *in);
    memcpy(name, *in, length);
    name[length] = '\0';
    *in += length;
    double gb = 0;
    if (**in == ':') {
        (*in)++;
        if (!quantity(in, "gb", &gb) || gb <= 0)
            return wrong(text, err, "a memory budget such as 3.5gb is missing", *in);
    }
    int profile;
    JUP_TRY(profile_index(cluster, name, &profile, err));
    add_devices(cluster, profile, (long)count, gb);
    return JUP_OK;
}

static jup_status_t parse(jup_cluster_t *cluster, const char *text, jup_error_t *err)
{
    const char *in = text;
    snprintf(cluster->name, sizeof cluster->name, "%.60s", text);
    do {
        JUP_TRY(parse_group(cluster, text, &in, err));
    } while (*in == '+' && *in++);
    return parse_link(cluster, text, in, err);
}

jup_status_t jup_cluster_synthesise(jup_cluster_t *cluster, const char *text, jup_error_t *err)
{
    memset(cluster, 0, sizeof *cluster);
    jup_status_t status = parse(cluster, text, err);
    if (status != JUP_OK)
        jup_cluster_reset(cluster);
    return status;
}
