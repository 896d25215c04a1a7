/* The exact sequence partition: labels over positions of the grid. See plan/chunking.h. */
#include "base/mem.h"
#include "plan/chunking.h"

#include <math.h>
#include <string.h>

/* A way to cut the prompt up to some position. */
typedef struct label {
    int from;   /* position of its last chunk's start */
    int parent; /* label there */
    bool dead;  /* another one is nowhere later */
} label_t;

/* The labels of one position; times (n, width). */
typedef struct bucket {
    label_t *labels;
    double *times;
    int n, room;
} bucket_t;

typedef struct search {
    const jup_instance_t *in;
    const jup_pipe_t *pipe;
    int32_t most_rows;
    double bound_s;
    jup_meter_t *meter;
    int width;         /* machines: stage 0, link 0, stage 1, ... */
    bucket_t *buckets; /* (positions + 1) */
    double *rest_s;    /* (positions + 1, width): least time from there to the end, see below */
    double *candidate; /* (width) */
} search_t;

/* Time of machine m for the chunk between positions i < j. */
static double machine_s(const search_t *x, int m, int i, int j)
{
    const jup_instance_t *in = x->in;
    const jup_stage_cost_t *s = &x->pipe->stage[m / 2];
    int32_t rows = in->position[j] - in->position[i];
    if (m % 2)
        return s->latency_s + s->byte_s * jup_cost_message_bytes(&in->problem->size, rows);
    return s->step_s + s->chunk_layers * jup_instance_layer_s(in, s->class, i, j) +
           s->row_s * rows + (j == in->n_positions ? s->head_s : 0);
}

static bool can_cut(const search_t *x, int i, int j)
{
    int32_t rows = x->in->position[j] - x->in->position[i];
    return rows <= x->most_rows && (rows >= x->in->min_chunk || j == x->in->n_positions);
}

/* Least time that the last chunk takes on the machines behind m. */
static void fill_tails(const search_t *x, double *tail_s)
{
    int G = x->in->n_positions;
    for (int m = 0; m < x->width; m++)
        tail_s[m] = INFINITY;
    for (int i = 0; i < G; i++) {
        if (!can_cut(x, i, G))
            continue;
        double sum = 0;
        for (int m = x->width - 1; m >= 0; m--) {
            tail_s[m] = fmin(tail_s[m], sum);
            sum += machine_s(x, m, i, G);
        }
    }
}

/*
 * rest_s[i, m]: when machine m is done with the tokens before position i at time t, the first token
 * cannot be there before t + rest_s: the machine has to do the rest in some chunks, the machines
 * behind it at least the last of them.
 */
static void fill_rest(search_t *x)
{
    int G = x->in->n_positions, width = x->width;
    double *tail_s = jup_new((size_t)width, sizeof *tail_s);
    fill_tails(x, tail_s);
    for (int m = 0; m < width; m++) {
        x->rest_s[G * width + m] = 0;
        for (int i = G - 1; i >= 0; i--) {
            double least = INFINITY;
            for (int j = i + 1; j <= G; j++)
                if (can_cut(x, i, j))
                    least = fmin(least, machine_s(x, m, i, j) + x->rest_s[j * width + m]);
            x->rest_s[i * width + m] = least;
        }
        for (int i = 0; i < G; i++)
            x->rest_s[i * width + m] += tail_s[m];
    }
    jup_free(tail_s);
}

/* candidate = times after the chunk (i, j) is added; false when it cannot beat the bound. */
static bool extend(search_t *x, const double *times, int i, int j)
{
    const double *rest = x->rest_s + (size_t)j * (size_t)x->width;
    double at = 0;
    for (int m = 0; m < x->width; m++) {
        at = (at > times[m] ? at : times[m]) + machine_s(x, m, i, j);
        x->candidate[m] = at;
        if (at + rest[m] >= x->bound_s)
            return false;
    }
    return true;
}

/* Whether a is nowhere later than b. */
static bool covers(const double *a, const double *b, int width)
{
    for (int m = 0; m < width; m++)
        if (a[m] > b[m])
            return false;
    return true;
}

static void add_label(search_t *x, int j, int from, int parent)
{
    bucket_t *b = &x->buckets[j];
    size_t width = (size_t)x->width;
    for (int k = 0; k < b->n; k++) {
        double *times = b->times + (size_t)k * width;
        if (b->labels[k].dead)
            continue;
        if (covers(times, x->candidate, x->width))
            return;
        b->labels[k].dead = covers(x->candidate, times, x->width);
    }
    if (b->n == b->room) {
        b->room = b->room ? 2 * b->room : 8;
        b->labels = jup_resize(b->labels, (size_t)b->room, sizeof *b->labels);
        b->times = jup_resize(b->times, (size_t)b->room * width, sizeof *b->times);
    }
    b->labels[b->n] = (label_t){.from = from, .parent = parent};
    memcpy(b->times + (size_t)b->n++ * width, x->candidate, width * sizeof *x->candidate);
}

/* Extends every label of position i by every chunk; false when the meter ran out. */
static bool expand(search_t *x, int i)
{
    int G = x->in->n_positions;
    double *times = jup_new((size_t)x->width, sizeof *times);
    for (int k = 0; k < x->buckets[i].n; k++) {
        if (x->buckets[i].labels[k].dead)
            continue;
        memcpy(times, x->buckets[i].times + (size_t)k * (size_t)x->width,
               (size_t)x->width * sizeof *times);
        for (int j = i + 1; j <= G; j++) {
            if (!can_cut(x, i, j))
                continue;
            if (!jup_meter_spend(x->meter, x->width * (1 + x->buckets[j].n / 8.0)))
                break;
            if (!extend(x, times, i, j))
                continue;
            if (j == G)
                x->bound_s = fmin(x->bound_s, x->candidate[x->width - 1]);
            add_label(x, j, i, k);
        }
    }
    jup_free(times);
    return x->meter->left > 0;
}

static jup_exact_t take_best(const search_t *x, jup_cut_t *best, double *ttft_s)
{
    int G = x->in->n_positions, chosen = -1, n = 0;
    const bucket_t *end = &x->buckets[G];
    double least = INFINITY;
    for (int k = 0; k < end->n; k++) {
        double s = end->times[(size_t)(k + 1) * (size_t)x->width - 1];
        if (s < least) {
            least = s;
            chosen = k;
        }
    }
    if (chosen < 0)
        return JUP_EXACT_NONE;
    for (int j = G, k = chosen; j > 0; n++) {
        const label_t *l = &x->buckets[j].labels[k];
        j = l->from;
        k = l->parent;
    }
    best->n = n;
    for (int j = G, k = chosen; j > 0;) {
        const label_t *l = &x->buckets[j].labels[k];
        jup_cut_set_grid(best, x->in, --n, l->from, j);
        j = l->from;
        k = l->parent;
    }
    *ttft_s = least + x->pipe->result_s;
    return JUP_EXACT_BETTER;
}

static void open_search(search_t *x)
{
    size_t G = (size_t)x->in->n_positions, width = (size_t)x->width;
    x->buckets = jup_new(G + 1, sizeof *x->buckets);
    x->rest_s = jup_new((G + 1) * width, sizeof *x->rest_s);
    x->candidate = jup_new(width, sizeof *x->candidate); /* zero: where all begin */
    fill_rest(x);
    jup_meter_spend(x->meter, (double)(G * G / 2 * width));
}

static void close_search(search_t *x)
{
    for (int i = 0; i <= x->in->n_positions; i++) {
        jup_free(x->buckets[i].labels);
        jup_free(x->buckets[i].times);
    }
    jup_free(x->buckets);
    jup_free(x->rest_s);
    jup_free(x->candidate);
}

jup_exact_t jup_chunk_exact(const jup_instance_t *in, const jup_pipe_t *pipe, int32_t most_rows,
                            double bound_s, jup_meter_t *meter, jup_cut_t *best, double *ttft_s)
{
    search_t x = {
        .in = in,
        .pipe = pipe,
        .most_rows = most_rows,
        .bound_s = bound_s - pipe->result_s,
        .meter = meter,
        .width = 2 * pipe->n - 1,
    };
    jup_exact_t outcome = JUP_EXACT_GAVE_UP;
    open_search(&x);
    double least = INFINITY;
    for (int m = 0; m < x.width; m++) /* before any label: can the pipe be quick enough at all? */
        least = m ? fmax(least, x.rest_s[m]) : x.rest_s[0];
    bool whole = true;
    if (least < x.bound_s) {
        add_label(&x, 0, 0, 0);
        for (int i = 0; whole && i < in->n_positions; i++)
            whole = expand(&x, i);
    }
    if (whole)
        outcome = take_best(&x, best, ttft_s);
    close_search(&x);
    return outcome;
}
