/**
 * Sharing every layer among the members of a group (Megatron-LM, Shoeybi et al. 2019): each has
 * some heads, the KV heads that they read, and some columns of the feed-forward network. A
 * member's part of a layer is itself a smaller layer, so that its config (heads, kv_heads and ffn
 * replaced) serves everything that knows a layer by its config; what comes out of it is a summand.
 *
 * Weights are (out, in), quantised in blocks along `in`. The axes of a tensor say how it is cut:
 * rows along a shared axis are a run of bytes, columns along one are cut at the edges of blocks.
 *
 * Units: heads come in the fewest whose columns of attn_output are whole blocks, FFN columns in
 * blocks of ffn_down (at least 8), rows of the output head one by one. Shares are as uneven as the
 * devices. They keep to whole KV heads as long as that is no slower; else, as with more members
 * than KV heads, a KV head (its weights, its cache and its work) is repeated on every member whose
 * query heads read it, and within a member where the attention of equal groups of heads over each
 * KV head asks for it. Of a mixture of experts everyone has the router and its columns of each
 * expert, so that all members are busy with whatever experts a row goes to.
 */
#ifndef JUP_MODEL_PART_H
#define JUP_MODEL_PART_H

#include "model/config.h"

/** What runs along an axis of a tensor. From HEADS on members share it. */
typedef enum jup_axis {
    JUP_AXIS_ONE, /* nothing: a vector */
    JUP_AXIS_DIM,
    JUP_AXIS_HEAD,   /* head_dim: one head */
    JUP_AXIS_ROPE,   /* rope_dim / 2 */
    JUP_AXIS_TOKENS, /* the vocabulary in the embedding */
    JUP_AXIS_EXPERTS,
    JUP_AXIS_EXPERTS_DIM, /* dim for each expert */
    JUP_AXIS_HEADS,       /* query heads * head_dim */
    JUP_AXIS_KV,          /* KV heads * head_dim */
    JUP_AXIS_FFN,         /* of an expert, where there are experts */
    JUP_AXIS_EXPERTS_FFN, /* that of all experts, one after the other */
    JUP_AXIS_VOCAB,       /* the vocabulary in the output head */
} jup_axis_t;

/** Elements [first, first + n) of an axis. */
typedef struct jup_range {
    int64_t first, n;
} jup_range_t;

/** Elements that a cut along the columns may not part: a type's block, the coarsest of all layers.
 */
typedef struct jup_part_blocks {
    int out, down; /* of attn_output, of ffn_down */
} jup_part_blocks_t;

/** Of one layer's types, or of the same types throughout. */
jup_part_blocks_t jup_part_blocks(jup_dtype_t out, jup_dtype_t down);

/** Of layers of both: cuts that suit it suit either. {0, 0} adds nothing. */
jup_part_blocks_t jup_part_blocks_join(jup_part_blocks_t a, jup_part_blocks_t b);

bool jup_part_is_whole(const jup_part_t *part);

/** The config of a part's smaller layers. The vocabulary stays the whole one. */
jup_config_t jup_part_config(const jup_config_t *whole, const jup_part_t *part);

int64_t jup_axis_length(const jup_config_t *config, jup_axis_t axis);

/** Elements that the part holds of an axis; of JUP_AXIS_KV each time a KV head is repeated. */
int64_t jup_part_length(const jup_config_t *whole, const jup_part_t *part, jup_axis_t axis);

/**
 * The part's elements from its `at`-th on that lie side by side in the whole, and where there: up
 * to the end, but for the columns of several experts and KV heads repeated within a part.
 */
jup_range_t jup_part_run(const jup_config_t *whole, const jup_part_t *part, jup_axis_t axis,
                         int64_t at);

/** Which of the whole's KV heads is the part's KV head i; the same for several i when repeated. */
int jup_part_kv_head(const jup_config_t *whole, const jup_part_t *part, int i);

/** Whether the part repeats a KV head within itself. */
bool jup_part_repeats_kv(const jup_config_t *whole, const jup_part_t *part);

/** The most members that can share a layer; at least 1. */
int jup_part_most(const jup_config_t *whole, jup_part_blocks_t blocks);

/** Columns of the feed-forward network in one unit; the last unit may be shorter. */
int jup_part_ffn_unit(jup_part_blocks_t blocks);

/**
 * parts (n) for members of these speeds (n, any unit): the slowest member's share / speed is the
 * least possible, of heads (weighed with the KV heads that they bring) and of FFN units each.
 * JUP_EINPUT names the largest possible number of members.
 */
jup_status_t jup_part_share(const jup_config_t *whole, jup_part_blocks_t blocks,
                            const double *speed, int n, jup_part_t *parts, jup_error_t *err);

/**
 * parts (n) from numbers of query heads (n) and of FFN units (n), as a plan file has them. The
 * output head is shared like the FFN. JUP_EINPUT when they do not sum up or cut a block.
 */
jup_status_t jup_part_of_counts(const jup_config_t *whole, jup_part_blocks_t blocks,
                                const int *heads, const int *ffn, int n, jup_part_t *parts,
                                jup_error_t *err);

/**
 * Whether all rows of the part's matrices are whole blocks, were all weights of this type.
 * JUP_EINPUT names the rows and the block. For the whole too: a file has another type where one
 * does not suit, a model of one type throughout cannot.
 */
jup_status_t jup_part_check_type(const jup_config_t *whole, const jup_part_t *part,
                                 jup_dtype_t dtype, jup_error_t *err);

/** Whether the numbers of a part from a file can be believed: within the whole, blocks aside. */
bool jup_part_is_sound(const jup_config_t *whole, const jup_part_t *part);

/** One line for people: "heads 0 to 7 over KV heads 0 to 1, FFN 0 to 2815". */
void jup_part_describe(const jup_config_t *whole, const jup_part_t *part, char *text, size_t bytes);

#endif
