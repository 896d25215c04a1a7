#include "strategy/chunks.h"

#include "base/checked.h"
#include "base/mem.h"

int32_t jup_chunks_most(const jup_chunks_t *chunks, int32_t tokens)
{
    return chunks->each > 0 ? (tokens + chunks->each - 1) / chunks->each : chunks->n;
}

static int32_t cut_alike(int32_t each, int32_t tokens, int32_t *ends)
{
    int32_t n = 0;
    for (int64_t end = each; n == 0 || ends[n - 1] < tokens; end += each)
        ends[n++] = (int32_t)jup_min_i64(end, tokens);
    return n;
}

static int32_t shortest_of(const jup_chunks_t *chunks, int64_t *sum)
{
    int64_t shortest = chunks->lengths[0];
    *sum = 0;
    for (int32_t i = 0; i < chunks->n; i++) {
        shortest = jup_min_i64(shortest, chunks->lengths[i]);
        *sum += chunks->lengths[i];
    }
    return (int32_t)shortest;
}

int32_t jup_chunks_cut(const jup_chunks_t *chunks, int32_t tokens, int32_t *ends)
{
    if (chunks->each > 0)
        return cut_alike(chunks->each, tokens, ends);
    int64_t sum, end = 0, start = 0;
    int32_t shortest = shortest_of(chunks, &sum), n = 0;
    for (int32_t i = 0; i + 1 < chunks->n; i++) {
        end += chunks->lengths[i];
        int64_t scaled = (end * tokens + sum / 2) / sum;
        if (scaled - start < shortest || tokens - scaled < shortest)
            continue;
        ends[n++] = (int32_t)scaled;
        start = scaled;
    }
    ends[n++] = tokens;
    return n;
}

int32_t jup_chunks_longest(const jup_chunks_t *chunks, int32_t tokens)
{
    if (chunks->each > 0)
        return (int32_t)jup_min_i64(chunks->each, tokens);
    int32_t *ends = jup_new((size_t)chunks->n, sizeof *ends), longest = 0;
    int32_t n = jup_chunks_cut(chunks, tokens, ends);
    for (int32_t i = 0; i < n; i++)
        longest = (int32_t)jup_max_i64(longest, ends[i] - (i ? ends[i - 1] : 0));
    jup_free(ends);
    return longest;
}
