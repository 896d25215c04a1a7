#include "plan/file_size.h"

#include "io/model_file.h"

#include <math.h>
#include <stdio.h>

static jup_status_t type_of(const jup_gguf_t *gguf, int layer, const char *what, jup_dtype_t *type,
                            jup_error_t *err)
{
    char name[80];
    const jup_gguf_tensor_t *tensor;
    snprintf(name, sizeof name, "blk.%d.%s.weight", layer, what);
    JUP_TRY(jup_gguf_require_tensor(gguf, name, &tensor, err));
    *type = tensor->dtype->dtype;
    return JUP_OK;
}

/* Layers may differ in type: cuts have to suit them all. */
static jup_status_t find_blocks(const jup_gguf_t *gguf, const jup_config_t *config,
                                jup_part_blocks_t *blocks, jup_error_t *err)
{
    *blocks = (jup_part_blocks_t){0};
    for (int layer = 0; layer < config->layers; layer++) {
        jup_dtype_t out, down;
        JUP_TRY(type_of(gguf, layer, "attn_output", &out, err));
        JUP_TRY(type_of(gguf, layer, "ffn_down", &down, err));
        *blocks = jup_part_blocks_join(*blocks, jup_part_blocks(out, down));
    }
    return JUP_OK;
}

jup_status_t jup_model_size_of_file(jup_model_size_t *size, const jup_gguf_t *gguf,
                                    const jup_config_t *config, jup_dtype_t kv, jup_dtype_t wire,
                                    jup_error_t *err)
{
    const jup_gguf_tensor_t *up;
    JUP_TRY(jup_gguf_require_tensor(gguf, "blk.0.ffn_up.weight", &up, err));
    JUP_TRY(jup_model_size_init(size, config, up->dtype->dtype, kv, wire, err));
    double largest = 0;
    JUP_TRY(find_blocks(gguf, config, &size->blocks, err));
    for (int layer = 0; layer < config->layers; layer++)
        largest = fmax(largest, (double)jup_model_file_layer_bytes(gguf, layer));
    size->layer.weight_bytes = largest;
    size->embedding_bytes = (double)jup_model_file_embedding_bytes(gguf);
    size->embedding_row_bytes = size->embedding_bytes / config->vocab;
    double head = (double)jup_model_file_head_bytes(gguf);
    size->head_bytes = config->tied ? size->embedding_bytes + head : head;
    return JUP_OK;
}
