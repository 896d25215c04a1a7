#include "job/division.h"

#include "base/checked.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>

static int32_t count_items(const char *text)
{
    int32_t n = 1;
    for (const char *c = text; *c; c++)
        n += *c == ',';
    return n;
}

/* "8,8,6,10" -> numbers, each in [1, most]; a new block, *n of them. */
static jup_status_t parse_list(const char *option, const char *text, int32_t most,
                               int32_t **numbers, int32_t *n, jup_error_t *err)
{
    int32_t *list = jup_new((size_t)count_items(text), sizeof *list);
    int32_t count = 0;
    const char *at = text;
    for (;;) {
        char *end;
        errno = 0;
        long value = strtol(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0') || errno || value < 1 || value > most) {
            jup_free(list);
            return jup_fail(err, JUP_EINPUT,
                            "%s is '%s', must be numbers between 1 and %d with commas between them",
                            option, text, most);
        }
        list[count++] = (int32_t)value;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    *numbers = list;
    *n = count;
    return JUP_OK;
}

void jup_division_layers_evenly(int32_t layers, int32_t ranks, int32_t *first_layer)
{
    for (int32_t r = 0; r <= ranks; r++)
        first_layer[r] = r * (layers / ranks) + (int32_t)jup_min_i64(r, layers % ranks);
}

jup_status_t jup_division_layers_as_told(const char *list, int32_t layers, int32_t ranks,
                                         int32_t *first_layer, jup_error_t *err)
{
    int32_t *counts, n;
    int64_t sum = 0;
    JUP_TRY(parse_list("--layers", list, layers, &counts, &n, err));
    for (int32_t i = 0; i < n; i++)
        sum += counts[i];
    jup_status_t status = JUP_OK;
    if (n != ranks)
        status = jup_fail(err, JUP_EINPUT, "--layers %s names %d ranks, but %d are running", list,
                          n, ranks);
    else if (sum != layers)
        status = jup_fail(err, JUP_EINPUT, "--layers %s sums to %lld, but the model has %d layers",
                          list, (long long)sum, layers);
    first_layer[0] = 0;
    for (int32_t r = 0; status == JUP_OK && r < ranks; r++)
        first_layer[r + 1] = first_layer[r] + counts[r];
    jup_free(counts);
    return status;
}

void jup_division_uniform_chunks(int32_t tokens, int32_t chunk, int32_t **chunks, int32_t *n)
{
    *n = (tokens + chunk - 1) / chunk;
    *chunks = jup_new((size_t)*n, sizeof **chunks);
    for (int32_t i = 0; i < *n; i++)
        (*chunks)[i] = (int32_t)jup_min_i64(chunk, tokens - i * chunk);
}

jup_status_t jup_division_chunks_as_told(const char *list, int32_t tokens, int32_t **chunks,
                                         int32_t *n, jup_error_t *err)
{
    int64_t sum = 0;
    JUP_TRY(parse_list("--chunks", list, tokens, chunks, n, err));
    for (int32_t i = 0; i < *n; i++)
        sum += (*chunks)[i];
    if (sum == tokens)
        return JUP_OK;
    jup_free(*chunks);
    *chunks = NULL;
    return jup_fail(err, JUP_EINPUT, "--chunks %s sums to %lld, but the prompt has %d tokens", list,
                    (long long)sum, tokens);
}

int32_t jup_division_default_chunk(int32_t tokens, int32_t ranks)
{
    enum { SHORTEST = 32, LONGEST = 512 };
    int64_t even = ranks == 1 ? LONGEST : (tokens + 2 * ranks - 1) / (2 * ranks);
    return (int32_t)jup_max_i64(SHORTEST, jup_min_i64(LONGEST, even));
}
