#include "plan/file_size.h"

#include "io/model_file.h"
#include "io/piece.h"

#include <math.h>

jup_status_t jup_model_size_of_file(jup_model_size_t *size, const jup_gguf_t *gguf,
                                    const jup_config_t *config, jup_dtype_t kv, jup_dtype_t wire,
                                    jup_error_t *err)
{
    const jup_gguf_tensor_t *up;
    const char *name = config->experts ? "blk.0.ffn_up_exps.weight" : "blk.0.ffn_up.weight";
    if (config->experts && !jup_gguf_tensor(gguf, name))
        name = "blk.0.ffn_up_exps.0.weight"; /* experts one by one, in a folder */
    JUP_TRY(jup_gguf_require_tensor(gguf, name, &up, err));
    jup_model_size_set(size, config, up->dtype->dtype, kv, wire);
    size->blocks = jup_piece_blocks(gguf);
    double largest = 0;
    for (int layer = 0; layer < config->layers; layer++)
        largest = fmax(largest, (double)jup_model_file_layer_bytes(gguf, layer));
    size->layer.weight_bytes = largest;
    size->embedding_bytes = (double)jup_model_file_embedding_bytes(gguf);
    size->embedding_row_bytes = size->embedding_bytes / config->vocab;
    double head = (double)jup_model_file_head_bytes(gguf);
    size->head_bytes = config->tied ? size->embedding_bytes + head : head;
    return JUP_OK;
}
