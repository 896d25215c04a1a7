#include "io/slice.h"

#include "base/mem.h"
#include "io/gguf_write.h"
#include "io/model_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* ---- what belongs to a slice -------------------------------------------------------------------
 */

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

static size_t pick(const jup_gguf_t *g, const jup_config_t *config, const jup_shard_t *shard,
                   jup_gguf_range_t *picked)
{
    size_t n = 0;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        if (belongs(tensor->name, config, shard))
            picked[n++] = jup_gguf_all(tensor);
    }
    return n;
}

/* ---- writing ------------------------------------------------------------------------------------
 */

static void put_metadata(jup_gguf_writer_t *w, const jup_gguf_t *g, const jup_config_t *config,
                         const int32_t *first_layer, int rank, int ranks)
{
    char digest[20];
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++)
        jup_gguf_put_entry(w, jup_gguf_entry_at(g, i));
    snprintf(digest, sizeof digest, "%016" PRIx64, jup_model_file_digest(g));
    jup_gguf_put_int(w, JUP_SLICE_RANK_KEY, JUP_GGUF_I32, rank);
    jup_gguf_put_array(w, JUP_SLICE_FIRST_LAYERS, JUP_GGUF_I32, first_layer, ranks + 1);
    jup_gguf_put_int(w, JUP_SLICE_VOCAB, JUP_GGUF_I32, config->vocab);
    jup_gguf_put_bool(w, JUP_SLICE_TIED, config->tied);
    jup_gguf_put_text(w, JUP_SLICE_DIGEST, digest);
}

static jup_status_t put_tensors(jup_gguf_writer_t *w, jup_gguf_t *g, const jup_gguf_range_t *picked,
                                size_t n, size_t *written, jup_error_t *err)
{
    const void **data = jup_new(n + 1, sizeof *data);
    jup_status_t status = jup_gguf_map(g, picked, n, data, err);
    *written = 0;
    for (size_t i = 0; i < n && status == JUP_OK; i++) {
        const jup_gguf_tensor_t *t = picked[i].tensor;
        jup_gguf_put_tensor_data(w, t->name, t->dtype->dtype, t->n_dims, t->dims, data[i]);
        *written += t->bytes;
    }
    jup_free(data);
    return status;
}

jup_status_t jup_slice_write(jup_gguf_t *g, const jup_config_t *config, const int32_t *first_layer,
                             int rank, int ranks, const char *path, size_t *written,
                             jup_error_t *err)
{
    const jup_shard_t shard = {.first = first_layer[rank],
                               .last = first_layer[rank + 1],
                               .embedding = rank == 0,
                               .head = rank == ranks - 1};
    jup_gguf_range_t *picked = jup_new((size_t)jup_gguf_tensor_count(g) + 1, sizeof *picked);
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    put_metadata(w, g, config, first_layer, rank, ranks);
    jup_status_t status = put_tensors(w, g, picked, pick(g, config, &shard, picked), written, err);
    if (status == JUP_OK)
        status = jup_gguf_save(w, path, err);
    jup_gguf_writer_destroy(w);
    jup_free(picked);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

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
