#include "strategy/measure.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/interrupt.h"

#include <assert.h>

enum { POINTS = 7, REPEAT = 3, SCRATCH = JUP_MAX_SEQUENCES };

/* Laps that take so much longer than one of a single row never pay: they are not tried. */
static const double ENOUGH = 4;

/* A period that is hardly longer than another one. */
static const double NEARLY = 1.03;

/* A step of so many rows on a sequence of its own, which is empty before and after. */
static void send_rows(jup_engine_t *e, int32_t rows, bool guess)
{
    int32_t tokens[JUP_TREE_NODES] = {0};
    jup_step_t *step = &e->stage.step;
    assert(rows <= JUP_TREE_NODES);
    jup_step_begin(step, JUP_STEP_WORK, e->scheduler.next_step++);
    jup_step_edit(step, (jup_edit_t){.op = JUP_EDIT_DROP, .seq = SCRATCH}, NULL);
    jup_step_add(step, SCRATCH, 0, tokens, NULL, rows, rows);
    step->segments[0].guess = guess;
    step->segments[0].request = step->segments[0].branch = -1;
    jup_engine_send(e);
}

static void clean_up(jup_engine_t *e)
{
    jup_step_t *step = &e->stage.step;
    jup_step_begin(step, JUP_STEP_WORK, e->scheduler.next_step++);
    jup_step_edit(step, (jup_edit_t){.op = JUP_EDIT_DROP, .seq = SCRATCH}, NULL);
    jup_engine_send(e);
}

static double lap_seconds(jup_engine_t *e, int32_t rows, bool guess)
{
    double best = 1e30;
    for (int i = 0; i < REPEAT && (i == 0 || !jup_interrupted()); i++) {
        double start_s = jup_clock_now_s();
        send_rows(e, rows, guess);
        jup_engine_receive(e);
        double took_s = jup_clock_now_s() - start_s;
        best = took_s < best ? took_s : best;
    }
    return best;
}

/* With `window` steps in the air: the time between two results, where the first takes lap_s. One
 * stage alone has one step after the other. */
static double period_seconds(jup_engine_t *e, int32_t rows, bool guess, double lap_s,
                             int32_t window)
{
    int32_t steps = 2 * e->n_results, sent = 0, done = 0;
    if (e->n_results == 1)
        return lap_s;
    double start_s = jup_clock_now_s();
    while (done < steps) {
        while (sent < steps && sent - done < window) {
            send_rows(e, rows, guess);
            sent++;
        }
        jup_engine_receive(e);
        done++;
    }
    double rest_s = jup_clock_now_s() - start_s - lap_s;
    return rest_s > 0 ? rest_s / (done - 1) : 0;
}

/*
 * The fewest steps in the air with which results come about as often as with the most: more of them
 * would be smaller batches. One step a stage and one that waits do where stages and links are
 * alike; slow links or uneven stages ask for more.
 */
static void fit_window_to(jup_engine_t *e, bool guess, double lap_s, double period_s)
{
    int32_t stages = e->stage.place->stages, window = stages + 1;
    while (window < e->stage.options.window && !jup_interrupted() &&
           period_seconds(e, 1, guess, lap_s, window) > NEARLY * period_s)
        window = (int32_t)jup_min_i64(window + (stages + 1) / 2, e->stage.options.window);
    jup_scheduler_set_window(&e->scheduler, window);
}

/* Whether larger steps are worth trying. */
static bool goes_on(const double *lap_s, int32_t n)
{
    return lap_s[n - 1] < ENOUGH * lap_s[0] && !jup_interrupted();
}

void jup_engine_measure(jup_engine_t *e, bool fit_window)
{
    int32_t rows[POINTS], n = 0;
    double lap_s[POINTS], period_s[POINTS];
    jup_speculation_t *s = e->scheduler.speculation;
    int32_t most = (int32_t)jup_min_i64(s->nodes, e->stage.options.rows);
    assert(e->scheduler.air_n == 0);
    lap_seconds(e, 1, s->has_heads); /* first touches are not counted */
    for (int32_t r = 1; n < POINTS && r <= most && (n == 0 || goes_on(lap_s, n)); r *= 2, n++) {
        rows[n] = r;
        lap_s[n] = lap_seconds(e, r, s->has_heads);
        period_s[n] = period_seconds(e, r, s->has_heads, lap_s[n], e->n_results);
    }
    if (s->has_heads) {
        double bare_s = lap_seconds(e, 1, false);
        s->bare_lap = bare_s / lap_s[0];
        s->bare_period = period_seconds(e, 1, false, bare_s, e->n_results) / period_s[0];
    }
    if (fit_window && e->n_results > 1)
        fit_window_to(e, s->has_heads, lap_s[0], period_s[0]);
    clean_up(e);
    jup_lap_cost_fit(&s->lap, rows, lap_s, n);
    jup_lap_cost_fit(&s->period, rows, period_s, n);
    s->costs_known = true;
}
