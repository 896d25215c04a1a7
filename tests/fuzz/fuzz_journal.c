/*
 * libFuzzer target: journals. The first byte says whether the rest is a file as it is, or lines
 * that get their checksums, so that the records behind them are reached. What is read is asked for
 * as a run does that goes on from it.
 */
#include "ask/keep.h"
#include "base/checksum.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QUESTIONS = 8, VOCAB = 151936 };

static void put(int fd, const void *bytes, size_t n)
{
    if (write(fd, bytes, n) != (ssize_t)n)
        abort();
}

/* A seal for each line end at most: no input is longer than run-fuzz says. */
static void put_sealed(int fd, const char *text, size_t size)
{
    enum { SEAL = 18 };
    static char file[SEAL * (1 << 15)];
    size_t at = (size_t)sprintf(file, "jupiter-journal 1 0ba66ddb099569cf\n");
    for (const char *end = text + size; text < end;) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);
        memcpy(file + at, text, n);
        at += n;
        at += (size_t)snprintf(file + at, SEAL + 1, " %016" PRIx64 "\n",
                               jup_checksum(JUP_CHECKSUM_EMPTY, text, n));
        text += n + 1;
    }
    put(fd, file, at);
}

static void go_on(const char *path)
{
    jup_keep_t keep = {0};
    jup_error_t err;
    int64_t sum = 0;
    jup_keep_field(&keep, "--seed", "1");
    if (jup_keep_prepare(&keep, path, true, QUESTIONS, VOCAB, path, &err) == JUP_OK)
        for (int32_t q = 0; q < QUESTIONS; q++) {
            for (int32_t branch = JUP_JOURNAL_OUTLINE; branch < 4; branch++) {
                int32_t n;
                const int32_t *ids = jup_keep_known(&keep, q, branch, &n);
                for (int32_t i = 0; i < n; i++)
                    if (ids[i] >= VOCAB)
                        abort();
                    else
                        sum += ids[i];
            }
            sum += jup_keep_is_finished(&keep, q);
            jup_keep_forget(&keep, q);
        }
    volatile int64_t used = sum;
    (void)used;
    jup_keep_close(&keep, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    if (size == 0 || data[0] < '0' || data[0] > '1')
        return -1;
    int fd = memfd_create("fuzz", 0);
    if (fd < 0)
        abort();
    if (data[0] == '0')
        put(fd, data + 1, size - 1);
    else
        put_sealed(fd, (const char *)data + 1, size - 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    go_on(path);
    close(fd);
    return 0;
}
