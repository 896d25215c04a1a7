/**
 * A model in the layout of Hugging Face's libraries: a folder with config.json, the weights in
 * model.safetensors or in shards with an index, and tokenizer.json or tokenizer.model. It is read
 * as if it had been converted: the metadata become those of a GGUF file, the tensors get its names
 * and stay in their files, of which a rank maps its own tensors only. F32, F16 and BF16.
 */
#ifndef JUP_IO_HF_H
#define JUP_IO_HF_H

#include "io/gguf.h"
#include "io/gguf_write.h"

#include <jansson.h>

/** jup_gguf_open() calls it for a folder. */
jup_status_t jup_hf_open(const char *folder, jup_gguf_t **out, jup_error_t *err);

/* ---- its parts; `folder` is for messages ------------------------------------------------------
 */

/** Reads folder/name. Where it lacks: *root NULL, and an error only when it is required. */
jup_status_t jup_hf_read_json(const char *folder, const char *name, bool required, json_t **root,
                              jup_error_t *err);

/** Puts what config.json says. *arch: the family's name in GGUF files, a literal. */
jup_status_t jup_hf_put_config(jup_gguf_writer_t *w, const char *folder, const json_t *config,
                               const char **arch, jup_error_t *err);

/** Puts what tokenizer.json says; `settings` is tokenizer_config.json, or NULL. */
jup_status_t jup_hf_put_tokenizer(jup_gguf_writer_t *w, const char *folder, const json_t *tokenizer,
                                  const json_t *settings, const json_t *config, jup_error_t *err);

/** Puts what tokenizer.model, a SentencePiece model in protocol buffers, says. */
jup_status_t jup_hf_put_sentencepiece(jup_gguf_writer_t *w, const char *name, const void *data,
                                      size_t bytes, const json_t *settings, const json_t *config,
                                      jup_error_t *err);

/** Whether a token may have this id in a vocabulary of so many. There may be gaps, which cost room
 * and time, but not out of proportion to what the file holds. */
bool jup_hf_id_fits(int64_t id, int64_t tokens);

/** Puts ids and rules of the special tokens (texts: count of them), and the chat template. */
void jup_hf_put_specials(jup_gguf_writer_t *w, const jup_text_t *texts, int64_t count,
                         const json_t *settings, const json_t *config, bool add_bos);

/** Writes the name that GGUF files give to a tensor: as it is, where none is known. False: skip. */
bool jup_hf_tensor_name(const char *name, const char *arch, char *out, size_t bytes);

/** The frequency divisors of Llama 3.x and Phi 3 (dim of them at most): their number, 0: none. */
int jup_hf_rope_factors(const json_t *config, const char *which, float *factors, int most);

#endif
