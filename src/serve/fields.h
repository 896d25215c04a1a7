/** Reading the fields of a JSON object: absent or null leaves the value as it is; anything else
 * than what is meant is a problem that names the field, the value and what it must be. */
#ifndef JUP_SERVE_FIELDS_H
#define JUP_SERVE_FIELDS_H

#include "serve/problem.h"

#include <jansson.h>
#include <stdint.h>

typedef struct jup_fields {
    const json_t *object;
    const char *within; /* the object's own name and a dot; "" */
    jup_problem_t *problem;
} jup_fields_t;

/** NULL: absent or null. */
const json_t *jup_fields_get(const jup_fields_t *f, const char *name);

bool jup_fields_bool(const jup_fields_t *f, const char *name, bool *value);
bool jup_fields_int(const jup_fields_t *f, const char *name, int64_t least, int64_t most,
                    int64_t *value);
bool jup_fields_number(const jup_fields_t *f, const char *name, double least, double most,
                       double *value);

/** A view of the object's; NULL where absent. */
bool jup_fields_text(const jup_fields_t *f, const char *name, const char **value);

/** Every name is among `known` (which ends with NULL); the nearest one is suggested. */
bool jup_fields_known(const jup_fields_t *f, const char *const *known);

/** "it must be ..., not VALUE". */
bool jup_fields_wrong(const jup_fields_t *f, const char *name, const char *must_be);

#endif
