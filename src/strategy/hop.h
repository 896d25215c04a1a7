/**
 * One hop of the pipeline: steps and their activations to the next stage, from the one before.
 * A message is the packed step followed by its rows in the wire's type. Two buffers each way: a
 * receive is posted while the message before it is worked on, a send is in flight while the next
 * is computed.
 */
#ifndef JUP_STRATEGY_HOP_H
#define JUP_STRATEGY_HOP_H

#include "comm/comm.h"
#include "model/forward.h"

enum { JUP_HOP_WINDOW = 2 };

typedef struct jup_hop {
    jup_comm_t *comm;
    int peer;
    jup_dtype_t wire; /* JUP_F16 or JUP_F32 */
    int64_t dim;
    size_t buffer_bytes;
    char *buffers[JUP_HOP_WINDOW];
    jup_pending_t pending[JUP_HOP_WINDOW];
    uint32_t posted, used; /* messages begun and ended; slot = number % window */
} jup_hop_t;

/** max_rows: of any step. */
jup_status_t jup_hop_init(jup_hop_t *hop, jup_comm_t *comm, int peer, jup_dtype_t wire, int64_t dim,
                          int32_t max_rows, jup_error_t *err);
void jup_hop_reset(jup_hop_t *hop);

/** Whether another receive can be posted now. */
bool jup_hop_has_room(const jup_hop_t *hop);

/** Posts the receive of any step that may come. */
void jup_hop_post(jup_hop_t *hop);

/** Waits for the oldest posted receive: fills step and x (step->rows, dim). */
void jup_hop_receive(jup_hop_t *hop, jup_step_t *step, float *x);

/** Begins sending a step with its activations x (step->rows, dim); x can be changed at once. */
void jup_hop_send(jup_hop_t *hop, const jup_step_t *step, const float *x);

/** Waits for all sends. */
void jup_hop_flush(jup_hop_t *hop);

#endif
