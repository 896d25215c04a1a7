#include "base/mem.h"
#include "trace/analyse.h"

#include <math.h>
#include <stdlib.h>

/* The requests of a run: when each began, had its first and its last token. */

static bool is_prefill(const jup_span_t *span)
{
    return span->request >= 0 && span->chunk >= 0 && jup_span_kind_is_compute(span->kind);
}

static jup_request_use_t *find(jup_analysis_t *analysis, int32_t request)
{
    for (size_t i = analysis->n_requests; i-- > 0;)
        if (analysis->requests[i].request == request)
            return &analysis->requests[i];
    return NULL;
}

/* first_token_s holds the end of the prefill spans until the tokens are looked at. */
static void take_prefill_span(jup_analysis_t *analysis, const jup_span_t *span)
{
    jup_request_use_t *use = find(analysis, span->request);
    if (!use) {
        analysis->requests =
            jup_resize(analysis->requests, analysis->n_requests + 1, sizeof *analysis->requests);
        use = &analysis->requests[analysis->n_requests++];
        *use = (jup_request_use_t){
            .request = span->request, .start_s = span->start_s, .first_token_s = span->end_s};
    }
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

/* Every rank of a pipeline sees all rows of the prompt. */
static int64_t prompt_tokens(const jup_run_t *run, int32_t request, int64_t *rows_of_rank)
{
    int64_t most = 0;
    for (size_t i = 0; i < run->n_ranks; i++)
        rows_of_rank[i] = 0;
    for (size_t i = 0; i < run->n_spans; i++) {
        const jup_span_t *span = &run->spans[i];
        if (span->kind != JUP_SPAN_LAYERS || span->request != request || !is_prefill(span))
            continue;
        int64_t rows = rows_of_rank[span->rank] += span->rows;
        most = rows > most ? rows : most;
    }
    return most;
}

static int by_start(const void *a, const void *b)
{
    const jup_request_use_t *x = a, *y = b;
    return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

void jup_analysis_find_requests(jup_analysis_t *analysis, const jup_run_t *run)
{
    int64_t *rows_of_rank = jup_new(run->n_ranks, sizeof *rows_of_rank);
    for (size_t i = 0; i < run->n_spans; i++)
        if (is_prefill(&run->spans[i]))
            take_prefill_span(analysis, &run->spans[i]);
    for (size_t i = 0; i < run->n_tokens; i++)
        take_token(analysis, &run->tokens[i]);
    for (size_t i = 0; i < analysis->n_requests; i++) {
        jup_request_use_t *use = &analysis->requests[i];
        use->end_s = fmax(use->end_s, use->first_token_s);
        use->prompt_tokens = prompt_tokens(run, use->request, rows_of_rank);
    }
    if (analysis->n_requests == 1)
        analysis->requests[0].prompt_tokens = (int64_t)jup_run_get_number(
            run, "prompt_tokens", (double)analysis->requests[0].prompt_tokens);
    if (analysis->n_requests > 1)
        qsort(analysis->requests, analysis->n_requests, sizeof *analysis->requests, by_start);
    jup_free(rows_of_rank);
}
