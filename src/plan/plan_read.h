/** What reading a plan is made of. Internal to plan_read.c and plan_read_stage.c. */
#ifndef JUP_PLAN_PLAN_READ_H
#define JUP_PLAN_PLAN_READ_H

#include "cluster/yaml_in.h"
#include "plan/plan.h"

/** A number that may be absent (*value stays); an integer that may not; a list that may not. */
jup_status_t jup_plan_read_seconds(const jup_yaml_node_t *map, const char *key, double *value,
                                   jup_error_t *err);
jup_status_t jup_plan_read_whole(const jup_yaml_node_t *map, const char *key, int64_t min,
                                 int64_t max, int64_t *value, jup_error_t *err);
jup_status_t jup_plan_read_list(const jup_yaml_node_t *root, const char *key, int most,
                                jup_yaml_node_t *list, int *n, jup_error_t *err);

/** The devices of stage s, before there is a plan to put them into. */
jup_status_t jup_plan_read_count(const jup_yaml_node_t *stages, int s, int version, int *n,
                                 jup_error_t *err);

/** Stage s, whose place (at, n) in the plan is known. */
jup_status_t jup_plan_read_stage(const jup_yaml_node_t *map, int version, jup_plan_t *plan, int s,
                                 jup_error_t *err);

#endif
