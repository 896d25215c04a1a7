/** The numbers of a model file, from its header alone. */
#ifndef JUP_PLAN_FILE_SIZE_H
#define JUP_PLAN_FILE_SIZE_H

#include "io/gguf.h"
#include "plan/cost.h"

/** The type's name is that of the largest matrices; the largest layer's bytes count for all. */
jup_status_t jup_model_size_of_file(jup_model_size_t *size, const jup_gguf_t *gguf,
                                    const jup_config_t *config, jup_dtype_t kv, jup_dtype_t wire,
                                    jup_error_t *err);

#endif
