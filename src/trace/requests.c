#include "base/mem.h"
#include "trace/analyse.h"

#include <math.h>
#include <stdlib.h>

/* The requests of a run: when each began, had its first and its last token. */

static bool is_prefill(const jup_span_t *span)
{
    return span->request >= 0 && span->chunk >= 0 && jup_span_kind_is_compute(span->kind);
}

static int by_request(const void *a, const void *b)
{
    const jup_request_use_t *x = a, *y = b;
    return (x->request > y->request) - (x->request < y->request);
}

/* While they are in the order of their numbers. */
static jup_request_use_t *find(const jup_analysis_t *analysis, int32_t request)
{
    const jup_request_use_t key = {.request = request};
    if (analysis->n_requests == 0)
        return NULL;
    return bsearch(&key, analysis->requests, analysis->n_requests, sizeof key, by_request);
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* A request is what has a prefill. */
static void name_requests(jup_analysis_t *analysis, const jup_run_t *run)
{
    int32_t *ids = jup_new(run->n_spans, sizeof *ids);
    size_t n = 0, unique = 0;
    for (size_t i = 0; i < run->n_spans; i++)
        if (is_prefill(&run->spans[i]) && (n == 0 || ids[n - 1] != run->spans[i].request))
            ids[n++] = run->spans[i].request;
    if (n > 1)
        qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || ids[i] != ids[i - 1])
            ids[unique++] = ids[i];
    analysis->requests = jup_new(unique, sizeof *analysis->requests);
    analysis->n_requests = unique;
    for (size_t i = 0; i < unique; i++)
        analysis->requests[i] =
            (jup_request_use_t){.request = ids[i], .start_s = INFINITY, .first_token_s = -INFINITY};
    jup_free(ids);
}

/* first_token_s holds the end of the prefill spans until the tokens are looked at. */
static void take_prefill_span(jup_analysis_t *analysis, const jup_span_t *span)
{
    jup_request_use_t *use = find(analysis, span->request);
    use->start_s = fmin(use->start_s, span->start_s);
    use->first_token_s = fmax(use->first_token_s, span->end_s);
}

/* A token that is earlier than the prefill ended can only be clock error: it does not count back.
 */
static void take_token(jup_analysis_t *analysis, const jup_token_record_t *token)
{
    jup_request_use_t *use = find(analysis, token->request);
    if (!use)
        return;
    if (use->new_tokens++ == 0)
        use->first_token_s = fmax(use->start_s, token->time_s);
    use->end_s = fmax(use->first_token_s, token->time_s);
}

/* Of one rank (0 afterwards): every rank of a pipeline sees all rows of a prompt. */
static void keep_most(jup_analysis_t *analysis, int64_t *rows)
{
    for (size_t i = 0; i < analysis->n_requests; i++) {
        jup_request_use_t *use = &analysis->requests[i];
        use->prompt_tokens = rows[i] > use->prompt_tokens ? rows[i] : use->prompt_tokens;
        rows[i] = 0;
    }
}

/* The spans come rank by rank. */
static void count_prompts(jup_analysis_t *analysis, const jup_run_t *run)
{
    int64_t *rows = jup_new(analysis->n_requests, sizeof *rows);
    for (size_t i = 0; i < run->n_spans; i++) {
        const jup_span_t *span = &run->spans[i];
        if (i > 0 && span->rank != run->spans[i - 1].rank)
            keep_most(analysis, rows);
        if (span->kind == JUP_SPAN_LAYERS && is_prefill(span))
            rows[find(analysis, span->request) - analysis->requests] += span->rows;
    }
    keep_most(analysis, rows);
    jup_free(rows);
}

static int by_start(const void *a, const void *b)
{
    const jup_request_use_t *x = a, *y = b;
    return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

void jup_analysis_find_requests(jup_analysis_t *analysis, const jup_run_t *run)
{
    name_requests(analysis, run);
    for (size_t i = 0; i < run->n_spans; i++)
        if (is_prefill(&run->spans[i]))
            take_prefill_span(analysis, &run->spans[i]);
    for (size_t i = 0; i < run->n_tokens; i++)
        take_token(analysis, &run->tokens[i]);
    count_prompts(analysis, run);
    for (size_t i = 0; i < analysis->n_requests; i++)
        analysis->requests[i].end_s =
            fmax(analysis->requests[i].end_s, analysis->requests[i].first_token_s);
    if (analysis->n_requests == 1)
        analysis->requests[0].prompt_tokens = (int64_t)jup_run_get_number(
            run, "prompt_tokens", (double)analysis->requests[0].prompt_tokens);
    if (analysis->n_requests > 1)
        qsort(analysis->requests, analysis->n_requests, sizeof *analysis->requests, by_start);
}
