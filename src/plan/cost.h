/**
 * The cost model: seconds and bytes of a part of a model on a device.
 *
 * A layer, for `rows` new tokens over `prefix` cached ones (rates: cluster/profile.h):
 *   fixed + linear(rows) + attention(rows * (prefix + (rows + 1) / 2) pairs)
 * from the profile's rates, or interpolated where the profile has a measured grid of this very
 * layer (same key). All layers cost the same, so a stage's time depends on how many it holds; but
 * of the model's last one rows without logits need only a share. A member of a group has a part of
 * each layer, which is a smaller layer with fewer heads and FFN columns; its products lose some of
 * their rate by being narrower (split_loss of the profile). A message holds its link for latency +
 * bytes / bandwidth (the cautious reading: latency is not overlapped by the next message of the
 * same link).
 */
#ifndef JUP_PLAN_COST_H
#define JUP_PLAN_COST_H

#include "cluster/cluster.h"
#include "cluster/fit.h"
#include "model/part.h"

#include <stdbool.h>
#include <stdint.h>

/** A model as numbers. */
typedef struct jup_model_size {
    char name[64];
    char type[16];             /* of the weights, for people */
    char key[JUP_PROFILE_KEY]; /* of one layer: equal keys have equal times */
    int layers;
    jup_layer_ops_t layer;  /* of one layer (the largest, for the bytes) */
    double embedding_bytes; /* the whole table */
    double embedding_row_bytes;
    double head_bytes; /* output matrix and norm */
    double head_flops_per_row;
    bool tied;                   /* one table for both, when one stage has both */
    double work_row_bytes;       /* activations of one row */
    double output_row_bytes;     /* hidden state and logits of one row */
    double scratch_bytes;        /* dequantised weight panels */
    double wire_row_bytes;       /* activations of one row on the wire */
    jup_config_t config;         /* of the whole model, or of the part that this is the size of */
    jup_part_blocks_t blocks;    /* of its layers: where they may be cut */
    double others_flops_per_row; /* of a layer, the share of the other members; 0: there are none */
} jup_model_size_t;

/** What is asked of the model. */
typedef struct jup_workload {
    int64_t prompt_tokens;   /* >= 1 */
    int64_t generate_tokens; /* >= 0; the first comes out of the prefill */
    int64_t context_tokens;  /* room in the KV cache; 0: prompt + generate */
    int branches;            /* answers decoded at the same time; >= 1 */
    int64_t serial_tokens;   /* of those to generate: an outline's, before there are branches */
    int lap_rows;            /* candidates of a branch in a lap; 0: one */
    double tokens_per_lap;   /* of a branch, what guesses make of it; 0: one */
} jup_workload_t;

/** What guesses make of a lap, about: three candidates, of which most often one comes true. */
void jup_workload_expect_guesses(jup_workload_t *workload);

/** Laps of decoding: those of an outline, and those of all branches together. */
double jup_workload_serial_laps(const jup_workload_t *workload);
double jup_workload_branch_laps(const jup_workload_t *workload);

/** Laps one after the other, where branches fill a pipe without loss. */
double jup_workload_laps(const jup_workload_t *workload);

/** Rows of a branch in a lap, and its tokens that come out of it. */
int jup_workload_lap_rows(const jup_workload_t *workload);
double jup_workload_tokens_per_lap(const jup_workload_t *workload);

/**
 * Weights of one type throughout, KV of another, activations on the wire of a third. JUP_EINPUT
 * when rows are no whole blocks of the weights' type.
 */
jup_status_t jup_model_size_init(jup_model_size_t *size, const jup_config_t *config,
                                 jup_dtype_t weights, jup_dtype_t kv, jup_dtype_t wire,
                                 jup_error_t *err);

/** The same of a file, which has other types where that one does not suit (plan/file_size.h). */
void jup_model_size_set(jup_model_size_t *size, const jup_config_t *config, jup_dtype_t weights,
                        jup_dtype_t kv, jup_dtype_t wire);

/** The size of a member's part of a model: its heads, FFN columns and rows of the output head. */
void jup_model_size_part(jup_model_size_t *part, const jup_model_size_t *whole,
                         const jup_part_t *share);

/** Names the kind of layer: "d4096-f11008-h32-kv32-hd128-q4_0-f16". */
void jup_model_key(char key[JUP_PROFILE_KEY], const jup_config_t *config, const char *weights,
                   const char *kv);

/** How much longer a part's products take than their operations alone would; 1 of a whole layer. */
double jup_cost_split_factor(const jup_profile_t *profile, const jup_model_size_t *size);

/** ... and a single row of it: members of a group wait for each other, but do not rest
 * (cluster/profile.h, rest_gain); 1 of a whole layer. */
double jup_cost_row_factor(const jup_profile_t *profile, const jup_model_size_t *size);

/** The most that a rest saves of a step of one row, see rest_most_s; infinite: all that there is.
 */
double jup_cost_rest_most_s(const jup_profile_t *profile);

double jup_cost_layer_s(const jup_profile_t *profile, const jup_model_size_t *size, double rows,
                        double prefix);
/** Of a layer's operations on a row, those that rows without logits need of the model's last one:
 * keys and values (model/forward_narrow.c). */
double jup_cost_unwanted_share(const jup_model_size_t *size);

double jup_cost_embed_s(const jup_profile_t *profile, const jup_model_size_t *size, double rows);
double jup_cost_head_s(const jup_profile_t *profile, const jup_model_size_t *size, double rows);

/** A step's message to the next stage, and the answer from the last stage to the first. */
double jup_cost_message_bytes(const jup_model_size_t *size, int64_t rows);
double jup_cost_step_bytes(int64_t rows); /* the same without the activations */
double jup_cost_result_bytes(void);

/** Memory of a stage. */
typedef struct jup_stage_memory {
    double weight_bytes;
    double kv_bytes;
    double work_bytes; /* activations, scratch, messages in flight, the program itself */
} jup_stage_memory_t;

jup_stage_memory_t jup_cost_memory(const jup_model_size_t *size, const jup_workload_t *workload,
                                   int layers, bool embedding, bool head, int64_t max_rows);

static inline double jup_stage_memory_bytes(jup_stage_memory_t m)
{
    return m.weight_bytes + m.kv_bytes + m.work_bytes;
}

#endif
