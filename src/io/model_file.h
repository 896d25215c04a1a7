/**
 * A model in a GGUF file: its shape, and the weights of one shard of it.
 * Architectures: those of model/family.h.
 */
#ifndef JUP_IO_MODEL_FILE_H
#define JUP_IO_MODEL_FILE_H

#include "io/gguf.h"
#include "model/config.h"
#include "model/weights.h"

/**
 * The shape, from the metadata. Fails on an unsupported architecture (named, with the supported
 * ones), missing or impossible numbers, and RoPE scalings this program does not compute.
 */
jup_status_t jup_model_file_config(const jup_gguf_t *g, jup_config_t *config, jup_error_t *err);

/**
 * Checks that the file has all that a run needs of it, of types that are computed with and in the
 * shapes that the metadata ask for, of the whole model or of a slice's part; and nothing else,
 * since a tensor that nothing uses would make the answers another model's. Maps nothing.
 */
jup_status_t jup_model_file_check(jup_gguf_t *g, const jup_config_t *config, jup_error_t *err);

/**
 * Does that, maps the tensors of the shard, or its part of them, and points `weights` at them; a
 * part's columns of attn_output and ffn_down are copied, a block each. Every tensor's shape and
 * type is checked. `config` is the whole model's; what is loaded fits jup_part_config(config,
 * &shard->part). The weights are valid until the GGUF is closed; the caller resets them.
 */
jup_status_t jup_model_file_load(jup_gguf_t *g, const jup_config_t *config,
                                 const jup_shard_t *shard, jup_weights_t *weights,
                                 jup_error_t *err);

/** What loading that shard would map and copy. Reads nothing but the header. */
jup_status_t jup_model_file_bytes(jup_gguf_t *g, const jup_config_t *config,
                                  const jup_shard_t *shard, size_t *mapped, size_t *owned,
                                  jup_error_t *err);

/** Bytes in the file of one layer, of the embedding, of the head (0 for a tied one's matrix). */
size_t jup_model_file_layer_bytes(const jup_gguf_t *g, int layer);
size_t jup_model_file_embedding_bytes(const jup_gguf_t *g);
size_t jup_model_file_head_bytes(const jup_gguf_t *g);

/** Parameters in the file's tensors. */
int64_t jup_model_file_parameters(const jup_gguf_t *g);

#endif
