#include "strategy/head.h"

#include "base/checked.h"
#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { LINE = 64, AT_ONCE_BYTES = 4 << 20 };

static int32_t own_rows(const jup_head_share_t *s, int member)
{
    return s->vocab[member + 1] - s->vocab[member];
}

static int32_t vocabulary(const jup_head_share_t *s)
{
    return s->vocab[s->members];
}

/* A small part may have fewer than the best that are asked for. */
static int32_t best_of(const jup_head_share_t *s, int member)
{
    return s->best < own_rows(s, member) ? s->best : own_rows(s, member);
}

static size_t message_bytes(const jup_head_share_t *s, int member, int32_t rows)
{
    size_t row = s->best ? (size_t)best_of(s, member) * sizeof(jup_best_t)
                         : (size_t)own_rows(s, member) * sizeof(float);
    return (size_t)rows * (row + (jup_head_share_sums(s) ? sizeof(double) : 0));
}

/* Of any member's, so that one lies behind the other. */
static size_t longest_bytes(const jup_head_share_t *share, int32_t rows)
{
    size_t longest = 0;
    for (int m = 1; m < share->members; m++) {
        size_t bytes = message_bytes(share, m, rows);
        longest = bytes > longest ? bytes : longest;
    }
    return (longest + LINE) / LINE * LINE;
}

/* For the messages of all members, or of as many as lie in AT_ONCE_BYTES; one at least. */
static size_t at_once_bytes(const jup_head_share_t *share, size_t longest)
{
    int64_t one = (int64_t)longest;
    return (size_t)jup_max_i64(one, jup_min_i64((share->members - 1) * one, AT_ONCE_BYTES));
}

jup_status_t jup_head_share_init(jup_head_share_t *share, jup_comm_t *comm,
                                 const jup_place_t *place, int32_t best, bool told, int32_t rows,
                                 jup_error_t *err)
{
    void *block;
    memset(share, 0, sizeof *share);
    share->comm = comm;
    share->leader = jup_place_leader(place, place->stage);
    share->members = jup_place_members(place);
    share->me = jup_place_member(place);
    share->vocab = place->vocab;
    share->best = best;
    share->told = told;
    share->rows = rows;
    share->buffer_bytes = longest_bytes(share, rows);
    if (share->me == 0) /* a step has fewer rows most often */
        share->buffer_bytes = at_once_bytes(share, share->buffer_bytes);
    JUP_TRY(jup_alloc(&block, share->buffer_bytes, 1, "logits that travel", err));
    share->buffer = block;
    if (share->me != 0)
        return JUP_OK;
    share->receiving = jup_new((size_t)share->members, sizeof *share->receiving);
    JUP_TRY(
        jup_alloc(&block, (size_t)rows * (size_t)vocabulary(share), sizeof(float), "logits", err));
    share->logits = block;
    share->log_sums = jup_new((size_t)rows, sizeof *share->log_sums);
    share->parts = jup_new((size_t)rows * (size_t)share->members, sizeof *share->parts);
    return JUP_OK;
}

void jup_head_share_reset(jup_head_share_t *share)
{
    jup_free(share->buffer);
    jup_free(share->receiving);
    jup_free(share->logits);
    jup_free(share->log_sums);
    jup_free(share->parts);
    memset(share, 0, sizeof *share);
}

/* The best of every row, and behind them all the logs of the sums. */
static void write_best(jup_head_share_t *share, const float *own, int32_t rows)
{
    int32_t vocab = own_rows(share, share->me), n = best_of(share, share->me);
    jup_best_t *best = (jup_best_t *)(void *)share->buffer;
    for (int32_t r = 0; r < rows; r++)
        jup_find_best(own + (int64_t)r * vocab, vocab, share->vocab[share->me],
                      best + (int64_t)r * n, n);
    char *sums = share->buffer + (size_t)rows * (size_t)n * sizeof *best;
    for (int32_t r = 0; r < rows && share->told; r++) {
        double sum = jup_log_sum(own + (int64_t)r * vocab, vocab);
        memcpy(sums + (size_t)r * sizeof sum, &sum, sizeof sum);
    }
}

void jup_head_share_send(jup_head_share_t *share, const float *own, int32_t rows)
{
    if (share->best)
        write_best(share, own, rows);
    jup_comm_send(share->comm, share->leader, JUP_MSG_HEAD,
                  share->best ? share->buffer : (const void *)own,
                  message_bytes(share, share->me, rows));
}

static void place_rows(jup_head_share_t *share, int member, const float *logits, int32_t rows)
{
    int32_t all = vocabulary(share), own = own_rows(share, member);
    for (int32_t r = 0; r < rows; r++)
        memcpy(share->logits + (int64_t)r * all + share->vocab[member], logits + (int64_t)r * own,
               (size_t)own * sizeof *logits);
}

static void place_best(jup_head_share_t *share, int member, const jup_best_t *best, int32_t rows)
{
    int32_t all = vocabulary(share), own = own_rows(share, member), n = best_of(share, member);
    for (int32_t r = 0; r < rows; r++) {
        float *row = share->logits + (int64_t)r * all;
        for (int32_t i = 0; i < own; i++)
            row[share->vocab[member] + i] = -INFINITY;
        for (int32_t i = 0; i < n; i++)
            row[best[(int64_t)r * n + i].id] = best[(int64_t)r * n + i].logit;
    }
}

/* A member's logs of the sums, which stand behind its best. */
static void place_sums(jup_head_share_t *share, int member, const char *sums, int32_t rows)
{
    for (int32_t r = 0; r < rows; r++)
        memcpy(&share->parts[r * share->members + member], sums + (size_t)r * sizeof(double),
               sizeof(double));
}

static bool ids_make_sense(const jup_head_share_t *s, int member, const jup_best_t *best, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (best[i].id < s->vocab[member] || best[i].id >= s->vocab[member + 1])
            return false;
    return true;
}

/* Some members' messages on their way at once: where each waited for the one before to be read, so
 * would its message, if the network has it wait for its receive. */
typedef struct places {
    int n;
    size_t bytes; /* of one */
} places_t;

static char *place_of(const jup_head_share_t *share, const places_t *places, int member)
{
    return share->buffer + (size_t)((member - 1) % places->n) * places->bytes;
}

static void begin_receive(jup_head_share_t *share, const places_t *places, int member)
{
    if (member < share->members)
        jup_comm_begin_recv(share->comm, share->leader + member, JUP_MSG_HEAD, -1,
                            place_of(share, places, member), places->bytes,
                            &share->receiving[member]);
}

static void end_receive(jup_head_share_t *share, const places_t *places, int member, int32_t rows)
{
    jup_pending_t *pending = &share->receiving[member];
    jup_comm_end(share->comm, pending);
    const char *place = place_of(share, places, member);
    const void *message = place;
    int64_t n = (int64_t)rows * best_of(share, member);
    if (pending->bytes != message_bytes(share, member, rows) ||
        (share->best && !ids_make_sense(share, member, message, n)))
        jup_comm_die_unreadable(share->comm, "logits", pending->bytes, share->leader + member);
    if (share->best)
        place_best(share, member, message, rows);
    else
        place_rows(share, member, message, rows);
    if (jup_head_share_sums(share))
        place_sums(share, member, place + (size_t)n * sizeof(jup_best_t), rows);
}

static void receive_all(jup_head_share_t *share, const float *own, int32_t rows)
{
    places_t places = {.bytes = longest_bytes(share, rows)};
    places.n = (int)jup_min_i64((int64_t)(share->buffer_bytes / places.bytes), share->members - 1);
    for (int m = 1; m <= places.n; m++)
        begin_receive(share, &places, m);
    place_rows(share, 0, own, rows);
    for (int m = 1; m < share->members; m++) {
        end_receive(share, &places, m, rows);
        begin_receive(share, &places, m + places.n);
    }
}

void jup_head_share_receive(jup_head_share_t *share, const float *own, int32_t rows)
{
    assert(share->me == 0 && rows <= share->rows);
    int32_t vocab = own_rows(share, 0);
    receive_all(share, own, rows);
    for (int32_t r = 0; r < rows && jup_head_share_sums(share); r++) {
        double *parts = share->parts + r * share->members;
        parts[0] = jup_log_sum(own + (int64_t)r * vocab, vocab);
        share->log_sums[r] = jup_log_sum_of(parts, share->members);
    }
}
