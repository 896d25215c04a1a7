/**
 * A device profile: what a kind of board can do, as plain data. Rates describe any model; a
 * measured grid describes one layer shape exactly and is preferred where it fits.
 *
 * Seconds of a matrix product y (rows, out) = x (rows, in) W^T on a device:
 *
 *   memory  = bytes of W / bandwidth              the floor: short chunks pay it in full
 *   compute = rows * flops per row / rate
 *   time    = max(memory, compute) + (1 - overlap) * min(memory, compute)
 *
 * overlap 1 is the roofline (Williams et al. 2009); overlap 0 is software that first dequantises,
 * then multiplies. Their quotient, memory * rate / flops per row, is the number of rows at which a
 * chunk is half used: the utilisation curve of short chunks.
 *
 * A message takes message_s + bytes * message_byte_s of the processor at either end, besides what
 * the link between takes.
 *
 * A device that has a share w < 1 of a layer's width reads w of the bytes, but its narrower
 * products take (1 - split_loss) w + split_loss of the operations' time; layer_s it pays in full.
 */
#ifndef JUP_CLUSTER_PROFILE_H
#define JUP_CLUSTER_PROFILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JUP_PROFILE_NAME = 64, JUP_PROFILE_KEY = 96, JUP_PROFILE_POINTS = 64 };

/** Times of one layer of one shape, measured on the device. */
typedef struct jup_measured {
    char key[JUP_PROFILE_KEY]; /* of the layer's shape and type, see plan/cost.h; "": none */
    int n_chunks, n_prefixes;  /* 0: no grid */
    int32_t chunks[JUP_PROFILE_POINTS];   /* ascending, from 1 */
    int32_t prefixes[JUP_PROFILE_POINTS]; /* ascending, from 0 */
    double *layer_s;                      /* (n_chunks, n_prefixes), owned */
    double embed_row_s;                   /* embedding of one token */
    double head_s;                        /* output head for one row */
    double fit_error; /* mean relative error of the rates below against the grid */
} jup_measured_t;

typedef struct jup_profile {
    char name[JUP_PROFILE_NAME];
    char title[128];
    double memory_bytes;   /* of the board */
    double reserved_bytes; /* for the system: not for us */
    int threads;           /* 0: all */
    double flops_per_s;    /* sustained, matrix products of a long chunk */
    double attention_flops_per_s;
    double bytes_per_s;    /* sustained, reading weights for one row */
    double kv_bytes_per_s; /* sustained, reading the KV cache */
    double overlap;        /* of reading weights and computing, 0..1 */
    double layer_s;        /* fixed cost of a layer in a step (launches, norms) */
    double step_s;         /* fixed cost of a step on a stage */
    double split_loss;     /* what is lost where a product is shared, 0..1, see above */
    double rest_gain;      /* a step of one row takes 1 + this as long without a rest before it: a
                              rationed or hot processor is quick for a moment after one ... */
    double rest_most_s;    /* ... which lasts so long: more is not saved of a step; 0: no limit */
    double message_s;      /* of the processor: to send, or to take, a message of no bytes ... */
    double message_byte_s; /* ... and for each of its bytes */
    jup_measured_t measured;
} jup_profile_t;

void jup_profile_reset(jup_profile_t *profile);

/** Deep copy; *copy is overwritten. */
void jup_profile_copy(jup_profile_t *copy, const jup_profile_t *profile);

/** Whether two profiles give the same times for everything (names do not matter). */
bool jup_profile_same(const jup_profile_t *a, const jup_profile_t *b);

/**
 * Takes out of a grid that was just measured (two chunk lengths at least) what only a disturbance
 * can have put in: fewer rows or a shorter prefix do not take longer than more, nor does a single
 * row without rests take longer than several, which have none either (rest_gain). What rests gained
 * in so many layers is the most that they save, see rest_most_s.
 */
void jup_profile_calm(jup_profile_t *profile, int layers);

/** Seconds of a product with a matrix of `weight_bytes`, `flops_per_row` operations a row. */
double jup_profile_linear_s(const jup_profile_t *profile, double rows, double flops_per_row,
                            double weight_bytes);

/** Seconds of attention: its operations and reading the KV cache, overlapped alike. */
double jup_profile_attention_s(const jup_profile_t *profile, double flops, double kv_bytes);

/** Seconds of the processor to send, or to take, a message. */
double jup_profile_message_s(const jup_profile_t *profile, double bytes);

/**
 * Seconds of a measured layer, bilinear between the grid's points. Outside the grid: linear in the
 * chunk and in the prefix with the slope of the last interval, never below the border's value.
 */
double jup_measured_layer_s(const jup_measured_t *measured, double rows, double prefix);

/**
 * Reads and checks a profile. Errors name the file, line, field, value and what is allowed.
 * jup_profile_find takes a path (it has a '/' or ends in .yaml; relative to `beside`, a file, when
 * that is given) or the name of a shipped profile.
 */
jup_status_t jup_profile_read(jup_profile_t *profile, const char *path, jup_error_t *err);
jup_status_t jup_profile_find(jup_profile_t *profile, const char *name, const char *beside,
                              jup_error_t *err);
jup_status_t jup_profile_write(const jup_profile_t *profile, const char *path, jup_error_t *err);

#endif
