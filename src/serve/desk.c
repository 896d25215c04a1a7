#include "serve/desk.h"

#include "base/clock.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

jup_status_t jup_desk_init(jup_desk_t *desk, const jup_desk_limits_t *limits,
                           void (*wake)(void *connection), jup_error_t *err)
{
    memset(desk, 0, sizeof *desk);
    desk->limits = *limits;
    desk->wake = wake;
    desk->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (desk->bell < 0)
        return jup_fail(err, JUP_EENV, "no descriptor is left for the server: %s",
                        "close some files, or raise ulimit -n");
    pthread_mutex_init(&desk->lock, NULL);
    return JUP_OK;
}

/* The connections are closed by then. */
void jup_desk_reset(jup_desk_t *desk)
{
    while (desk->first)
        jup_desk_finish(desk, desk->first);
    if (desk->limits.parallel) {
        close(desk->bell);
        pthread_mutex_destroy(&desk->lock);
    }
    memset(desk, 0, sizeof *desk);
}

/* ---- the HTTP side --------------------------------------------------------------------------- */

int jup_desk_retry_s(const jup_desk_t *desk)
{
    const jup_desk_totals_t *t = &desk->totals;
    double each = t->finished > 0 ? t->answer_s / (double)t->finished : 1;
    double seconds = each * desk->waiting / desk->limits.parallel;
    return seconds < 1 ? 1 : seconds > 60 ? 60 : (int)seconds;
}

static bool is_welcome(jup_desk_t *desk, jup_problem_t *problem)
{
    if (desk->closing)
        return jup_problem(problem, 503, "shutting_down", NULL,
                           "the server is ending and takes no more requests");
    int32_t at_once = desk->limits.parallel - desk->running;
    if (desk->waiting < desk->limits.queue + (at_once > 0 ? at_once : 0))
        return true;
    desk->totals.refused++;
    return jup_problem(problem, 429, "queue_full", NULL,
                       "%d requests wait already; try again in %d s", desk->waiting,
                       jup_desk_retry_s(desk));
}

bool jup_desk_push(jup_desk_t *desk, jup_order_t *order, jup_problem_t *problem)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&desk->lock);
    bool welcome = is_welcome(desk, problem);
    if (welcome) {
        jup_order_t **end = &desk->first;
        while (*end)
            end = &(*end)->next;
        *end = order;
        order->refs = 2;
        order->deadline_s = order->begin_s + desk->limits.order_s;
        desk->waiting++;
        desk->unread++;
        desk->totals.orders++;
    }
    pthread_mutex_unlock(&desk->lock);
    if (welcome && write(desk->bell, &one, sizeof one) < 0)
        return true; /* it has rung already */
    return welcome;
}

static void unref(jup_order_t *order)
{
    if (--order->refs == 0)
        jup_order_destroy(order);
}

void jup_desk_let_go(jup_desk_t *desk, jup_order_t *order, bool gone)
{
    pthread_mutex_lock(&desk->lock);
    if (gone && !order->complete)
        order->gone = order->cancelled = true;
    order->parked = NULL;
    desk->unread--;
    unref(order);
    pthread_mutex_unlock(&desk->lock);
}

/* ---- the engine's side ----------------------------------------------------------------------- */

void jup_desk_wait(jup_desk_t *desk, double seconds)
{
    uint64_t rings;
    struct pollfd bell = {.fd = desk->bell, .events = POLLIN};
    if (poll(&bell, 1, (int)(seconds * 1e3)) > 0 && read(desk->bell, &rings, sizeof rings) < 0)
        return;
}

static void wake(jup_desk_t *desk, jup_order_t *order)
{
    void *connection = order->parked;
    order->parked = NULL;
    if (connection)
        desk->wake(connection);
}

void jup_desk_deliver(jup_desk_t *desk, jup_order_t *order, const char *bytes, size_t n,
                      bool complete)
{
    if (!order->gone)
        jup_outbox_add(&order->out, bytes, n);
    order->complete = order->complete || complete;
    if (order->wish.stream || complete)
        wake(desk, order);
}

jup_order_t *jup_desk_find(jup_desk_t *desk, int32_t question, jup_choice_t **choice)
{
    for (jup_order_t *order = desk->first; order; order = order->next)
        for (int32_t i = 0; i < order->wish.choices; i++)
            if (order->choices[i].question == question) {
                *choice = &order->choices[i];
                return order;
            }
    return NULL;
}

/* A client that has closed its side has left: nobody asks and goes on talking. */
static bool has_left(const jup_order_t *order)
{
    struct pollfd socket = {.fd = order->fd, .events = POLLRDHUP};
    return order->parked && order->fd >= 0 && poll(&socket, 1, 0) > 0 &&
           (socket.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void end_late(jup_desk_t *desk, jup_order_t *order)
{
    jup_problem(&order->problem, 504, "timeout", NULL,
                "the answer was not there after %.0f s; ask for fewer tokens (max_tokens)",
                desk->limits.order_s);
    desk->totals.timed_out++;
    order->cancelled = true;
}

void jup_desk_look_round(jup_desk_t *desk)
{
    double now_s = jup_clock_now_s();
    for (jup_order_t *order = desk->first; order; order = order->next) {
        if (order->cancelled)
            continue;
        if (has_left(order))
            order->gone = order->cancelled = true;
        else if (now_s > order->deadline_s)
            end_late(desk, order);
    }
}

void jup_desk_finish(jup_desk_t *desk, jup_order_t *order)
{
    jup_order_t **link = &desk->first;
    while (*link != order)
        link = &(*link)->next;
    *link = order->next;
    desk->waiting -= order->choices[0].question < 0;
    order->complete = true;
    wake(desk, order);
    unref(order);
}
