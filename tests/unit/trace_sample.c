#include "trace_sample.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static const jup_span_t spans[] = {
    /* start, end, flops, bytes, rank, kind, request, branch, step, chunk, rows, layers */
    {0.0, 1.0, 100, 10, 0, JUP_SPAN_LAYERS, 0, 0, 0, 0, 4, 0, 2},
    {1.0, 2.0, 100, 10, 0, JUP_SPAN_LAYERS, 0, 0, 1, 1, 4, 0, 2},
    {2.1, 3.6, 0, 0, 0, JUP_SPAN_WAIT_RECV, 0, 0, 1, 1, 0, 0, 2},
    {3.6, 3.8, 50, 10, 0, JUP_SPAN_LAYERS, 0, 0, 2, -1, 1, 0, 2},
    {3.8, 4.3, 0, 0, 0, JUP_SPAN_WAIT_RECV, 0, 0, 2, -1, 0, 0, 2},
    {0.0, 1.25, 0, 0, 1, JUP_SPAN_WAIT_RECV, -1, -1, -1, -1, 0, 2, 4},
    {1.25, 2.25, 100, 10, 1, JUP_SPAN_LAYERS, 0, 0, 0, 0, 4, 2, 4},
    {2.25, 3.25, 100, 10, 1, JUP_SPAN_LAYERS, 0, 0, 1, 1, 4, 2, 4},
    {3.25, 3.5, 20, 5, 1, JUP_SPAN_HEAD, 0, 0, 1, 1, 1, 2, 4},
    {3.25, 3.35, 0, 0, 1, JUP_SPAN_WAIT_SEND, 0, 0, 1, 1, 0, 2, 4}, /* within the head */
    {3.5, 3.9, 0, 0, 1, JUP_SPAN_WAIT_RECV, 0, 0, 1, 1, 0, 2, 4},
    {3.9, 4.1, 50, 10, 1, JUP_SPAN_LAYERS, 0, 0, 2, -1, 1, 2, 4},
    {4.1, 4.2, 20, 5, 1, JUP_SPAN_HEAD, 0, 0, 2, -1, 1, 2, 4},
};

static const jup_message_t messages[] = {
    /* post, recv_post, start, sent, done, bytes, src, dst, kind, label */
    {-0.2, -0.3, -0.2, -0.1, -0.1, 999, 0, 1, JUP_MSG_SHARE, -1},
    {1.0, 0.0, 1.0, 2.0, 1.25, 800, 0, 1, JUP_MSG_STEP, 0},
    {2.0, 1.0, 2.0, 3.6, 2.5, 800, 0, 1, JUP_MSG_STEP, 1},
    {3.5, 2.1, 3.5, 3.55, 3.6, 16, 1, 0, JUP_MSG_RESULT, 1},
    {3.8, 2.5, 3.8, 4.0, 3.9, 200, 0, 1, JUP_MSG_STEP, 2},
    {4.2, 3.8, 4.2, 4.3, 4.3, 16, 1, 0, JUP_MSG_RESULT, 2},
    {4.3, NAN, NAN, 4.4, NAN, 200, 0, 1, JUP_MSG_STEP, 3}, /* interrupted */
};

static const jup_token_record_t tokens[] = {
    {3.6, 0, 0, 8, 42, 0},
    {4.3, 0, 0, 9, 43, 1},
};

static const jup_rank_record_t ranks[] = {
    {0, 0, 2, 1, "alpha", 0.0, 5000000, 3000000, 2000000, 400000, 10000, 0, 0, 0, 0, "alone"},
    {1, 2, 4, 2, "beta", 1.5e-4, 6000000, 4000000, 2500000, 500000, 20000, 1, 0, 0, 0, "alone"},
};

static void *copy(const void *rows, size_t bytes)
{
    return memcpy(jup_new(bytes, 1), rows, bytes);
}

void sample_run(jup_run_t *run)
{
    run->spans = copy(spans, sizeof spans);
    run->n_spans = sizeof spans / sizeof *spans;
    run->messages = copy(messages, sizeof messages);
    run->n_messages = sizeof messages / sizeof *messages;
    run->tokens = copy(tokens, sizeof tokens);
    run->n_tokens = sizeof tokens / sizeof *tokens;
    run->ranks = copy(ranks, sizeof ranks);
    run->n_ranks = sizeof ranks / sizeof *ranks;
    jup_run_set_meta(run, "model", "sample");
    jup_run_set_meta(run, "clock", "wall");
    jup_run_set_meta(run, "prompt", "gr\xc3\xbc\xc3\x9f dich");
    jup_run_set_number(run, "temperature", 0.75);
    jup_run_set_plan(run, "stages:\n  - {first: 0, last: 2}\n");
}
