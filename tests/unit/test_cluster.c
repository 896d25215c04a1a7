#include "base/mem.h"
#include "base/rng.h"
#include "cluster/cluster.h"
#include "cluster/fit.h"
#include "cluster/yaml_in.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A file that is gone after the test's process. */
static const char *file_with(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "test_cluster_%d.yaml", (int)getpid());
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    return path;
}

static void refuses(const char *text, const char *message)
{
    jup_cluster_t cluster;
    jup_error_t err = {0};
    const char *path = file_with(text);
    size_t blocks = jup_mem_live_blocks();
    ck_assert_int_eq(jup_cluster_read(&cluster, path, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, message) != NULL, "'%s' lacks '%s'", err.text, message);
    ck_assert_msg(strstr(err.text, path) != NULL, "'%s' lacks the file", err.text);
    ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    remove(path);
}

START_TEST(shipped_profiles_and_clusters_are_whole)
{
    static const char *const profiles[] = {"nx", "tx2", "nano", "agx-orin", "pi4", "pi5"};
    jup_error_t err = {0};
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        jup_profile_t p;
        ck_assert_msg(jup_profile_find(&p, profiles[i], NULL, &err) == JUP_OK, "%s", err.text);
        ck_assert_str_eq(p.name, profiles[i]);
        jup_profile_reset(&p);
    }
    for (int e = 0; e < 6; e++) {
        static const int mbps[] = {100, 500, 1000};
        char name[64];
        snprintf(name, sizeof name, "env-%c-%d", "ab"[e / 3], mbps[e % 3]);
        jup_cluster_t c;
        ck_assert_msg(jup_cluster_load(&c, name, &err) == JUP_OK, "%s", err.text);
        ck_assert_int_eq(c.n_devices, 4);
        ck_assert_double_eq_tol(jup_cluster_link(&c, 0, 3).bytes_per_s, mbps[e % 3] * 125e3, 1);
        jup_cluster_reset(&c);
    }
}
END_TEST

START_TEST(a_file_says_what_it_means)
{
    const char *path =
        file_with("name: two\n"
                  "devices:\n"
                  "  - {name: head, profile: nx, memory_gb: 5, threads: 3, host: b1}\n"
                  "  - {profile: tx2, count: 2}\n"
                  "link: {mbps: 100, ms: 12}\n"
                  "links:\n"
                  "  - {from: head, to: tx2-1, mbps: 50}\n"
                  "  - {from: tx2-0, to: tx2-1, ms: 3, both_ways: no}\n");
    jup_cluster_t c;
    jup_error_t err = {0};
    ck_assert_msg(jup_cluster_read(&c, path, &err) == JUP_OK, "%s", err.text);
    ck_assert_int_eq(c.n_devices, 3);
    ck_assert_str_eq(c.devices[0].host, "b1");
    ck_assert_int_eq(c.devices[0].threads, 3);
    ck_assert_double_eq_tol(c.devices[0].budget_bytes, 5e9, 1);
    ck_assert_double_eq_tol(c.devices[2].budget_bytes, 6.5e9, 1);
    ck_assert_int_eq(jup_cluster_device(&c, "tx2-1"), 2);
    ck_assert_double_eq_tol(jup_link_s(jup_cluster_link(&c, 2, 0), 6.25e6), 1.012, 1e-9);
    ck_assert_double_eq_tol(jup_cluster_link(&c, 1, 2).latency_s, 0.003, 1e-12);
    ck_assert_double_eq_tol(jup_cluster_link(&c, 2, 1).latency_s, 0.012, 1e-12);

    ck_assert_int_eq(jup_cluster_write(&c, NULL, path, &err), JUP_OK);
    jup_cluster_t again;
    ck_assert_msg(jup_cluster_read(&again, path, &err) == JUP_OK, "%s", err.text);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(again.devices[i].name, c.devices[i].name);
        ck_assert_double_eq_tol(again.devices[i].budget_bytes, c.devices[i].budget_bytes, 1);
        for (int j = 0; j < 3; j++)
            ck_assert_double_eq_tol(jup_link_s(jup_cluster_link(&again, i, j), 1e6),
                                    jup_link_s(jup_cluster_link(&c, i, j), 1e6), 1e-9);
    }
    jup_cluster_reset(&again);
    jup_cluster_reset(&c);
    remove(path);
}
END_TEST

START_TEST(faults_are_named_with_file_line_and_value)
{
    refuses("devices:\n  - {profile: nx}\nlinks:\n  - {from: a, to: b, mbps: -3}\n",
            ":4: links[0].from is 'a', no device");
    refuses("devices:\n  - {profile: nx, count: 2}\nlinks:\n  - {from: nx-0, to: nx-1,\n"
            "     mbps: -3}\n",
            ":5: links[0].mbps is -3, must be between");
    refuses("devices:\n  - {profile: nx}\nlinks:\n  - {from: nx, to: ny}\n", "did you mean 'nx'");
    refuses("devices:\n  - {profile: nx, memory: 3}\n",
            ":2: devices[0] has the unknown key 'memory', did you mean 'memory_gb'?");
    refuses("devices:\n  - {profile: nx}\nlinck: 3\n",
            ":3: unknown key 'linck', did you mean 'link'");
    refuses("devices: 3\n", "devices must be a list");
    refuses("devices: []\n", "at least one device");
    refuses("name: x\n", "'devices' is missing");
    refuses("", "empty");
    refuses("devices:\n  - {profile: nx\n", "not valid YAML");
    refuses("- a\n", ":1: a mapping");
    refuses("devices:\n  - {profile: nx}\n  - {profile: nx}\n", "has the name 'nx' of another");
    refuses("devices:\n  - {profile: nx, memory_gb: 9}\n", "is 9, must be between 1e-06 and 8");
    refuses("devices:\n  - {profile: nx, memory_gb: lots}\n", "is 'lots', must be a number");
    refuses("devices:\n  - {profile: nx, threads: 1.5}\n", "must be a whole number");
    refuses("devices:\n  - {profile: nx, threads: 2, threads: 3}\n", "has the key 'threads' twice");
    refuses("devices:\n  - {profile: xn}\n", "no device profile 'xn'; there are");
    refuses("devices:\n  - {profile: nx, count: 5000}\n", "devices[0].count is 5000");
    refuses("devices:\n  - {profile: ./none.yaml}\n", "cannot read");
}
END_TEST

START_TEST(one_line_makes_a_cluster)
{
    jup_cluster_t c;
    jup_error_t err = {0};
    ck_assert_msg(jup_cluster_synthesise(&c, "nx+2xtx2+nano:2.5gb@100mbps,12ms", &err) == JUP_OK,
                  "%s", err.text);
    ck_assert_int_eq(c.n_devices, 4);
    ck_assert_str_eq(c.devices[2].name, "tx2-1");
    ck_assert_double_eq_tol(c.devices[3].budget_bytes, 2.5e9, 1);
    ck_assert_double_eq_tol(jup_link_s(jup_cluster_link(&c, 0, 1), 12.5e6), 1.012, 1e-9);
    jup_cluster_reset(&c);
    ck_assert_int_eq(jup_cluster_load(&c, "3xpi5@1gbps", &err), JUP_OK);
    ck_assert_double_eq_tol(c.default_link.bytes_per_s, 125e6, 1);
    jup_cluster_reset(&c);

    static const char *const wrong[] = {
        "",    "4x",    "0xnx",      "4xnx@",     "4xnx@100", "nx@1gbps,", "nx,nx",
        "nx+", "nx:gb", "nx@-1mbps", "nx@1gbpsx", "5000xnx",  "nx@0mbps",  "nosuch@1gbps"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size_t blocks = jup_mem_live_blocks();
        ck_assert_msg(jup_cluster_synthesise(&c, wrong[i], &err) == JUP_EINPUT, "'%s'", wrong[i]);
        ck_assert_uint_eq(jup_mem_live_blocks(), blocks);
    }
}
END_TEST

START_TEST(rates_are_found_again_from_times)
{
    static const int32_t chunks[] = {1, 8, 32, 128}, prefixes[] = {0, 64, 512};
    double times[12];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 3; j++)
            times[i * 3 + j] = 2e-3 + 3e-4 * chunks[i] +
                               1e-7 * chunks[i] * (prefixes[j] + chunks[i] / 2.0) +
                               5e-7 * prefixes[j];
    jup_fit_t fit;
    jup_fit_grid(&fit, chunks, 4, prefixes, 3, times);
    ck_assert_double_eq_tol(fit.fixed_s, 2e-3, 1e-8);
    ck_assert_double_eq_tol(fit.row_s, 3e-4, 1e-9);
    ck_assert_double_eq_tol(fit.pair_s, 1e-7, 1e-12);
    ck_assert_double_eq_tol(fit.cached_s, 5e-7, 1e-11);
    ck_assert(fit.mean_error < 1e-6 && fit.worst_error < 1e-6);

    /* what no model of this form can follow shows as an error, never as a negative rate */
    jup_rng_t rng;
    jup_rng_init(&rng, 3);
    for (int i = 0; i < 12; i++)
        times[i] = 1e-3 * (1 + jup_rng_uniform(&rng));
    jup_fit_grid(&fit, chunks, 4, prefixes, 3, times);
    ck_assert(fit.mean_error > 0.05);
    ck_assert(fit.fixed_s >= 0 && fit.row_s >= 0 && fit.pair_s >= 0 && fit.cached_s >= 0);

    double bytes[] = {1e3, 1e4, 1e5, 1e6}, seconds[4], latency, rate, error;
    for (int i = 0; i < 4; i++)
        seconds[i] = 2e-3 + bytes[i] / 5e6;
    jup_fit_link(bytes, seconds, 4, &latency, &rate, &error);
    ck_assert_double_eq_tol(latency, 2e-3, 1e-9);
    ck_assert_double_eq_tol(rate, 5e6, 1);
}
END_TEST

/* Longer messages that seem to be quicker: noise. A cluster file takes up to 1e7 Mbit/s. */
START_TEST(a_link_whose_bytes_take_nothing_can_be_written)
{
    double bytes[] = {0, 1000, 100000}, seconds[] = {3e-3, 2e-3, 1e-3}, latency, rate, error;
    jup_fit_link(bytes, seconds, 3, &latency, &rate, &error);
    ck_assert_double_eq(rate, JUP_FIT_FASTEST);
    ck_assert_double_le(rate * 8e-6, 1e7);
}
END_TEST

START_TEST(a_measured_grid_is_read_back_and_interpolated)
{
    double times[] = {1, 2, 3, 5, 7, 12};
    jup_profile_t p = {.name = "x",
                       .memory_bytes = 1e9,
                       .flops_per_s = 1e9,
                       .attention_flops_per_s = 1e9,
                       .bytes_per_s = 1e9,
                       .kv_bytes_per_s = 1e9,
                       .split_loss = 0.44,
                       .rest_gain = 0.125,
                       .rest_most_s = 0.0625,
                       .message_s = 3e-5,
                       .message_byte_s = 5e-10};
    p.measured = (jup_measured_t){.key = "k",
                                  .n_chunks = 3,
                                  .n_prefixes = 2,
                                  .chunks = {1, 11, 31},
                                  .prefixes = {0, 100},
                                  .layer_s = times};
    const char *path = file_with("");
    jup_error_t err = {0};
    jup_profile_t q;
    ck_assert_int_eq(jup_profile_write(&p, path, &err), JUP_OK);
    ck_assert_msg(jup_profile_read(&q, path, &err) == JUP_OK, "%s", err.text);
    ck_assert(jup_profile_same(&p, &q));
    q.rest_most_s = 0;
    ck_assert(!jup_profile_same(&p, &q));
    const jup_measured_t *m = &q.measured;
    ck_assert_double_eq_tol(jup_measured_layer_s(m, 1, 0), 1, 1e-12);
    ck_assert_double_eq_tol(jup_measured_layer_s(m, 31, 100), 12, 1e-12);
    ck_assert_double_eq_tol(jup_measured_layer_s(m, 6, 50), (1 + 2 + 3 + 5) / 4.0, 1e-12);
    ck_assert_double_eq_tol(jup_measured_layer_s(m, 51, 0), 11, 1e-12); /* goes on */
    ck_assert_double_eq_tol(jup_measured_layer_s(m, 1, 200), 3, 1e-12);
    jup_profile_reset(&q);
    remove(path);
}
END_TEST

/* n times `open`, then as often `close`; a new block. */
static char *nested(const char *open, const char *close, int n)
{
    size_t a = strlen(open), b = strlen(close);
    char *text = jup_new((a + b) * (size_t)n + 1, 1);
    for (int i = 0; i < n; i++)
        memcpy(text + a * (size_t)i, open, a);
    for (int i = 0; i < n; i++)
        memcpy(text + a * (size_t)n + b * (size_t)i, close, b);
    return text;
}

/* One and four rows, of prefixes 0 and 64: what should take least was disturbed. */
START_TEST(what_disturbed_a_grid_is_taken_out)
{
    double grid[] = {9, 3, /* one row */ 6, 8 /* four */};
    jup_profile_t p = {.rest_gain = 0.25,
                       .measured = {.n_chunks = 2, .n_prefixes = 2, .layer_s = grid}};
    jup_profile_calm(&p, 5);
    const double calm[] = {3, 3, 6, 8};
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(grid[i], calm[i]);
    ck_assert_double_eq(p.rest_gain, 0.25); /* 3.75 without rests: four rows take 6 */
    ck_assert_double_eq(p.rest_most_s, 5 * 0.75);
    p.rest_gain = 7;
    jup_profile_calm(&p, 5);
    ck_assert_double_eq(p.rest_gain, 1); /* as long as four rows, no longer */
    grid[0] = grid[1] = 6;
    jup_profile_calm(&p, 5);
    ck_assert_double_eq(p.rest_gain, 0);
}
END_TEST

/* libyaml itself takes half a minute for the first of them. */
START_TEST(yaml_of_absurd_shape_is_refused_at_once)
{
    static const struct {
        const char *open, *close, *message;
        int n;
    } cases[] = {
        {"[", "", "deep", 400000},   {"[", "]", "deep", 33},   {"{a: ", "}", "deep", 40},
        {"- ", "", "deep", 100000},  {"? ", "", "deep", 5000}, {"- &a\n", "", "anchors", 2000},
        {"[", "]", "a mapping", 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = nested(cases[i].open, cases[i].close, cases[i].n);
        refuses(text, cases[i].message);
        jup_free(text);
    }
}
END_TEST

START_TEST(endless_yaml_is_refused_at_once)
{
    jup_cluster_t cluster;
    jup_error_t err;
    char *text = nested("# a comment, and many more of them\n", "", 200000);
    refuses(text, "more than 4 MiB");
    ck_assert_int_eq(jup_cluster_read(&cluster, "/dev/zero", &err), JUP_EINPUT);
    ck_assert_ptr_nonnull(strstr(err.text, "/dev/zero"));
    jup_free(text);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cluster");
    unit_add(s, shipped_profiles_and_clusters_are_whole, 10);
    unit_add(s, a_file_says_what_it_means, 10);
    unit_add(s, faults_are_named_with_file_line_and_value, 10);
    unit_add(s, one_line_makes_a_cluster, 10);
    unit_add(s, rates_are_found_again_from_times, 10);
    unit_add(s, a_link_whose_bytes_take_nothing_can_be_written, 10);
    unit_add(s, a_measured_grid_is_read_back_and_interpolated, 10);
    unit_add(s, what_disturbed_a_grid_is_taken_out, 10);
    unit_add(s, yaml_of_absurd_shape_is_refused_at_once, 20);
    unit_add(s, endless_yaml_is_refused_at_once, 20);
    return s;
}

UNIT_MAIN(suite)
