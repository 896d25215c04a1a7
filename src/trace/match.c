#include "base/mem.h"
#include "base/temporary.h"
#include "trace/gather.h"

#include <math.h>
#include <stdlib.h>

typedef const jup_message_record_t *side_t;

static bool is_send(side_t side)
{
    return side->rank == side->src;
}

static int compare_int(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

/* One stream of messages: from a rank, to a rank, of a kind. */
static int compare_streams(side_t x, side_t y)
{
    int order = compare_int(x->src, y->src);
    if (order == 0)
        order = compare_int(x->dst, y->dst);
    return order ? order : compare_int(x->kind, y->kind);
}

/* Streams, in each the sends before the receives, those in the order of posting. */
static int by_stream_and_post(const void *a, const void *b)
{
    side_t x = *(const side_t *)a, y = *(const side_t *)b;
    int order = compare_streams(x, y);
    if (order)
        return order;
    if (is_send(x) != is_send(y))
        return is_send(x) ? -1 : 1;
    if (x->post_s != y->post_s)
        return x->post_s < y->post_s ? -1 : 1;
    order = compare_int(x->label, y->label); /* posted in one moment of a simulated clock */
    return order ? order : (x > y) - (x < y);
}

/* Either side may be missing, not both. */
static jup_message_t join(side_t send, side_t recv)
{
    side_t any = send ? send : recv;
    jup_message_t message = {
        .post_s = send ? send->post_s : NAN,
        .recv_post_s = recv ? recv->post_s : NAN,
        .start_s = NAN,
        .sent_s = send ? send->done_s : NAN,
        .done_s = recv ? recv->done_s : NAN,
        .bytes = any->bytes,
        .src = any->src,
        .dst = any->dst,
        .kind = any->kind,
        .label = any->label,
    };
    if (send && recv)
        message.start_s = fmax(send->post_s, recv->post_s);
    return message;
}

/* Sides [first, end) are one stream; returns how many messages it made. */
static size_t match_stream(const side_t *sides, size_t n, jup_message_t *messages)
{
    size_t n_sends = 0;
    while (n_sends < n && is_send(sides[n_sends]))
        n_sends++;
    size_t n_recvs = n - n_sends, n_messages = n_sends > n_recvs ? n_sends : n_recvs;
    for (size_t i = 0; i < n_messages; i++)
        messages[i] = join(i < n_sends ? sides[i] : NULL, i < n_recvs ? sides[n_sends + i] : NULL);
    return n_messages;
}

jup_status_t jup_trace_match(const jup_message_record_t *records, size_t n_sides,
                             jup_message_t **messages, size_t *n_messages, jup_error_t *err)
{
    void *room;
    JUP_TRY(jup_temporary_alloc(&room, n_sides, sizeof **messages, err));
    side_t *sides = jup_new(n_sides, sizeof *sides);
    *messages = room;
    *n_messages = 0;
    for (size_t i = 0; i < n_sides; i++)
        sides[i] = &records[i];
    qsort(sides, n_sides, sizeof *sides, by_stream_and_post);
    for (size_t i = 0, end; i < n_sides; i = end) {
        for (end = i + 1; end < n_sides && compare_streams(sides[i], sides[end]) == 0;)
            end++;
        *n_messages += match_stream(sides + i, end - i, *messages + *n_messages);
    }
    jup_free(sides);
    return JUP_OK;
}
