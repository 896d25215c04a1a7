#include "cluster/platform.h"

/* Text inside an XML attribute. */
static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
}

static void print_link(FILE *out, const char *kind, const char *name, jup_link_t link)
{
    fprintf(out, "    <link id=\"%s", kind);
    print_escaped(out, name);
    fprintf(out, "\" bandwidth=\"%.17gBps\" latency=\"%.17gs\"/>\n", link.bytes_per_s,
            link.latency_s);
}

static void print_hosts(const jup_cluster_t *cluster, FILE *out)
{
    for (int i = 0; i < cluster->n_devices; i++) {
        fputs("    <host id=\"", out);
        print_escaped(out, cluster->devices[i].name);
        fprintf(out, "\" speed=\"%.17gf\"/>\n", JUP_PLATFORM_FLOPS);
    }
}

/* All links alike: a message goes up its sender's port, which has the latency, and down another. */
static void print_uniform(const jup_cluster_t *cluster, FILE *out)
{
    jup_link_t up = cluster->default_link, down = up;
    down.latency_s = 0;
    fputs("  <zone id=\"cluster\" routing=\"Cluster\">\n", out);
    print_hosts(cluster, out);
    for (int i = 0; i < cluster->n_devices; i++) {
        const char *name = cluster->devices[i].name;
        print_link(out, "up:", name, up);
        print_link(out, "down:", name, down);
        fputs("    <host_link id=\"", out);
        print_escaped(out, name);
        fputs("\" up=\"up:", out);
        print_escaped(out, name);
        fputs("\" down=\"down:", out);
        print_escaped(out, name);
        fputs("\"/>\n", out);
    }
    fputs("  </zone>\n", out);
}

/* A device's port carries as much as its fastest link, out of it or into it. */
static jup_link_t port(const jup_cluster_t *cluster, int device, bool out)
{
    jup_link_t fastest = {.latency_s = 0, .bytes_per_s = 0};
    for (int peer = 0; peer < cluster->n_devices; peer++) {
        jup_link_t link =
            out ? jup_cluster_link(cluster, device, peer) : jup_cluster_link(cluster, peer, device);
        if (peer != device && link.bytes_per_s > fastest.bytes_per_s)
            fastest.bytes_per_s = link.bytes_per_s;
    }
    return fastest;
}

static void print_route(const jup_cluster_t *cluster, int from, int to, FILE *out)
{
    const char *source = cluster->devices[from].name, *target = cluster->devices[to].name;
    fputs("    <route src=\"", out);
    print_escaped(out, source);
    fputs("\" dst=\"", out);
    print_escaped(out, target);
    fputs("\" symmetrical=\"NO\"><link_ctn id=\"up:", out);
    print_escaped(out, source);
    fprintf(out, "\"/><link_ctn id=\"pair:%d-%d\"/><link_ctn id=\"down:", from, to);
    print_escaped(out, target);
    fputs("\"/></route>\n", out);
}

static void print_pairs(const jup_cluster_t *cluster, FILE *out)
{
    int n = cluster->n_devices;
    fputs("  <zone id=\"cluster\" routing=\"Full\">\n", out);
    print_hosts(cluster, out);
    for (int i = 0; i < n; i++) {
        print_link(out, "up:", cluster->devices[i].name, port(cluster, i, true));
        print_link(out, "down:", cluster->devices[i].name, port(cluster, i, false));
    }
    for (int pair = 0; pair < n * n; pair++) {
        char name[32];
        snprintf(name, sizeof name, "%d-%d", pair / n, pair % n);
        if (pair / n != pair % n)
            print_link(out, "pair:", name, jup_cluster_link(cluster, pair / n, pair % n));
    }
    for (int pair = 0; pair < n * n; pair++)
        if (pair / n != pair % n)
            print_route(cluster, pair / n, pair % n, out);
    fputs("  </zone>\n", out);
}

jup_status_t jup_platform_write_simgrid(const jup_cluster_t *cluster, FILE *out, jup_error_t *err)
{
    bool pairs = cluster->links && cluster->n_devices > 1;
    if (pairs && cluster->n_devices > JUP_PLATFORM_PAIRS)
        return jup_fail(err, JUP_EINPUT,
                        "cluster '%s' has %d devices and links that differ; a platform with links "
                        "for every pair can have %d devices, or give all pairs the same link",
                        cluster->name, cluster->n_devices, JUP_PLATFORM_PAIRS);
    fputs("<?xml version=\"1.0\"?>\n"
          "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
          "<platform version=\"4.1\">\n",
          out);
    if (pairs)
        print_pairs(cluster, out);
    else
        print_uniform(cluster, out);
    fputs("</platform>\n", out);
    return JUP_OK;
}

void jup_platform_write_hosts(const jup_cluster_t *cluster, FILE *out)
{
    for (int i = 0; i < cluster->n_devices; i++)
        fprintf(out, "%s\n", cluster->devices[i].name);
}

static void print_link_line(FILE *out, jup_link_t link)
{
    fprintf(out, "\t%.9g\t%.9g\n", link.bytes_per_s * 8e-6, link.latency_s * 1e3);
}

void jup_platform_write_lines(const jup_cluster_t *cluster, FILE *out)
{
    fprintf(out, "cluster\t%s\n", cluster->name);
    for (int i = 0; i < cluster->n_devices; i++) {
        const jup_device_t *device = &cluster->devices[i];
        fprintf(out, "device\t%d\t%s\t%s\t%d\t%.0f\t%.9g\n", i, device->name,
                device->host[0] ? device->host : "-", device->threads, device->budget_bytes,
                jup_cluster_profile(cluster, i)->flops_per_s * 1e-9);
    }
    fputs("link\t*\t*", out);
    print_link_line(out, cluster->default_link);
    for (int from = 0; from < cluster->n_devices && cluster->links; from++)
        for (int to = 0; to < cluster->n_devices; to++)
            if (from != to) {
                fprintf(out, "link\t%d\t%d", from, to);
                print_link_line(out, jup_cluster_link(cluster, from, to));
            }
}
