/* A member's part of a file's weights, against the elements of the whole by definition. */
#include "base/mem.h"
#include "io/piece.h"
#include "io/slice.h"
#include "io_sample.h"
#include "part_model.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 4 };

/* Three heads a KV head, cut in pairs: some members read a KV head in part, one repeats one. */
static const part_shape_t odd = {.dim = 256,
                                 .heads = 12,
                                 .kv_heads = 4,
                                 .head_dim = 128,
                                 .ffn = 1280,
                                 .vocab = 131,
                                 .layers = 1};
/* Fewer KV heads than members. */
static const part_shape_t few = {
    .dim = 256, .heads = 8, .kv_heads = 2, .head_dim = 128, .ffn = 1280, .vocab = 131, .layers = 1};

static const double speeds[][MOST] = {{1, 1, 1, 1}, {1, 2, 1, 2}, {4, 1, 1, 1}};

/* ---- the whole, decoded ---------------------------------------------------------------------- */

static float *decode(jup_gguf_t *g, const char *name)
{
    const jup_gguf_tensor_t *tensor = jup_gguf_tensor(g, name);
    float *out = jup_new((size_t)(tensor->rows * tensor->cols), sizeof *out);
    void *stored = jup_new(tensor->bytes, 1);
    ck_assert_int_eq(jup_gguf_read(g, jup_gguf_all(tensor), stored, NULL), JUP_OK);
    jup_dequantize(tensor->dtype->dtype, stored, out, tensor->rows * tensor->cols);
    jup_free(stored);
    return out;
}

/* Elements of the whole that a member has along an axis, one by one. */
typedef struct index {
    int n, at[2048];
} index_t;

static index_t all_of(int n)
{
    index_t index = {.n = n};
    for (int i = 0; i < n; i++)
        index.at[i] = i;
    return index;
}

static index_t some_of(int first, int last)
{
    index_t index = {.n = last - first};
    for (int i = 0; i < index.n; i++)
        index.at[i] = first + i;
    return index;
}

/* By the definition of attention: the member's query head h reads its KV head h / ratio. */
static index_t kv_of(const jup_config_t *c, const jup_part_t *part)
{
    jup_config_t own = jup_part_config(c, part);
    index_t index = {.n = own.kv_heads * c->head_dim};
    int ratio = own.heads / own.kv_heads;
    for (int i = 0; i < index.n; i++) {
        int query = part->head_first + i / c->head_dim * ratio;
        index.at[i] = query / (c->heads / c->kv_heads) * c->head_dim + i % c->head_dim;
    }
    return index;
}

static void check_matrix(jup_gguf_t *g, const char *name, const jup_matrix_t *m,
                         const index_t *rows, const index_t *cols)
{
    const jup_gguf_tensor_t *tensor = jup_gguf_tensor(g, name);
    float *whole = decode(g, name), *part = jup_new((size_t)(m->rows * m->cols), sizeof *part);
    ck_assert_int_eq(m->rows, rows->n);
    ck_assert_int_eq(m->cols, cols->n);
    jup_dequantize(m->dtype, m->data, part, m->rows * m->cols);
    for (int r = 0; r < rows->n; r++)
        for (int c = 0; c < cols->n; c++)
            if (part[(int64_t)r * cols->n + c] != whole[rows->at[r] * tensor->cols + cols->at[c]])
                ck_abort_msg("%s: row %d, column %d of the part differs", name, r, c);
    jup_free(part);
    jup_free(whole);
}

static void check_bias(jup_gguf_t *g, const char *name, const float *bias, const index_t *index)
{
    float *whole = decode(g, name);
    ck_assert_ptr_nonnull(bias);
    for (int i = 0; i < index->n; i++)
        ck_assert_msg(bias[i] == whole[index->at[i]], "%s: element %d differs", name, i);
    jup_free(whole);
}

static void check_layer(jup_gguf_t *g, const jup_config_t *c, const jup_part_t *part,
                        const jup_layer_weights_t *w)
{
    int hd = c->head_dim;
    index_t dim = all_of(c->dim), kv = kv_of(c, part);
    index_t q = some_of(part->head_first * hd, part->head_last * hd);
    index_t ffn = some_of(part->ffn_first, part->ffn_last);
    check_matrix(g, "blk.0.attn_q.weight", &w->qkv[0].w, &q, &dim);
    check_matrix(g, "blk.0.attn_k.weight", &w->qkv[1].w, &kv, &dim);
    check_matrix(g, "blk.0.attn_v.weight", &w->qkv[2].w, &kv, &dim);
    check_matrix(g, "blk.0.attn_output.weight", &w->out.w, &dim, &q);
    check_matrix(g, "blk.0.ffn_gate.weight", &w->gate_up[0].w, &ffn, &dim);
    check_matrix(g, "blk.0.ffn_up.weight", &w->gate_up[1].w, &ffn, &dim);
    check_matrix(g, "blk.0.ffn_down.weight", &w->down.w, &dim, &ffn);
    check_bias(g, "blk.0.attn_q.bias", w->qkv[0].bias, &q);
    check_bias(g, "blk.0.attn_k.bias", w->qkv[1].bias, &kv);
    check_bias(g, "blk.0.attn_v.bias", w->qkv[2].bias, &kv);
    check_bias(g, "blk.0.ffn_up.bias", w->gate_up[1].bias, &ffn);
    if (part->head_first == 0) /* the sums' biases are added once */
        check_bias(g, "blk.0.attn_output.bias", w->out.bias, &dim);
    else
        ck_assert_ptr_null(w->out.bias);
    if (part->ffn_first == 0)
        check_bias(g, "blk.0.ffn_down.bias", w->down.bias, &dim);
    else
        ck_assert_ptr_null(w->down.bias);
}

static void check_part(jup_gguf_t *g, const jup_config_t *c, const jup_part_t *part)
{
    jup_weights_t weights;
    jup_error_t err = {.text = ""};
    jup_shard_t shard = part_model_shard(c, part);
    ck_assert_msg(jup_model_file_load(g, c, &shard, &weights, &err) == JUP_OK, "%s", err.text);
    index_t dim = all_of(c->dim), tokens = all_of(c->vocab);
    index_t vocab = some_of(part->vocab_first, part->vocab_last);
    const char *head = c->tied ? "token_embd.weight" : "output.weight";
    check_layer(g, c, part, &weights.layers[0]);
    check_matrix(g, "token_embd.weight", &weights.embedding, &tokens, &dim);
    check_matrix(g, head, &weights.output.w, &vocab, &dim);
    jup_weights_reset(&weights);
}

/* Any type that this program knows, by its number in the table. */
static const jup_dtype_info_t *next_type(int *number)
{
    const jup_dtype_info_t *info = NULL;
    while (!info && ++*number < 64)
        info = jup_dtype_info(*number);
    return info;
}

static void check_shape(const part_shape_t *shape, jup_dtype_t dtype)
{
    jup_config_t c;
    jup_gguf_t *g = part_model_open(shape, dtype, &c);
    for (size_t s = 0; s < sizeof speeds / sizeof speeds[0]; s++)
        for (int n = 2; n <= MOST; n++) {
            jup_part_t parts[MOST];
            jup_error_t err = {.text = ""};
            ck_assert_msg(jup_part_share(&c, jup_piece_blocks(g), speeds[s], n, parts, &err) ==
                              JUP_OK,
                          "%s", err.text);
            for (int i = 0; i < n; i++)
                check_part(g, &c, &parts[i]);
        }
    jup_gguf_close(g);
}

START_TEST(parts_of_every_type_have_the_whole_ones_elements)
{
    int number = -1;
    for (const jup_dtype_info_t *info; (info = next_type(&number)) != NULL;)
        check_shape(&odd, info->dtype);
}
END_TEST

START_TEST(kv_heads_are_repeated_by_rows)
{
    part_shape_t tied = few;
    tied.tied = true;
    check_shape(&few, JUP_Q4_K);
    check_shape(&tied, JUP_F16);
    jup_config_t c;
    jup_gguf_t *g = part_model_open(&odd, JUP_Q4_K, &c);
    jup_part_t part = {
        .head_first = 2, .head_last = 6, .ffn_first = 256, .ffn_last = 512, .vocab_last = 131};
    ck_assert(jup_part_repeats_kv(&c, &part));
    check_part(g, &c, &part);
    jup_gguf_close(g);
}
END_TEST

/* ---- bytes ----------------------------------------------------------------------------------- */

START_TEST(a_rank_maps_and_copies_its_own_part_alone)
{
    const int n = 4;
    jup_part_t parts[MOST];
    jup_config_t c;
    jup_error_t err;
    part_shape_t shape = few;
    shape.layers = 3;
    jup_gguf_t *g = part_model_open(&shape, JUP_Q8_0, &c);
    size_t page = (size_t)sysconf(_SC_PAGESIZE), columns = 0, owned_by_all = 0;
    for (int layer = 0; layer < c.layers; layer++) /* rows of 256, 1024 and 1280 elements */
        columns += (size_t)256 * (1024 + 1280) / 32 * 34;
    ck_assert_int_eq(jup_part_share(&c, jup_piece_blocks(g), speeds[0], n, parts, &err), JUP_OK);
    jup_gguf_close(g);
    for (int i = 0; i < n; i++) {
        jup_weights_t weights;
        size_t mapped, owned, live = jup_mem_live_bytes();
        g = part_model_open(&shape, JUP_Q8_0, &c);
        jup_shard_t shard = part_model_shard(&c, &parts[i]);
        shard.embedding = false;
        ck_assert_int_eq(jup_model_file_bytes(g, &c, &shard, &mapped, &owned, &err), JUP_OK);
        ck_assert_uint_eq(jup_gguf_mapped_bytes(g), 0);
        ck_assert_int_eq(jup_model_file_load(g, &c, &shard, &weights, &err), JUP_OK);
        ck_assert_uint_eq(weights.mapped_bytes, mapped);
        ck_assert_uint_eq(weights.owned_bytes, owned);
        ck_assert_uint_eq(jup_weights_bytes(&weights), mapped + owned);
        ck_assert_uint_ge(jup_mem_live_bytes(), live + owned);
        /* every run of neighbours may touch a page more at both ends: six a layer, two at the end
         */
        ck_assert_uint_ge(jup_gguf_mapped_bytes(g) + page, mapped);
        ck_assert_uint_le(jup_gguf_mapped_bytes(g), mapped + (size_t)(8 * c.layers + 2) * 2 * page);
        ck_assert_uint_le(mapped, jup_gguf_file_bytes(g) / 3);
        jup_weights_reset(&weights);
        jup_gguf_close(g);
        owned_by_all += owned;
    }
    /* and the decoded biases: those of K, 64 of 256 for each member, and of one ffn_down */
    size_t biases = (size_t)c.layers * (4 * 128 + 256) * sizeof(float);
    ck_assert_uint_eq(owned_by_all, columns + biases);
}
END_TEST

START_TEST(cuts_through_blocks_are_refused)
{
    jup_config_t c;
    jup_weights_t weights;
    jup_error_t err;
    jup_gguf_t *g = part_model_open(&odd, JUP_Q4_K, &c);
    const jup_part_t heads = {.head_last = 3, .ffn_last = 256, .vocab_last = 5};
    const jup_part_t ffn = {.head_last = 2, .ffn_last = 128, .vocab_last = 5};
    jup_shard_t shard = part_model_shard(&c, &heads);
    ck_assert_int_eq(jup_model_file_load(g, &c, &shard, &weights, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "elements 0 to 383 of the rows of tensor "
                                   "'blk.0.attn_output.weight' are no whole blocks of Q4_K (256)"),
                  "%s", err.text);
    shard.part = ffn;
    ck_assert_int_eq(jup_model_file_load(g, &c, &shard, &weights, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "'blk.0.ffn_down.weight'"), "%s", err.text);
    jup_gguf_close(g);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(copies_that_do_not_fit_are_refused_before)
{
    jup_config_t c;
    jup_weights_t weights;
    jup_error_t err;
    jup_gguf_t *g = part_model_open(&odd, JUP_F32, &c);
    const jup_part_t part = {.head_last = 6, .ffn_last = 640, .vocab_last = 64};
    jup_shard_t shard = part_model_shard(&c, &part);
    jup_mem_model(1 << 20);
    ck_assert_int_eq(jup_model_file_load(g, &c, &shard, &weights, &err), JUP_EENV);
    jup_mem_model(0);
    ck_assert_msg(strstr(err.text, "columns of the weights take 1.4 MiB"), "%s", err.text);
    ck_assert_uint_eq(jup_gguf_mapped_bytes(g), 0);
    jup_gguf_close(g);
}
END_TEST

/* ---- slices ---------------------------------------------------------------------------------- */

static jup_gguf_t *open_slice(jup_gguf_t *g, const jup_config_t *c, const jup_shard_t *shards,
                              int rank, int ranks)
{
    char path[256];
    size_t written;
    jup_gguf_t *slice;
    jup_error_t err = {.text = ""};
    io_sample_path(path, "slice");
    ck_assert_msg(jup_slice_write(g, c, shards, rank, ranks, path, &written, &err) == JUP_OK, "%s",
                  err.text);
    ck_assert_int_eq(jup_gguf_open(path, &slice, &err), JUP_OK);
    remove(path);
    return slice;
}

static void same_matrix(const jup_matrix_t *a, const jup_matrix_t *b)
{
    ck_assert(a->dtype == b->dtype && a->rows == b->rows && a->cols == b->cols);
    ck_assert_mem_eq(a->data, b->data, jup_dtype_bytes(a->dtype, a->rows * a->cols));
}

static void same_linear(const jup_linear_t *a, const jup_linear_t *b)
{
    same_matrix(&a->w, &b->w);
    ck_assert_int_eq(!a->bias, !b->bias);
    if (a->bias)
        ck_assert_mem_eq(a->bias, b->bias, (size_t)a->w.rows * sizeof(float));
}

static void same_weights(const jup_weights_t *a, const jup_weights_t *b)
{
    const jup_shard_t *shard = &a->shard;
    for (int i = 0; i < shard->last - shard->first; i++) {
        const jup_layer_weights_t *x = &a->layers[i], *y = &b->layers[i];
        for (int k = 0; k < 3; k++)
            same_linear(&x->qkv[k], &y->qkv[k]);
        same_linear(&x->out, &y->out);
        same_linear(&x->gate_up[0], &y->gate_up[0]);
        same_linear(&x->gate_up[1], &y->gate_up[1]);
        same_linear(&x->down, &y->down);
    }
    if (shard->embedding)
        same_matrix(&a->embedding, &b->embedding);
    if (shard->head)
        same_linear(&a->output, &b->output);
}

static void same_shard(const jup_shard_t *a, const jup_shard_t *b)
{
    ck_assert(a->first == b->first && a->last == b->last && a->embedding == b->embedding &&
              a->head == b->head);
    ck_assert_mem_eq(&a->part, &b->part, sizeof a->part);
}

/* Two stages, of three and of two members; every rank loads the same from its slice. */
static void check_slices(const part_shape_t *shape, jup_dtype_t dtype)
{
    enum { RANKS = 5 };
    jup_config_t c, sliced;
    jup_error_t err = {.text = ""};
    jup_part_t parts[RANKS];
    jup_shard_t shards[RANKS], read[RANKS];
    jup_gguf_t *g = part_model_open(shape, dtype, &c);
    ck_assert_int_eq(jup_part_share(&c, jup_piece_blocks(g), speeds[1], 3, parts, &err), JUP_OK);
    ck_assert_int_eq(jup_part_share(&c, jup_piece_blocks(g), speeds[1], 2, parts + 3, &err),
                     JUP_OK);
    for (int r = 0; r < RANKS; r++)
        shards[r] = (jup_shard_t){.first = r < 3 ? 0 : 1,
                                  .last = r < 3 ? 1 : 2,
                                  .embedding = r < 3,
                                  .head = r >= 3,
                                  .part = parts[r]};
    for (int r = 0; r < RANKS; r++) {
        int rank, ranks;
        jup_weights_t whole, part;
        jup_gguf_t *slice = open_slice(g, &c, shards, r, RANKS);
        ck_assert(jup_slice_of(slice, &rank, &ranks) && rank == r && ranks == RANKS);
        ck_assert_msg(jup_model_file_config(slice, &sliced, &err) == JUP_OK, "%s", err.text);
        ck_assert_mem_eq(&sliced, &c, sizeof c);
        ck_assert_int_eq(jup_slice_shards(slice, &c, read, &err), JUP_OK);
        for (int i = 0; i < RANKS; i++)
            same_shard(&read[i], &shards[i]);
        ck_assert_int_eq(jup_model_file_load(g, &c, &shards[r], &whole, &err), JUP_OK);
        ck_assert_msg(jup_model_file_load(slice, &c, &shards[r], &part, &err) == JUP_OK, "%s",
                      err.text);
        same_weights(&whole, &part);
        /* nothing of the weights is copied; one bias that is stored as F16 is decoded */
        ck_assert_uint_le(part.owned_bytes, 4096);
        ck_assert_uint_gt(whole.owned_bytes, 4096);
        jup_weights_reset(&part);
        jup_weights_reset(&whole);
        jup_gguf_close(slice);
    }
    jup_gguf_close(g);
}

START_TEST(slices_hold_the_parts)
{
    part_shape_t two = odd, tied = few;
    two.layers = tied.layers = 2;
    tied.tied = true;
    check_slices(&two, JUP_Q4_K);
    check_slices(&tied, JUP_Q8_0);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}
END_TEST

START_TEST(slices_are_taken_for_what_they_are)
{
    jup_config_t c;
    jup_error_t err;
    jup_part_t parts[2];
    jup_weights_t weights;
    jup_shard_t shards[2], read[2];
    jup_gguf_t *g = part_model_open(&odd, JUP_Q4_K, &c);
    ck_assert_int_eq(jup_part_share(&c, jup_piece_blocks(g), speeds[0], 2, parts, &err), JUP_OK);
    for (int r = 0; r < 2; r++)
        shards[r] = part_model_shard(&c, &parts[r]);
    jup_gguf_t *slice = open_slice(g, &c, shards, 1, 2);
    ck_assert_int_eq(jup_model_file_load(slice, &c, &shards[0], &weights, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "is a slice with heads 6 to 11 over KV heads 2 to 3, FFN 768 to "
                                   "1279, but this rank shall have heads 0 to 5"),
                  "%s", err.text);
    const jup_shard_t whole = part_model_shard(&c, &(jup_part_t){0});
    ck_assert_int_eq(jup_model_file_load(slice, &c, &whole, &weights, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "shall have all heads"), "%s", err.text);
    ck_assert_int_eq(jup_slice_shards(g, &c, read, &err), JUP_EINPUT);
    jup_config_t smaller = c;
    smaller.heads = smaller.kv_heads = 8;
    ck_assert_int_eq(jup_slice_shards(slice, &smaller, read, &err), JUP_EINPUT);
    ck_assert_msg(strstr(err.text, "jupiter.slice.shards"), "%s", err.text);
    jup_gguf_close(slice);
    jup_gguf_close(g);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("piece");
    unit_add(s, parts_of_every_type_have_the_whole_ones_elements, 60);
    unit_add(s, kv_heads_are_repeated_by_rows, 60);
    unit_add(s, a_rank_maps_and_copies_its_own_part_alone, 20);
    unit_add(s, cuts_through_blocks_are_refused, 20);
    unit_add(s, copies_that_do_not_fit_are_refused_before, 20);
    unit_add(s, slices_hold_the_parts, 20);
    unit_add(s, slices_are_taken_for_what_they_are, 20);
    return s;
}

UNIT_MAIN(suite)
