/* The weights of a shard from a GGUF file. */
#include "io/model_file.h"

#include "base/mem.h"
#include "io/piece.h"
#include "io/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Loading goes over the shard twice with the same code: first to collect what it needs of the file,
 * so that it is mapped together, then to point the weights at their data. */
enum { RANGES_AT_FIRST = 64, NAME_BYTES = 80 };

typedef struct loader {
    jup_gguf_t *g;
    const jup_config_t *config; /* of the whole model */
    bool cut;                   /* the file holds this rank's part alone */
    jup_weights_t *weights;     /* whose shard says what to take */
    jup_gguf_range_t *ranges;
    const void **data; /* of the ranges; NULL in the first pass */
    size_t n, cap;
    size_t owned_bytes;
    bool seldom; /* what is taken is read in parts, and not soon */
    bool *seen;  /* (tensors of the file) which are used; may be NULL */
    jup_error_t *err;
} loader_t;

/* A range that stays in the file; *data is its first byte in the second pass. */
static void take_range(loader_t *l, jup_gguf_range_t range, const void **data)
{
    if (l->n == l->cap) {
        l->cap = 2 * l->cap + RANGES_AT_FIRST;
        l->ranges = jup_resize(l->ranges, l->cap, sizeof *l->ranges);
    }
    *data = l->data ? l->data[l->n] : NULL;
    range.seldom = l->seldom;
    l->ranges[l->n++] = range;
}

/* A block of our own for what has to be copied, in the second pass; NULL in the first. */
static jup_status_t take_room(loader_t *l, size_t bytes, void **block)
{
    *block = NULL;
    l->owned_bytes += bytes;
    if (!l->data)
        return JUP_OK;
    JUP_TRY(jup_alloc(block, bytes, 1, "this rank's columns of the weights", l->err));
    jup_weights_keep(l->weights, *block);
    return JUP_OK;
}

static void note_use(loader_t *l, const jup_gguf_tensor_t *tensor)
{
    if (l->seen && tensor)
        l->seen[tensor - jup_gguf_tensor_at(l->g, 0)] = true;
}

static jup_status_t find_piece(loader_t *l, const char *name, const jup_axes_t *axes,
                               jup_piece_t *piece)
{
    piece->whole = l->config;
    piece->part = &l->weights->shard.part;
    piece->rows = axes->rows;
    piece->cols = axes->cols;
    piece->alone = l->cut && !piece->stack;
    JUP_TRY(jup_gguf_require_tensor(l->g, name, &piece->tensor, l->err));
    note_use(l, piece->tensor);
    return jup_piece_check(l->g, piece, l->err);
}

/* A matrix, or the one of a stack that `piece` says. */
static jup_status_t take_piece(loader_t *l, const char *name, const jup_axes_t *axes,
                               jup_piece_t *piece, jup_matrix_t *matrix)
{
    jup_gguf_range_t range;
    JUP_TRY(find_piece(l, name, axes, piece));
    *matrix = (jup_matrix_t){.dtype = piece->tensor->dtype->dtype,
                             .rows = jup_piece_rows(piece),
                             .cols = jup_piece_cols(piece)};
    if (jup_piece_run(piece, &range)) {
        take_range(l, range, &matrix->data);
        return JUP_OK;
    }
    void *block;
    JUP_TRY(take_room(l, jup_piece_bytes(piece), &block));
    matrix->data = block;
    return block ? jup_piece_read(l->g, piece, 0, matrix->rows, block, l->err) : JUP_OK;
}

static jup_status_t take_matrix(loader_t *l, const char *name, const jup_axes_t *axes,
                                jup_matrix_t *matrix)
{
    jup_piece_t piece = {0};
    return take_piece(l, name, axes, &piece, matrix);
}

/* A vector of floats; one that is stored in another type, or not in one run, becomes our own. */
static jup_status_t take_vector(loader_t *l, const char *name, jup_axis_t axis,
                                const float **vector)
{
    const jup_axes_t axes = {.rows = axis, .cols = JUP_AXIS_ONE};
    jup_piece_t piece = {0};
    jup_gguf_range_t range;
    JUP_TRY(find_piece(l, name, &axes, &piece));
    jup_dtype_t dtype = piece.tensor->dtype->dtype;
    bool run = jup_piece_run(&piece, &range);
    if (run && dtype == JUP_F32) {
        const void *data;
        take_range(l, range, &data);
        *vector = data;
        return JUP_OK;
    }
    void *decoded;
    int64_t n = jup_piece_rows(&piece);
    JUP_TRY(take_room(l, (size_t)n * sizeof(float), &decoded));
    *vector = decoded;
    if (!decoded)
        return JUP_OK;
    void *stored = jup_new(jup_piece_bytes(&piece), 1);
    jup_status_t status = run ? jup_gguf_read(l->g, range, stored, l->err)
                              : jup_piece_read(l->g, &piece, 0, n, stored, l->err);
    if (status == JUP_OK)
        jup_dequantize(dtype, stored, decoded, n);
    jup_free(stored);
    return status;
}

/* Of members that add up columns, the first one adds the bias. */
static bool adds_bias(const loader_t *l, const jup_axes_t *axes)
{
    const jup_part_t *part = &l->weights->shard.part;
    return jup_part_run(l->config, part, axes->cols, 0).first == 0;
}

/* The weight "<stem>.weight" and, where the file has one, "<stem>.bias". */
static jup_status_t take_linear(loader_t *l, const char *stem, jup_linear_t *linear)
{
    char name[NAME_BYTES + 8];
    const jup_axes_t *axes = jup_axes_find(stem);
    snprintf(name, sizeof name, "%s.weight", stem);
    JUP_TRY(take_matrix(l, name, axes, &linear->w));
    snprintf(name, sizeof name, "%s.bias", stem);
    linear->bias = NULL;
    const jup_gguf_tensor_t *bias = jup_gguf_tensor(l->g, name);
    if (!bias || !adds_bias(l, axes)) {
        note_use(l, bias);
        return JUP_OK;
    }
    return take_vector(l, name, axes->rows, &linear->bias);
}

/* The norms that the family has. */
static jup_status_t take_norms(loader_t *l, int layer, jup_layer_weights_t *w)
{
    const jup_family_t *family = jup_family(l->config->arch);
    bool by_row = family->qk_norm == JUP_QK_BY_ROW;
    const struct {
        bool there;
        const char *stem;
        jup_axis_t axis;
        const float **vector;
    } norms[] = {
        {!family->no_pre_norm, "attn_norm", JUP_AXIS_DIM, &w->attn_norm},
        {!family->no_pre_norm, "ffn_norm", JUP_AXIS_DIM, &w->ffn_norm},
        {family->qk_norm, "attn_q_norm", by_row ? JUP_AXIS_HEADS : JUP_AXIS_HEAD, &w->q_norm},
        {family->qk_norm, "attn_k_norm", by_row ? JUP_AXIS_KV : JUP_AXIS_HEAD, &w->k_norm},
        {family->post_norm, "post_attention_norm", JUP_AXIS_DIM, &w->attn_post_norm},
        {family->post_norm, "post_ffw_norm", JUP_AXIS_DIM, &w->ffn_post_norm},
    };
    char name[NAME_BYTES];
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        snprintf(name, sizeof name, "blk.%d.%s.weight", layer, norms[i].stem);
        if (norms[i].there)
            JUP_TRY(take_vector(l, name, norms[i].axis, norms[i].vector));
    }
    return JUP_OK;
}

/* n weights that lie in one tensor, one above the other. */
static jup_status_t take_stack(loader_t *l, const char *name, const jup_axis_t *rows, int n,
                               jup_linear_t *linears)
{
    for (int i = 0; i < n; i++) {
        const jup_axes_t axes = {.rows = rows[i], .cols = JUP_AXIS_DIM};
        jup_piece_t piece = {.stack = rows, .n_stack = n, .place = i};
        linears[i].bias = NULL;
        JUP_TRY(take_piece(l, name, &axes, &piece, &linears[i].w));
    }
    return JUP_OK;
}

static jup_status_t take_fused(loader_t *l, int layer, jup_layer_weights_t *w)
{
    static const jup_axis_t qkv[] = {JUP_AXIS_HEADS, JUP_AXIS_KV, JUP_AXIS_KV};
    static const jup_axis_t gate_up[] = {JUP_AXIS_FFN, JUP_AXIS_FFN};
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "blk.%d.attn_qkv.weight", layer);
    JUP_TRY(take_stack(l, name, qkv, 3, w->qkv));
    snprintf(name, sizeof name, "blk.%d.ffn_up.weight", layer);
    return take_stack(l, name, gate_up, 2, w->gate_up);
}

/* Experts that lie one by one, in one block of our own. */
static jup_status_t gather_experts(loader_t *l, const char *stem, jup_matrix_t *matrix)
{
    int experts = l->config->experts;
    char name[NAME_BYTES];
    void *block = NULL;
    for (int i = 0; i < experts; i++) {
        jup_piece_t piece = {0};
        snprintf(name, sizeof name, "%s.%d.weight", stem, i);
        JUP_TRY(find_piece(l, name, jup_axes_find(name), &piece));
        size_t bytes = jup_piece_bytes(&piece);
        int64_t rows = jup_piece_rows(&piece);
        if (i == 0) {
            JUP_TRY(take_room(l, (size_t)experts * bytes, &block));
            *matrix = (jup_matrix_t){.dtype = piece.tensor->dtype->dtype,
                                     .rows = experts * rows,
                                     .cols = jup_piece_cols(&piece),
                                     .data = block};
        }
        if (piece.tensor->dtype->dtype != matrix->dtype)
            return jup_fail(l->err, JUP_EINPUT, "%s: %s is not of the type of %s.0.weight",
                            jup_gguf_path(l->g), name, stem);
        if (block)
            JUP_TRY(
                jup_piece_read(l->g, &piece, 0, rows, (char *)block + (size_t)i * bytes, l->err));
    }
    return JUP_OK;
}

static jup_status_t take_experts(loader_t *l, int layer, jup_layer_weights_t *w)
{
    const struct {
        const char *stem;
        jup_matrix_t *matrix;
    } stacks[] = {{"ffn_gate_exps", &w->gate_up[0].w},
                  {"ffn_up_exps", &w->gate_up[1].w},
                  {"ffn_down_exps", &w->down.w}};
    static const jup_axes_t router = {NULL, JUP_AXIS_EXPERTS, JUP_AXIS_DIM};
    char stem[NAME_BYTES - 24], name[NAME_BYTES];
    snprintf(name, sizeof name, "blk.%d.ffn_gate_inp.weight", layer);
    jup_status_t status = take_matrix(l, name, &router, &w->router.w);
    l->seldom = true;
    for (size_t i = 0; i < sizeof stacks / sizeof stacks[0] && status == JUP_OK; i++) {
        snprintf(stem, sizeof stem, "blk.%d.%s", layer, stacks[i].stem);
        snprintf(name, sizeof name, "%s.0.weight", stem);
        bool apart = jup_gguf_tensor(l->g, name) != NULL;
        snprintf(name, sizeof name, "%s.weight", stem);
        status = apart ? gather_experts(l, stem, stacks[i].matrix)
                       : take_matrix(l, name, jup_axes_find(name), stacks[i].matrix);
    }
    l->seldom = false;
    return status;
}

static jup_status_t take_layer(loader_t *l, int layer, jup_layer_weights_t *w)
{
    bool fused = jup_family(l->config->arch)->fused, experts = l->config->experts;
    bool dense = !fused && !experts;
    const struct {
        bool there;
        const char *stem;
        jup_linear_t *linear;
    } linears[] = {
        {!fused, "attn_q", &w->qkv[0]},      {!fused, "attn_k", &w->qkv[1]},
        {!fused, "attn_v", &w->qkv[2]},      {true, "attn_output", &w->out},
        {dense, "ffn_gate", &w->gate_up[0]}, {dense, "ffn_up", &w->gate_up[1]},
        {!experts, "ffn_down", &w->down},
    };
    char name[NAME_BYTES];
    JUP_TRY(take_norms(l, layer, w));
    if (fused)
        JUP_TRY(take_fused(l, layer, w));
    if (experts)
        JUP_TRY(take_experts(l, layer, w));
    for (size_t i = 0; i < sizeof linears / sizeof linears[0]; i++) {
        snprintf(name, sizeof name, "blk.%d.%s", layer, linears[i].stem);
        if (linears[i].there)
            JUP_TRY(take_linear(l, name, linears[i].linear));
    }
    return JUP_OK;
}

/* Divisors of the RoPE frequencies, one tensor for all layers. */
static jup_status_t take_factors(loader_t *l, const char *name, float **own)
{
    const float *factors;
    int64_t half = l->config->rope_dim / 2;
    if (!jup_gguf_tensor(l->g, name))
        return JUP_OK;
    JUP_TRY(take_vector(l, name, JUP_AXIS_ROPE, &factors));
    if (!l->data)
        return JUP_OK;
    *own = jup_new((size_t)half, sizeof(float));
    memcpy(*own, factors, (size_t)half * sizeof(float));
    for (int64_t i = 0; i < half; i++)
        if (!(factors[i] > 0))
            return jup_fail(l->err, JUP_EINPUT, "%s: %s[%" PRId64 "] is %g, must be positive",
                            jup_gguf_path(l->g), name, i, (double)factors[i]);
    return JUP_OK;
}

/* Llama 3.x has one set; Phi 3 has one for short contexts and one for long ones. */
static jup_status_t take_rope_factors(loader_t *l)
{
    JUP_TRY(take_factors(l, "rope_freqs.weight", &l->weights->rope_factors));
    if (!l->weights->rope_factors)
        JUP_TRY(take_factors(l, "rope_factors_short.weight", &l->weights->rope_factors));
    return take_factors(l, "rope_factors_long.weight", &l->weights->rope_factors_long);
}

/* A tied output is the embedding; where both are held, that is whole even in a slice of a part. */
static jup_status_t take_tied_head(loader_t *l)
{
    static const jup_axes_t axes = {.rows = JUP_AXIS_VOCAB, .cols = JUP_AXIS_DIM};
    bool cut = l->cut;
    l->cut = cut && !l->weights->shard.embedding;
    jup_status_t status = take_matrix(l, "token_embd.weight", &axes, &l->weights->output.w);
    l->cut = cut;
    return status;
}

static jup_status_t take_head(loader_t *l)
{
    jup_weights_t *w = l->weights;
    JUP_TRY(take_vector(l, "output_norm.weight", JUP_AXIS_DIM, &w->output_norm));
    return l->config->tied ? take_tied_head(l) : take_linear(l, "output", &w->output);
}

static jup_status_t take_shard(loader_t *l)
{
    static const jup_axes_t embedding = {.rows = JUP_AXIS_TOKENS, .cols = JUP_AXIS_DIM};
    const jup_shard_t *shard = &l->weights->shard;
    l->n = 0;
    l->owned_bytes = 0;
    l->seldom = !(shard->head && l->config->tied); /* a row for each token */
    if (shard->embedding)
        JUP_TRY(take_matrix(l, "token_embd.weight", &embedding, &l->weights->embedding));
    l->seldom = false;
    JUP_TRY(take_rope_factors(l));
    for (int layer = shard->first; layer < shard->last; layer++)
        JUP_TRY(take_layer(l, layer, &l->weights->layers[layer - shard->first]));
    return shard->head ? take_head(l) : JUP_OK;
}

/* What is mapped may leave memory again, what is copied may not. */
static jup_status_t check_room(const loader_t *l)
{
    const double mib = 1048576.0;
    size_t available = jup_mem_available_bytes();
    if (l->owned_bytes <= available)
        return JUP_OK;
    return jup_fail(l->err, JUP_EENV,
                    "%s: not enough memory: this rank's columns of the weights take %.1f MiB, "
                    "%.1f MiB are available; use more ranks, or give each its slice (jupiter "
                    "split --plan), of which nothing is copied",
                    jup_gguf_path(l->g), (double)l->owned_bytes / mib, (double)available / mib);
}

/* A slice of a part has that part alone. */
static jup_status_t check_slice(loader_t *l)
{
    jup_part_t held;
    const jup_part_t *part = &l->weights->shard.part;
    JUP_TRY(jup_slice_part(l->g, l->config, &held, l->err));
    l->cut = !jup_part_is_whole(&held);
    if (!l->cut || memcmp(&held, part, sizeof held) == 0)
        return JUP_OK;
    char has[200], wants[200];
    jup_part_describe(l->config, &held, has, sizeof has);
    jup_part_describe(l->config, part, wants, sizeof wants);
    return jup_fail(l->err, JUP_EINPUT,
                    "%s is a slice with %s, but this rank shall have %s; run the plan that it was "
                    "split by, or split the model anew",
                    jup_gguf_path(l->g), has, wants);
}

/* The first pass. */
static jup_status_t survey(loader_t *l)
{
    JUP_TRY(check_slice(l));
    JUP_TRY(take_shard(l));
    l->weights->owned_bytes = l->owned_bytes;
    l->weights->mapped_bytes = 0;
    for (size_t i = 0; i < l->n; i++)
        l->weights->mapped_bytes += l->ranges[i].bytes;
    return JUP_OK;
}

static jup_status_t load(loader_t *l)
{
    JUP_TRY(survey(l));
    JUP_TRY(check_room(l));
    const void **data = jup_new(l->n + 1, sizeof *data);
    jup_status_t status = jup_gguf_map(l->g, l->ranges, l->n, data, l->err);
    if (status == JUP_OK) {
        l->data = data;
        status = take_shard(l);
    }
    jup_free(data);
    return status;
}

static jup_status_t with_loader(jup_status_t (*act)(loader_t *l), jup_gguf_t *g,
                                const jup_config_t *config, const jup_shard_t *shard,
                                jup_weights_t *weights, jup_error_t *err)
{
    jup_weights_init(weights, shard);
    loader_t l = {.g = g, .config = config, .weights = weights, .err = err};
    jup_status_t status = act(&l);
    jup_free(l.ranges);
    if (status != JUP_OK)
        jup_weights_reset(weights);
    return status;
}

/* ---- tensors that nothing uses ----------------------------------------------------------------
 */

/* Tables that some converters left behind and that follow from the metadata. */
static bool is_harmless(const char *name)
{
    size_t n = strlen(name);
    static const char *const endings[] = {".attn_rot_embd.weight", ".rotary_emb.inv_freq"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (n > strlen(endings[i]) && strcmp(name + n - strlen(endings[i]), endings[i]) == 0)
            return true;
    return false;
}

static jup_status_t refuse_unseen(const loader_t *l)
{
    char names[200] = "";
    size_t at = 0;
    int64_t n = 0, tensors = jup_gguf_tensor_count(l->g);
    for (int64_t i = 0; i < tensors; i++) {
        const char *name = jup_gguf_tensor_at(l->g, i)->name;
        if (l->seen[i] || is_harmless(name))
            continue;
        if (n++ < 4 && at < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s'%s'", at ? ", " : "", name);
    }
    if (n == 0)
        return JUP_OK;
    return jup_fail(l->err, JUP_EINPUT,
                    "%s: %" PRId64 " of %" PRId64 " tensors have no use in a model of architecture "
                    "%s: %s%s; without them the answers would be another model's, so the file is "
                    "refused",
                    jup_gguf_path(l->g), n, tensors, jup_family(l->config->arch)->name, names,
                    n > 4 ? ", ..." : "");
}

static jup_status_t check_all(loader_t *l)
{
    l->seen = jup_new((size_t)jup_gguf_tensor_count(l->g) + 1, sizeof *l->seen);
    jup_status_t status = survey(l);
    if (status == JUP_OK)
        status = refuse_unseen(l);
    jup_free(l->seen);
    return status;
}

jup_status_t jup_model_file_check(jup_gguf_t *g, const jup_config_t *config, jup_error_t *err)
{
    jup_shard_t shard;
    jup_weights_t weights;
    JUP_TRY(jup_slice_shard(g, config, &shard, err));
    JUP_TRY(with_loader(check_all, g, config, &shard, &weights, err));
    jup_weights_reset(&weights);
    return JUP_OK;
}

jup_status_t jup_model_file_load(jup_gguf_t *g, const jup_config_t *config,
                                 const jup_shard_t *shard, jup_weights_t *weights, jup_error_t *err)
{
    JUP_TRY(jup_model_file_check(g, config, err));
    return with_loader(load, g, config, shard, weights, err);
}

jup_status_t jup_model_file_bytes(jup_gguf_t *g, const jup_config_t *config,
                                  const jup_shard_t *shard, size_t *mapped, size_t *owned,
                                  jup_error_t *err)
{
    jup_weights_t weights;
    JUP_TRY(with_loader(survey, g, config, shard, &weights, err));
    *mapped = weights.mapped_bytes;
    *owned = weights.owned_bytes;
    jup_weights_reset(&weights);
    return JUP_OK;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static size_t bytes_with_prefix(const jup_gguf_t *g, const char *prefix)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        if (starts_with(tensor->name, prefix))
            bytes += tensor->bytes;
    }
    return bytes;
}

size_t jup_model_file_layer_bytes(const jup_gguf_t *g, int layer)
{
    char prefix[NAME_BYTES];
    snprintf(prefix, sizeof prefix, "blk.%d.", layer);
    return bytes_with_prefix(g, prefix);
}

size_t jup_model_file_embedding_bytes(const jup_gguf_t *g)
{
    return bytes_with_prefix(g, "token_embd.");
}

size_t jup_model_file_head_bytes(const jup_gguf_t *g)
{
    return bytes_with_prefix(g, "output");
}

int64_t jup_model_file_parameters(const jup_gguf_t *g)
{
    int64_t parameters = 0;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++)
        parameters += jup_gguf_tensor_at(g, i)->rows * jup_gguf_tensor_at(g, i)->cols;
    return parameters;
}
