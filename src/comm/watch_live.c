/* The watch's thread: beats, judgements, and the end when the main thread cannot come. */
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/launcher.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "comm/watch_inner.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double beat_every_s = 1, stood_still_s = 3, healing_s = 4;

static bool is_root(const jup_watch_t *w)
{
    return w->rank == 0;
}

static int n_wires(const jup_watch_t *w)
{
    return is_root(w) ? w->n : 1;
}

/* ---- records out ----------------------------------------------------------------------------- */

static jup_watch_record_t record_of(const jup_watch_t *w, jup_watch_record_kind_t kind)
{
    jup_watch_record_t record;
    memset(&record, 0, sizeof record);
    record.kind = (int32_t)kind;
    record.rank = w->rank;
    record.secret = w->door.secret;
    return record;
}

static void list_traffic(const jup_watch_t *w, jup_watch_record_t *record)
{
    for (int peer = 0; peer < w->n && record->n < JUP_WATCH_PEERS; peer++) {
        uint32_t sent = atomic_load_explicit(&w->sent[peer], memory_order_relaxed);
        uint32_t got = atomic_load_explicit(&w->got[peer], memory_order_relaxed);
        if (sent || got)
            record->traffic[record->n++] = (jup_watch_traffic_t){peer, sent, got};
    }
}

static jup_watch_record_t make_beat(const jup_watch_t *w)
{
    jup_watch_record_t beat = record_of(w, JUP_WATCH_BEAT);
    beat.limit_s = (float)w->limit_s;
    beat.finished = atomic_load_explicit(&w->finished, memory_order_relaxed);
    beat.waits_for = atomic_load_explicit(&w->waits_for, memory_order_relaxed);
    beat.sending = atomic_load_explicit(&w->sending, memory_order_relaxed);
    list_traffic(w, &beat);
    return beat;
}

static void tell(jup_watch_t *w, const jup_watch_record_t *record)
{
    for (int i = 0; i < n_wires(w); i++)
        jup_watch_send(&w->wires[i], record);
}

static void tell_end(jup_watch_t *w, jup_watch_record_kind_t kind, int code)
{
    enum { TURNS = 20, TURN_MS = 10 };
    jup_watch_record_t record = record_of(w, kind);
    size_t waiting = 1;
    record.code = code;
    tell(w, &record);
    for (int turn = 0; turn < TURNS && waiting > 0; turn++) {
        waiting = 0;
        for (int i = 0; i < n_wires(w); i++) {
            jup_watch_flush(&w->wires[i]);
            waiting += w->wires[i].closed ? 0 : w->wires[i].n_out;
        }
        if (waiting > 0)
            poll(NULL, 0, TURN_MS);
    }
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static _Noreturn void leave(jup_watch_t *w, int code)
{
    if (is_root(w)) {
        tell_end(w, JUP_WATCH_END, code);
        jup_launcher_tell_code(code);
    }
    _exit(code);
}

/* text: what is said now; NULL: it has been said. */
static void rule(jup_watch_t *w, int code, const char *text)
{
    if (atomic_load(&w->code) != 0)
        return;
    if (text)
        fprintf(stderr, "jupiter: %s; the job ends\n", text);
    if (!is_root(w))
        leave(w, code);
    jup_launcher_tell_verdict(code);
    w->verdict_s = jup_clock_now_s();
    atomic_store(&w->code, code);
}

/* The main thread comes when it waits or is between sub-layers. */
static void wait_for_main(jup_watch_t *w, double now_s)
{
    const double patience_s = 4, closing_s = 0.5, longest_s = 9;
    bool speaks = atomic_load(&w->ending) == JUP_WATCH_SPEAKING;
    bool closes = atomic_load(&w->phase) == JUP_WATCH_CLOSING;
    double most_s = speaks ? longest_s : closes ? closing_s : patience_s;
    if (atomic_load(&w->gathering))
        most_s = 0; /* it cannot come, and has nothing to keep */
    if (now_s - w->verdict_s >= most_s)
        leave(w, atomic_load(&w->code));
}

/* A beat may have been due as the silence began: what is shorter than the limit has to heal. */
static double latest_s(double now_s)
{
    return now_s - beat_every_s - 0.2;
}

static bool is_absent(const jup_watch_t *w, double now_s, char *text, size_t size)
{
    return atomic_load(&w->gathering) &&
           jup_watch_judge_absent(&w->table, now_s, w->limit_s, text, size);
}

static void judge_root(jup_watch_t *w, double now_s)
{
    char text[JUP_WATCH_TEXT];
    double then_s = latest_s(now_s), limit_s = w->limit_s;
    pthread_mutex_lock(&w->names);
    bool found =
        limit_s > 0 && (jup_watch_judge_silent(&w->table, then_s, limit_s, text, sizeof text) ||
                        jup_watch_judge_stuck(&w->table, then_s, limit_s, text, sizeof text) ||
                        is_absent(w, then_s, text, sizeof text));
    pthread_mutex_unlock(&w->names);
    if (found)
        rule(w, JUP_EENV, text);
}

/* A rank hears of rank 0 alone. Rank 1 says it; the others, too, should they still be there long
   after that. */
static void judge_other(jup_watch_t *w, double now_s)
{
    char text[JUP_WATCH_TEXT];
    double turn_s = w->rank == 1 ? 0.1 : 8, then_s = latest_s(now_s) - 1 - turn_s;
    bool gone = w->lost_s > 0 && now_s - w->lost_s > turn_s;
    pthread_mutex_lock(&w->names);
    bool silent =
        w->limit_s > 0 && jup_watch_judge_silent(&w->table, then_s, w->limit_s, text, sizeof text);
    if (gone)
        jup_watch_judge_gone(&w->table, text, sizeof text);
    pthread_mutex_unlock(&w->names);
    if (gone || silent)
        rule(w, JUP_EENV, text);
}

/* Others that go at the same moment are named with it. */
static void judge_gone(jup_watch_t *w, double now_s)
{
    const double moment_s = 0.1, long_s = 5;
    char text[JUP_WATCH_TEXT];
    if (w->lost_s <= 0 || now_s - w->lost_s < moment_s)
        return;
    pthread_mutex_lock(&w->names);
    jup_watch_judge_gone(&w->table, text, sizeof text);
    pthread_mutex_unlock(&w->names);
    if (now_s < w->woke_s + long_s && w->slept_s > w->limit_s)
        snprintf(text, sizeof text,
                 "rank 0 (host %s) stood still for %.0f s, and the others have left meanwhile",
                 w->door.host, w->slept_s);
    rule(w, JUP_EENV, text);
}

/* ---- records in ------------------------------------------------------------------------------ */

static void take_on_root(jup_watch_t *w, const jup_watch_record_t *record)
{
    if (record->kind == JUP_WATCH_WISH)
        jup_interrupt_request(record->code);
    if (record->kind == JUP_WATCH_SAID) {
        w->table.ranks[record->rank].left = true;
        rule(w, record->code, NULL);
    }
}

static void take_elsewhere(jup_watch_t *w, const jup_watch_record_t *record)
{
    if (record->kind == JUP_WATCH_END)
        leave(w, record->code);
    if (record->kind == JUP_WATCH_BEAT)
        w->limit_s = (double)record->limit_s;
}

static void hear(jup_watch_t *w, jup_watch_wire_t *wire, int from, double now_s)
{
    jup_watch_record_t record;
    while (jup_watch_receive(wire, &record)) {
        if (record.secret != w->door.secret || record.rank != from) {
            wire->closed = true; /* no rank of ours */
            break;
        }
        jup_watch_table_hear(&w->table, &record, now_s);
        if (is_root(w))
            take_on_root(w, &record);
        else
            take_elsewhere(w, &record);
    }
    bool left = w->table.ranks[from].left;
    if (!wire->closed || (left && is_root(w)))
        return; /* who has left hears from rank 0 until it leaves, too */
    jup_watch_wire_close(wire);
    w->table.ranks[from].gone = !left;
    if (!left && w->lost_s <= 0)
        w->lost_s = now_s;
}

/* A guest's first record says which rank it is. */
static void meet(jup_watch_t *w, jup_watch_wire_t *guest, double now_s)
{
    jup_watch_record_t record;
    if (!jup_watch_receive(guest, &record)) {
        if (guest->closed)
            jup_watch_wire_close(guest);
        return;
    }
    bool ours = record.kind == JUP_WATCH_HELLO && record.secret == w->door.secret &&
                record.rank > 0 && record.rank < w->n && w->wires[record.rank].fd < 0;
    if (!ours) {
        jup_watch_wire_close(guest);
        return;
    }
    record.host[sizeof record.host - 1] = '\0';
    jup_watch_table_hear(&w->table, &record, now_s);
    jup_watch_wire_t *wire = &w->wires[record.rank];
    *wire = *guest;
    guest->fd = -1;
    record = make_beat(w);
    jup_watch_send(wire, &record);
}

static void let_in(jup_watch_t *w)
{
    for (int i = 0; i < JUP_WATCH_GUESTS; i++)
        if (w->guests[i].fd < 0 && !jup_watch_accept(w->listening, &w->guests[i]))
            return;
}

static void hear_all(jup_watch_t *w, double now_s)
{
    for (int i = 0; i < n_wires(w); i++) {
        if (w->wires[i].fd < 0)
            continue;
        jup_watch_flush(&w->wires[i]);
        if (!w->wires[i].closed)
            hear(w, &w->wires[i], is_root(w) ? i : 0, now_s);
    }
    if (!is_root(w))
        return;
    let_in(w);
    for (int i = 0; i < JUP_WATCH_GUESTS; i++)
        if (w->guests[i].fd >= 0)
            meet(w, &w->guests[i], now_s);
}

/* ---- wishes to stop, and the end of this rank ------------------------------------------------ */

static void pass_wish_on(jup_watch_t *w)
{
    int number = jup_interrupt_signal();
    if (!number)
        return;
    if (!is_root(w) && !w->told_wish) {
        jup_watch_record_t record = record_of(w, JUP_WATCH_WISH);
        record.code = number;
        tell(w, &record);
    }
    w->told_wish = true;
    if (is_root(w) && atomic_load(&w->phase) == JUP_WATCH_STARTING)
        rule(w, 128 + number, NULL);
}

static void announce(jup_watch_t *w)
{
    int code = atomic_load(&w->said);
    if (!code || atomic_load(&w->said_sent))
        return;
    tell_end(w, is_root(w) ? JUP_WATCH_END : JUP_WATCH_SAID, code);
    atomic_store(&w->said_sent, 1);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void add_fd(struct pollfd *fds, nfds_t *n, int fd)
{
    if (fd >= 0)
        fds[(*n)++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void wait_for_something(const jup_watch_t *w, struct pollfd *fds)
{
    const int soon_ms = 50, rest_ms = 1000;
    nfds_t n = 0;
    bool soon = atomic_load(&w->code) || w->lost_s > 0;
    add_fd(fds, &n, w->wake);
    add_fd(fds, &n, w->listening);
    if (!w->told_wish)
        add_fd(fds, &n, jup_interrupt_fd());
    for (int i = 0; i < n_wires(w); i++)
        add_fd(fds, &n, w->wires[i].closed ? -1 : w->wires[i].fd);
    for (int i = 0; i < JUP_WATCH_GUESTS; i++)
        add_fd(fds, &n, w->guests[i].fd);
    poll(fds, n, soon ? soon_ms : rest_ms);
    uint64_t calls;
    ssize_t heard = read(w->wake, &calls, sizeof calls);
    (void)heard;
}

static void look_around(jup_watch_t *w)
{
    double now_s = jup_clock_now_s();
    if (now_s - w->turn_s > stood_still_s) {
        jup_watch_table_forgive(&w->table, now_s);
        w->woke_s = now_s;
        w->slept_s = now_s - w->turn_s;
    }
    w->turn_s = now_s;
    hear_all(w, now_s);
    pass_wish_on(w);
    announce(w);
    if (atomic_load(&w->said))
        return;
    if (is_root(w))
        judge_gone(w, now_s);
    else
        judge_other(w, now_s);
    if (now_s - w->beat_s < beat_every_s)
        return;
    w->beat_s = now_s;
    jup_watch_record_t beat = make_beat(w);
    tell(w, &beat);
    if (is_root(w)) {
        jup_watch_table_hear(&w->table, &beat, now_s);
        judge_root(w, now_s);
    }
}

/* Whether rank 0 answers, or takes long to; else it is another job's, whose door has the same port.
 */
static bool greet(jup_watch_t *w)
{
    enum { TURNS = 30, TURN_MS = 100 };
    jup_watch_wire_t *wire = &w->wires[0];
    jup_watch_record_t hello = record_of(w, JUP_WATCH_HELLO), answer;
    gethostname(hello.host, sizeof hello.host - 1);
    jup_watch_send(wire, &hello);
    for (int i = 0; i < TURNS && !wire->closed; i++) {
        struct pollfd fd = {.fd = wire->fd, .events = POLLIN};
        poll(&fd, 1, TURN_MS);
        if (!jup_watch_receive(wire, &answer))
            continue;
        if (answer.secret == w->door.secret)
            take_elsewhere(w, &answer);
        return answer.secret == w->door.secret;
    }
    return !wire->closed;
}

static bool reach_root(jup_watch_t *w)
{
    const int patience_ms[] = {300, 1000, 3000, 5000}, rest_ms = 30;
    for (size_t i = 0; i < sizeof patience_ms / sizeof patience_ms[0];) {
        if (jup_watch_connect(&w->door, patience_ms[i], &w->wires[0]) && greet(w))
            return true;
        jup_watch_wire_close(&w->wires[0]);
        if (atomic_load(&w->ending) != JUP_WATCH_RUNNING)
            return false;
        if (atomic_load(&w->gathering))
            poll(NULL, 0, rest_ms); /* rank 0 may not be there yet */
        else
            i++;
    }
    jup_warn("rank %d cannot reach rank 0 beside MPI (a firewall?): nobody watches over it",
             w->rank);
    return false;
}

static void join(jup_watch_t *w)
{
    if (!reach_root(w))
        return;
    w->table.ranks[0].met = true;
    jup_watch_table_forgive(&w->table, jup_clock_now_s());
}

/* Rank 0 is the last to leave, and the others wait for that: who is frozen as it ends would keep
   the launcher for ever. Rank 1 says that it is rank 0; the others, where rank 1 did not. */
static void wait_for_root(jup_watch_t *w)
{
    char name[200];
    double patience_s = w->limit_s + (w->rank == 1 ? 0 : 8);
    if (jup_watch_wire_finish(&w->wires[0], w->limit_s > 0 ? patience_s : healing_s) ||
        w->limit_s <= 0)
        return;
    jup_watch_table_name(&w->table, 0, name, sizeof name);
    fprintf(
        stderr,
        "jupiter: %s has not answered for %.0f s as the job ended: frozen, or the link is cut\n",
        name, w->limit_s);
    leave(w, JUP_EENV);
}

static bool may_leave(const jup_watch_t *w)
{
    for (int r = 1; is_root(w) && r < w->n; r++)
        if (w->table.ranks[r].met && !w->table.ranks[r].left)
            return false;
    return true;
}

static void work(jup_watch_t *w, struct pollfd *fds)
{
    for (;;) {
        wait_for_something(w, fds);
        look_around(w);
        int ending = atomic_load(&w->ending);
        if (ending == JUP_WATCH_SPOKEN)
            tell_end(w, JUP_WATCH_END, atomic_load(&w->code));
        bool leaves = ending == JUP_WATCH_CLOSED && may_leave(w);
        if (leaves)
            tell_end(w, JUP_WATCH_BYE, 0);
        if (leaves && !is_root(w))
            wait_for_root(w);
        if (leaves || ending == JUP_WATCH_SPOKEN)
            return;
        if (atomic_load(&w->code) != 0)
            wait_for_main(w, jup_clock_now_s());
    }
}

void *jup_watch_live(void *watch)
{
    jup_watch_t *w = watch;
    struct pollfd *fds = jup_new((size_t)w->n + JUP_WATCH_GUESTS + 3, sizeof *fds);
    if (!is_root(w))
        join(w);
    work(w, fds);
    jup_free(fds);
    return NULL;
}
