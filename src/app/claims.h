/** What a command reads and writes, asked about before its work begins. */
#ifndef JUP_APP_CLAIMS_H
#define JUP_APP_CLAIMS_H

#include "base/output.h"

/**
 * jup_output_check(), for all files that a name among what is read stands for: a folder's model,
 * all parts of one in parts, the slices of all ranks, the profiles beside a cluster.
 */
jup_status_t jup_claims_check(const jup_output_claim_t *claims, size_t n, jup_error_t *err);

#endif
