/**
 * Shares of a layer by speed, then moved off the devices that are full (Galaxy, Ye et al. 2024):
 * a member's memory allows it so much of the group's layers, what it cannot hold goes to the others
 * in proportion to their speeds. Internal to the planners.
 */
#ifndef JUP_PLAN_SHARES_H
#define JUP_PLAN_SHARES_H

#include "plan/planner.h"

/** What decides the shares. */
typedef enum jup_sharing {
    JUP_SHARING_EVEN,    /* nothing: all alike, memory not looked at */
    JUP_SHARING_PREFILL, /* the time of a layer for the whole prompt */
    JUP_SHARING_REQUEST, /* the time of a layer for all that the problem's objective counts */
} jup_sharing_t;

/** Devices that share layers. */
typedef struct jup_sharers {
    const int *device; /* (n) */
    int n;
    int layers; /* that they may have to hold, with embedding and head */
} jup_sharers_t;

/**
 * heads (n), query heads, and ffn (n), blocks of FFN columns; every member has some.
 * JUP_EINPUT names the largest number of members that can share.
 */
jup_status_t jup_plan_share(const jup_plan_problem_t *problem, const jup_sharers_t *sharers,
                            jup_sharing_t sharing, int *heads, int *ffn, jup_error_t *err);

#endif
