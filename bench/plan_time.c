/*
 * Time (quickest of a few) and memory (peak so far) of planning, on one core. Each case is
 * validated before it is timed: the plan is whole, within memory, and not slower than the even
 * split. First pipelines of single devices, then hybrids of groups. Usage: plan_time [EFFORT]
 */
#include "base/clock.h"
#include "base/mem.h"
#include "model/shapes.h"
#include "plan/hybrid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUICKEST_OF = 5 };

typedef struct bench_case {
    const char *shape, *type, *cluster;
    int64_t prompt, generate;
    double limit_s; /* what it should take at most; 0: no aim */
} bench_case_t;

static const bench_case_t cases[] = {
    {"llama2-7b", "q4_0", "4xnx@100mbps,15ms", 260, 64, 0},
    {"llama2-7b", "q4_0", "nx+2xtx2+nano@100mbps,15ms", 260, 64, 0},
    {"llama2-7b", "q4_0", "nx+2xtx2+nano@1gbps,2.1ms", 4096, 1, 0.050},
    {"llama2-7b", "q4_0", "nx+2xtx2+nano@1gbps,2.1ms", 4096, 256, 0.050},
    {"llama2-70b", "q4_0", "16xnx@1gbps,2.1ms", 4096, 256, 0},
    {"llama3-405b", "q4_0", "64xagx-orin@1gbps,1ms", 32768, 256, 5},
    {"llama3-405b", "q4_0", "16xagx-orin+48xnx@1gbps,1ms", 32768, 256, 5},
    {"llama3-405b", "q4_0", "32xagx-orin+224xpi5@1gbps,1ms", 32768, 256, 0},
    {"llama3-405b", "q4_0", "24xagx-orin+500xpi5+500xpi4@1gbps,1ms", 32768, 1, 0},
};

static const bench_case_t hybrids[] = {
    {"llama2-7b", "q4_0", "nx+2xtx2+nano@1gbps,2.1ms", 260, 64, 0},
    {"llama3-8b", "q4_0", "4xpi5@1gbps,0.2ms", 128, 64, 0},
    {"llama2-70b", "q4_0", "16xnx@1gbps,0.3ms", 4096, 256, 0},
    {"llama3-405b", "q4_0", "64xagx-orin@1gbps,1ms", 32768, 256, 5},
    {"llama3-405b", "q4_0", "16xagx-orin+48xnx@1gbps,1ms", 32768, 256, 5},
    {"llama3-405b", "q4_0", "64xpi5@1gbps,0.2ms", 32768, 256, 5},
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "plan_time: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* Makes every device a class and every link one of its own, by a little. */
static void make_unequal(jup_cluster_t *c)
{
    for (int d = 0; d < c->n_devices; d++) {
        jup_profile_t p;
        jup_profile_copy(&p, jup_cluster_profile(c, d));
        p.flops_per_s *= 1 + 0.3 * sin(d);
        p.bytes_per_s *= 1 + 0.2 * cos(d);
        c->devices[d].profile = jup_cluster_add_profile(c, &p);
        jup_profile_reset(&p);
    }
    for (int a = 0; a < c->n_devices; a++)
        for (int b = 0; b < c->n_devices; b++) {
            jup_link_t link = c->default_link;
            link.latency_s *= 1 + 0.5 * sin(a + 3 * b);
            jup_cluster_set_link(c, a, b, link);
        }
}

typedef jup_status_t (*planner_t)(const jup_plan_problem_t *problem, jup_plan_t *plan,
                                  jup_error_t *err);

static void run_case(const bench_case_t *b, planner_t make, bool unequal, double effort)
{
    jup_error_t err = {0};
    jup_config_t config;
    jup_cluster_t cluster;
    jup_plan_t plan, even;
    if (!jup_shape_find(b->shape, &config))
        fail(b->shape, "unknown shape");
    if (jup_cluster_synthesise(&cluster, b->cluster, &err) != JUP_OK)
        fail(b->cluster, err.text);
    if (unequal)
        make_unequal(&cluster);
    jup_plan_problem_t problem = {
        .cluster = &cluster,
        .workload = {b->prompt, b->generate, b->prompt + b->generate, 1},
        .effort = effort,
    };
    jup_dtype_t type = jup_dtype_by_name(b->type)->dtype;
    if (jup_model_size_init(&problem.size, &config, type, JUP_F16, JUP_F16, &err) != JUP_OK)
        fail(b->shape, err.text);

    size_t before = jup_mem_live_bytes();
    double took_s = INFINITY;
    for (int i = 0; i < QUICKEST_OF && (i == 0 || took_s < 0.2); i++) {
        double start_s = jup_clock_now_s();
        if (i > 0)
            jup_plan_reset(&plan);
        if (make(&problem, &plan, &err) != JUP_OK)
            fail(b->cluster, err.text);
        took_s = fmin(took_s, jup_clock_now_s() - start_s);
    }
    double peak_mb = (double)(jup_mem_peak_bytes() - before) / 1e6;
    if (jup_plan_check(&plan, &err) != JUP_OK ||
        jup_plan_check_memory(&problem, &plan, &err) != JUP_OK)
        fail(b->cluster, err.text);
    double even_s = INFINITY;
    if (jup_plan_even(&problem, 0, &even, &err) == JUP_OK) {
        even_s = even.predicted.total_s;
        jup_plan_reset(&even);
    }
    if (plan.predicted.total_s > even_s * (1 + 1e-9))
        fail(b->cluster, "the even split is quicker");
    printf(
        "%-7s %-11s %3d layers %4d devices %6lld+%-4lld%-8s %9.1f ms %7.1f MB  %3d stages of %4d "
        "%4d chunks "
        "ttft %8.2f s total %8.2f s, even %8.2f s%s%s\n",
        plan.strategy, b->shape, config.layers, cluster.n_devices, (long long)b->prompt,
        (long long)b->generate, unequal ? " unequal" : "", 1e3 * took_s, peak_mb, plan.n_stages,
        plan.n_members, plan.n_chunks, plan.predicted.ttft_s, plan.predicted.total_s, even_s,
        plan.proven ? " proven" : "",
        b->limit_s > 0 ? (took_s <= b->limit_s ? " (aim met)" : " (AIM MISSED)") : "");
    fflush(stdout);
    jup_plan_reset(&plan);
    jup_cluster_reset(&cluster);
}

int main(int argc, char **argv)
{
    double effort = argc > 1 ? strtod(argv[1], NULL) : 1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int unequal = 0; unequal < 2; unequal++)
            run_case(&cases[i], jup_plan_make, unequal, effort);
    for (size_t i = 0; i < sizeof hybrids / sizeof hybrids[0]; i++)
        for (int unequal = 0; unequal < 2; unequal++)
            run_case(&hybrids[i], jup_plan_hybrid, unequal, effort);
    return EXIT_SUCCESS;
}
