/** Shapes of well-known models, by name, for planning and simulating without their weights. */
#ifndef JUP_MODEL_SHAPES_H
#define JUP_MODEL_SHAPES_H

#include "model/config.h"

/** Case-insensitive; false when unknown. */
bool jup_shape_find(const char *name, jup_config_t *config);

/** All names, ended by NULL. */
const char *const *jup_shape_names(void);

#endif
