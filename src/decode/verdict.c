#include "decode/verify.h"

#include <string.h>

int32_t *jup_verdict_pack(const jup_verdict_t *verdict, int32_t *out)
{
    const jup_guesses_t *g = &verdict->guesses;
    *out++ = verdict->sequence;
    *out++ = verdict->token;
    memcpy(out++, &verdict->margin, sizeof *out);
    *out++ = verdict->n_path;
    for (int32_t i = 0; i < verdict->n_path; i++)
        *out++ = verdict->path[i];
    *out++ = g->depth;
    for (int32_t d = 0; d < g->depth; d++) {
        *out++ = g->width[d];
        for (int32_t r = 0; r < g->width[d]; r++)
            *out++ = g->token[d][r];
    }
    *out++ = verdict->told;
    for (int32_t i = 0; i < verdict->told; i++)
        out = jup_likely_pack(&verdict->likely[i], out);
    return out;
}

/* A count in [0, most] followed by at least so many words. */
static bool read_count(const int32_t **in, const int32_t *end, int32_t most, int32_t *count)
{
    if (*in >= end)
        return false;
    *count = *(*in)++;
    return *count >= 0 && *count <= most && *count <= end - *in;
}

const int32_t *jup_verdict_unpack(jup_verdict_t *verdict, const int32_t *in, const int32_t *end)
{
    jup_guesses_t *g = &verdict->guesses;
    if (end - in < 6)
        return NULL;
    verdict->sequence = *in++;
    verdict->token = *in++;
    memcpy(&verdict->margin, in++, sizeof *in);
    if (!read_count(&in, end, JUP_GUESS_DEPTH + 1, &verdict->n_path))
        return NULL;
    for (int32_t i = 0; i < verdict->n_path; i++)
        verdict->path[i] = *in++;
    if (!read_count(&in, end, JUP_GUESS_DEPTH, &g->depth))
        return NULL;
    for (int32_t d = 0; d < g->depth; d++) {
        if (!read_count(&in, end, JUP_GUESS_WIDTH, &g->width[d]))
            return NULL;
        for (int32_t r = 0; r < g->width[d]; r++)
            g->token[d][r] = *in++;
    }
    if (!read_count(&in, end, JUP_GUESS_DEPTH + 1, &verdict->told) ||
        (verdict->told && verdict->told != verdict->n_path))
        return NULL;
    for (int32_t i = 0; i < verdict->told && in; i++)
        in = jup_likely_unpack(&verdict->likely[i], in, end);
    return in;
}
