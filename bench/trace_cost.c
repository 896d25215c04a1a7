/* What recording costs: nanoseconds per span and per message, reading the clock included. */
#include "base/clock.h"
#include "trace/recorder.h"

#include <stdio.h>

enum { EVENTS = 1 << 20, ROUNDS = 5 };

typedef double (*round_t)(jup_recorder_t *recorder);

static double clock_round(jup_recorder_t *recorder)
{
    (void)recorder;
    double start_s = jup_clock_now_s(), last_s = 0;
    for (int i = 0; i < EVENTS; i++)
        last_s = jup_clock_now_s();
    return last_s - start_s;
}

static double span_round(jup_recorder_t *recorder)
{
    double start_s = jup_clock_now_s(), from_s = start_s;
    for (int i = 0; i < EVENTS; i++) {
        double to_s = jup_clock_now_s();
        jup_recorder_span(recorder, JUP_SPAN_LAYERS, from_s, to_s, i, 1e9, 1e6);
        from_s = to_s;
    }
    return from_s - start_s;
}

static double message_round(jup_recorder_t *recorder)
{
    jup_comm_t comm = {.rank = 0, .size = 2};
    jup_pending_t pending = {.sending = true, .peer = 1, .kind = JUP_MSG_STEP, .bytes = 4096};
    jup_recorder_observe(recorder, &comm);
    double start_s = jup_clock_now_s();
    for (int i = 0; i < EVENTS; i++) {
        pending.post_s = jup_clock_now_s();
        pending.done_s = jup_clock_now_s();
        comm.observer.message(comm.observer.self, &pending);
    }
    return jup_clock_now_s() - start_s;
}

/* The quickest of some rounds, each on a recorder of its own, as a run has it: growth included. */
static double best_ns(round_t round, bool on)
{
    double best_s = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        jup_recorder_t recorder;
        jup_recorder_init(&recorder, 0, on ? JUP_RECORD_ALL : JUP_RECORD_SUMS);
        double took_s = round(&recorder);
        jup_recorder_reset(&recorder);
        best_s = took_s < best_s ? took_s : best_s;
    }
    return 1e9 * best_s / EVENTS;
}

int main(void)
{
    double clock_ns = best_ns(clock_round, true), span_ns = best_ns(span_round, true);
    double message_ns = best_ns(message_round, true), off_ns = best_ns(span_round, false);
    printf("clock    %6.1f ns per reading\n", clock_ns);
    printf("span     %6.1f ns with one reading of the clock, %zu bytes\n", span_ns,
           sizeof(jup_span_t));
    printf("message  %6.1f ns with two, %zu bytes\n", message_ns, sizeof(jup_message_record_t));
    printf("off      %6.1f ns per span that only counts\n", off_ns);
    printf("a step of four spans and two messages costs %.2f us: 1 %% of a step of %.2f ms\n",
           1e-3 * (4 * span_ns + 2 * message_ns), 1e-4 * (4 * span_ns + 2 * message_ns));
    return 0;
}
