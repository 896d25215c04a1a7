/*
 * libFuzzer target: the small files that people write. The first byte says which reader the rest
 * goes to, as a file; what is accepted is used.
 */
#include "ask/questions.h"
#include "ask/script.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "cluster/shipped.h"
#include "decode/accuracy.h"
#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing is compiled in. */
const jup_shipped_t jup_shipped_files[] = {{"", "", 0}};

static void read_cluster(const char *path)
{
    jup_cluster_t cluster;
    jup_error_t err;
    if (jup_cluster_read(&cluster, path, &err) != JUP_OK)
        return;
    volatile double sum = 0;
    for (int i = 0; i + 1 < cluster.n_devices; i++)
        sum += jup_cluster_link(&cluster, i, i + 1).bytes_per_s;
    jup_cluster_reset(&cluster);
}

static void read_profile(const char *path)
{
    jup_profile_t profile;
    jup_error_t err;
    if (jup_profile_read(&profile, path, &err) == JUP_OK)
        jup_profile_reset(&profile);
}

/* A plan that was read can be sent to others. */
static void read_plan(const char *path)
{
    jup_plan_t plan, back;
    char *text;
    size_t bytes;
    jup_error_t err;
    if (jup_plan_read(&plan, path, &err) != JUP_OK)
        return;
    jup_plan_pack(&plan, &text, &bytes);
    if (jup_plan_unpack(&back, text, bytes, &err) != JUP_OK) {
        fprintf(stderr, "%s\n%s\n", err.text, text);
        abort();
    }
    jup_plan_reset(&back);
    jup_plan_reset(&plan);
    jup_free(text);
}

static void read_script(const char *path)
{
    jup_script_t script = {0};
    jup_error_t err;
    if (jup_script_read(&script, path, &err) != JUP_OK)
        return;
    jup_script_longest_prompt(&script);
    jup_script_longest_sequence(&script);
    jup_script_reset(&script);
}

static void read_questions(const char *path)
{
    jup_questions_t questions = {0};
    jup_error_t err;
    if (jup_questions_read(&questions, path, &err) == JUP_OK)
        jup_questions_reset(&questions);
}

static void read_accuracy(const char *path)
{
    jup_accuracy_t accuracy;
    jup_error_t err;
    jup_accuracy_read(&accuracy, path, 50, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const char *path) = {
        read_cluster, read_profile, read_plan, read_script, read_questions, read_accuracy};
    char path[64];
    if (size == 0 || data[0] < '0' || data[0] > '5')
        return -1;
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    readers[data[0] - '0'](path);
    close(fd);
    return 0;
}
