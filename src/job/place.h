/** Which rank works where: its place in the pipe, and its part of the model. */
#ifndef JUP_JOB_PLACE_H
#define JUP_JOB_PLACE_H

#include "job/job.h"
#include "model/part.h"
#include "strategy/place.h"

/**
 * The rank has a stage. The place is reset by the caller. JUP_EINPUT when the plan's shares do not
 * fit the model.
 */
jup_status_t jup_job_place(const jup_job_t *job, const jup_config_t *config, int rank,
                           jup_place_t *place, jup_shard_t *shard, jup_error_t *err);

/** The same of all ranks of a plan: shards (n_members), for cutting the model into slices. */
jup_status_t jup_plan_shards(const jup_plan_t *plan, const jup_config_t *config,
                             jup_part_blocks_t blocks, jup_shard_t *shards, jup_error_t *err);

/**
 * The links between the members of this rank's stage: the slowest that the leader measures, into
 * place->link on all of them. Collective among them; a stage of one has none.
 */
void jup_place_measure(jup_place_t *place, jup_comm_t *comm);

#endif
