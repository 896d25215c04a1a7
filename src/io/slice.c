#include "io/slice.h"

#include "base/mem.h"
#include "io/digest.h"
#include "io/gguf_write.h"
#include "io/piece.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHARD_NUMBERS = 8 }; /* of a rank in JUP_SLICE_SHARDS */

jup_status_t jup_slice_path(const char *pattern, int rank, char *path, size_t bytes,
                            jup_error_t *err)
{
    const char *mark = strstr(pattern, JUP_SLICE_RANK);
    int n = mark ? snprintf(path, bytes, "%.*s%d%s", (int)(mark - pattern), pattern, rank,
                            mark + strlen(JUP_SLICE_RANK))
                 : snprintf(path, bytes, "%s", pattern);
    if (n < 0 || (size_t)n >= bytes)
        return jup_fail(err, JUP_EINPUT, "the path '%s' is too long", pattern);
    return JUP_OK;
}

/* ---- what belongs to a slice ----------------------------------------------------------------- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool belongs(const char *name, const jup_config_t *config, const jup_shard_t *shard)
{
    int layer;
    if (sscanf(name, "blk.%d.", &layer) == 1)
        return layer >= shard->first && layer < shard->last;
    if (starts_with(name, "token_embd."))
        return shard->embedding || (shard->head && config->tied);
    if (starts_with(name, "output"))
        return shard->head;
    return true; /* small ones that every rank may need, such as rope_freqs */
}

/* A tensor of the slice while it is written. */
typedef struct source {
    const jup_gguf_t *g;
    jup_piece_t piece;
    bool cut; /* else the tensor as it is */
} source_t;

static bool is_vector(const jup_gguf_tensor_t *tensor)
{
    return tensor->n_dims == 1;
}

/* The embedding is cut only as an output head. False: it is another member's. */
static bool find_source(const jup_gguf_t *g, const jup_config_t *config, const jup_shard_t *shard,
                        const jup_gguf_tensor_t *tensor, source_t *source)
{
    static const jup_axes_t tied = {.rows = JUP_AXIS_VOCAB, .cols = JUP_AXIS_DIM};
    bool as_head = starts_with(tensor->name, "token_embd.") && !shard->embedding;
    const jup_axes_t *axes = as_head ? &tied : jup_axes_find(tensor->name);
    *source = (source_t){.g = g, .cut = axes && !jup_part_is_whole(&shard->part)};
    source->piece = (jup_piece_t){.tensor = tensor, .whole = config, .part = &shard->part};
    if (!source->cut)
        return true;
    source->piece.rows = axes->rows;
    source->piece.cols = is_vector(tensor) ? JUP_AXIS_ONE : axes->cols;
    return !is_vector(tensor) || jup_part_run(config, &shard->part, axes->cols, 0).first == 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_shards(jup_gguf_writer_t *w, const jup_config_t *config, const jup_shard_t *shards,
                       int ranks)
{
    int32_t *first = jup_new((size_t)ranks + 1, sizeof *first);
    int32_t *all = jup_new((size_t)ranks * SHARD_NUMBERS, sizeof *all);
    for (int r = 0; r < ranks; r++) {
        const jup_part_t *part = &shards[r].part;
        const int32_t numbers[SHARD_NUMBERS] = {
            shards[r].first, shards[r].last, part->head_first,  part->head_last,
            part->ffn_first, part->ffn_last, part->vocab_first, part->vocab_last};
        memcpy(all + (size_t)r * SHARD_NUMBERS, numbers, sizeof numbers);
        first[r] = shards[r].first;
    }
    first[ranks] = config->layers;
    jup_gguf_put_array(w, JUP_SLICE_FIRST_LAYERS, JUP_GGUF_I32, first, ranks + 1);
    jup_gguf_put_array(w, JUP_SLICE_SHARDS, JUP_GGUF_I32, all, (int64_t)ranks * SHARD_NUMBERS);
    jup_free(first);
    jup_free(all);
}

static jup_status_t put_metadata(jup_gguf_writer_t *w, const jup_gguf_t *g,
                                 const jup_config_t *config, const jup_shard_t *shards, int rank,
                                 int ranks, jup_error_t *err)
{
    char text[20];
    uint64_t digest;
    JUP_TRY(jup_digest(g, &digest, err));
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++)
        if (!starts_with(jup_gguf_entry_at(g, i)->key, "split.")) /* no part of several any more */
            jup_gguf_put_entry(w, jup_gguf_entry_at(g, i));
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    jup_gguf_put_int(w, JUP_SLICE_RANK_KEY, JUP_GGUF_I32, rank);
    put_shards(w, config, shards, ranks);
    jup_gguf_put_int(w, JUP_SLICE_VOCAB, JUP_GGUF_I32, config->vocab);
    jup_gguf_put_bool(w, JUP_SLICE_TIED, config->tied);
    jup_gguf_put_text(w, JUP_SLICE_DIGEST, text);
    return JUP_OK;
}

/* A jup_gguf_fill_t. */
static jup_status_t fill(void *context, const jup_gguf_tensor_t *tensor, int64_t row, int64_t rows,
                         void *dst, jup_error_t *err)
{
    const source_t *s = context;
    const jup_gguf_tensor_t *from = s->piece.tensor;
    if (s->cut)
        return is_vector(tensor)
                   ? jup_piece_read(s->g, &s->piece, 0, jup_piece_rows(&s->piece), dst, err)
                   : jup_piece_read(s->g, &s->piece, row, rows, dst, err);
    size_t each = from->bytes / (size_t)from->rows;
    const jup_gguf_range_t range = {
        .tensor = from, .first = (size_t)row * each, .bytes = (size_t)rows * each};
    return jup_gguf_read(s->g, range, dst, err);
}

static jup_status_t put_tensor(jup_gguf_writer_t *w, source_t *s, size_t *written, jup_error_t *err)
{
    const jup_gguf_tensor_t *tensor = s->piece.tensor;
    JUP_TRY(jup_gguf_require_tensor(s->g, tensor->name, &tensor, err));
    int64_t dims[4];
    memcpy(dims, tensor->dims, sizeof dims);
    *written += s->cut ? 0 : tensor->bytes;
    if (s->cut) {
        JUP_TRY(jup_piece_check(s->g, &s->piece, err));
        dims[0] = is_vector(tensor) ? jup_piece_rows(&s->piece) : jup_piece_cols(&s->piece);
        dims[1] = is_vector(tensor) ? 1 : jup_piece_rows(&s->piece) / tensor->dims[2];
        *written += jup_piece_bytes(&s->piece);
    }
    jup_gguf_put_tensor(w, tensor->name, tensor->dtype->dtype, tensor->n_dims, dims, fill, s);
    return JUP_OK;
}

static jup_status_t put_tensors(jup_gguf_writer_t *w, const jup_gguf_t *g,
                                const jup_config_t *config, const jup_shard_t *shard,
                                source_t *sources, size_t *written, jup_error_t *err)
{
    *written = 0;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        if (belongs(tensor->name, config, shard) &&
            find_source(g, config, shard, tensor, &sources[i]))
            JUP_TRY(put_tensor(w, &sources[i], written, err));
    }
    return JUP_OK;
}

jup_status_t jup_slice_write(jup_gguf_t *g, const jup_config_t *config, const jup_shard_t *shards,
                             int rank, int ranks, const char *path, size_t *written,
                             jup_error_t *err)
{
    source_t *sources = jup_new((size_t)jup_gguf_tensor_count(g) + 1, sizeof *sources);
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    jup_status_t status = put_metadata(w, g, config, shards, rank, ranks, err);
    if (status == JUP_OK)
        status = put_tensors(w, g, config, &shards[rank], sources, written, err);
    if (status == JUP_OK)
        status = jup_gguf_save(w, path, err);
    jup_gguf_writer_destroy(w);
    jup_free(sources);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool jup_slice_of(const jup_gguf_t *g, int *rank, int *ranks)
{
    int64_t value;
    const jup_gguf_entry_t *layers = jup_gguf_find(g, JUP_SLICE_FIRST_LAYERS);
    if (!layers || layers->type != JUP_GGUF_ARRAY || layers->item_type != JUP_GGUF_I32 ||
        layers->count < 2 || layers->count > 4096 ||
        jup_gguf_get_int(g, JUP_SLICE_RANK_KEY, 0, layers->count - 2, -1, &value, NULL) != JUP_OK ||
        value < 0)
        return false;
    *rank = (int)value;
    *ranks = (int)layers->count - 1;
    return true;
}

bool jup_slice_layers(const jup_gguf_t *g, int32_t *first_layer)
{
    int rank, ranks;
    if (!jup_slice_of(g, &rank, &ranks))
        return false;
    const jup_gguf_entry_t *layers = jup_gguf_find(g, JUP_SLICE_FIRST_LAYERS);
    for (int i = 0; i <= ranks; i++)
        first_layer[i] = (int32_t)jup_gguf_item_int(layers, i);
    return true;
}

static bool is_zero(const jup_part_t *part)
{
    const jup_part_t zero = {0};
    return memcmp(part, &zero, sizeof zero) == 0;
}

static bool read_shard(const jup_gguf_entry_t *numbers, int rank, const jup_config_t *config,
                       jup_shard_t *shard)
{
    int n[SHARD_NUMBERS];
    for (int i = 0; i < SHARD_NUMBERS; i++)
        n[i] = (int)jup_gguf_item_int(numbers, (int64_t)rank * SHARD_NUMBERS + i);
    *shard = (jup_shard_t){.first = n[0],
                           .last = n[1],
                           .embedding = n[0] == 0,
                           .head = n[1] == config->layers,
                           .part = {.head_first = n[2],
                                    .head_last = n[3],
                                    .ffn_first = n[4],
                                    .ffn_last = n[5],
                                    .vocab_first = n[6],
                                    .vocab_last = n[7]}};
    return n[0] >= 0 && n[0] < n[1] && n[1] <= config->layers &&
           (is_zero(&shard->part) || jup_part_is_sound(config, &shard->part));
}

/* Slices of whole layers may have been written before parts existed. */
static bool shards_of_layers(const jup_gguf_t *g, const jup_config_t *config, int ranks,
                             jup_shard_t *shards)
{
    const jup_gguf_entry_t *layers = jup_gguf_find(g, JUP_SLICE_FIRST_LAYERS);
    bool sound = true;
    for (int r = 0; r < ranks; r++) {
        int first = (int)jup_gguf_item_int(layers, r), last = (int)jup_gguf_item_int(layers, r + 1);
        shards[r] = (jup_shard_t){
            .first = first, .last = last, .embedding = r == 0, .head = r == ranks - 1};
        sound = sound && first >= 0 && first < last && last <= config->layers;
    }
    return sound;
}

jup_status_t jup_slice_shards(const jup_gguf_t *g, const jup_config_t *config, jup_shard_t *shards,
                              jup_error_t *err)
{
    int rank, ranks;
    bool sound = true;
    if (!jup_slice_of(g, &rank, &ranks))
        return jup_fail(err, JUP_EINPUT, "%s is not the slice of a model", jup_gguf_path(g));
    const jup_gguf_entry_t *numbers = jup_gguf_find(g, JUP_SLICE_SHARDS);
    if (!numbers)
        sound = shards_of_layers(g, config, ranks, shards);
    else if (numbers->type != JUP_GGUF_ARRAY || numbers->item_type != JUP_GGUF_I32 ||
             numbers->count != (int64_t)ranks * SHARD_NUMBERS)
        sound = false;
    else
        for (int r = 0; r < ranks; r++)
            sound = read_shard(numbers, r, config, &shards[r]) && sound;
    if (sound)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "%s: " JUP_SLICE_SHARDS " or " JUP_SLICE_FIRST_LAYERS
                    " does not divide %d layers of %d heads among %d ranks; split the model anew",
                    jup_gguf_path(g), config->layers, config->heads, ranks);
}

jup_status_t jup_slice_shard(const jup_gguf_t *g, const jup_config_t *config, jup_shard_t *shard,
                             jup_error_t *err)
{
    int rank, ranks;
    *shard = (jup_shard_t){.last = config->layers, .embedding = true, .head = true};
    if (!jup_slice_of(g, &rank, &ranks))
        return JUP_OK;
    jup_shard_t *shards = jup_new((size_t)ranks, sizeof *shards);
    jup_status_t status = jup_slice_shards(g, config, shards, err);
    *shard = shards[rank];
    jup_free(shards);
    return status;
}

jup_status_t jup_slice_part(const jup_gguf_t *g, const jup_config_t *config, jup_part_t *part,
                            jup_error_t *err)
{
    jup_shard_t shard = {0};
    jup_status_t status = JUP_OK;
    if (jup_gguf_find(g, JUP_SLICE_SHARDS))
        status = jup_slice_shard(g, config, &shard, err);
    *part = shard.part;
    return status;
}
