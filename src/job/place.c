#include "job/place.h"

#include "base/clock.h"
#include "base/mem.h"
#include "strategy/strategies.h"

#include <assert.h>
#include <string.h>

/* The stage that a rank works in: members stand in rank order. */
static int stage_of(const jup_plan_t *plan, int rank)
{
    int s = 0;
    while (rank >= plan->stages[s].at + plan->stages[s].n)
        s++;
    return s;
}

/* parts (stage n): all zero where its members have whole layers. */
static jup_status_t parts_of(const jup_plan_t *plan, int s, const jup_config_t *config,
                             jup_part_blocks_t blocks, jup_part_t *parts, jup_error_t *err)
{
    const jup_plan_stage_t *stage = &plan->stages[s];
    size_t n = (size_t)stage->n;
    memset(parts, 0, n * sizeof *parts);
    if (!jup_way_splits(stage->way))
        return JUP_OK;
    int *heads = jup_new(n, sizeof *heads), *ffn = jup_new(n, sizeof *ffn);
    for (int m = 0; m < stage->n; m++) {
        heads[m] = jup_plan_member(plan, s, m)->heads;
        ffn[m] = jup_plan_member(plan, s, m)->ffn;
    }
    jup_status_t status = jup_part_of_counts(config, blocks, heads, ffn, stage->n, parts, err);
    jup_free(heads);
    jup_free(ffn);
    return status == JUP_OK ? JUP_OK : jup_fail_in(err, "stages[%d]", s);
}

static jup_shard_t shard_of(const jup_plan_t *plan, int s, const jup_part_t *part)
{
    const jup_plan_stage_t *stage = &plan->stages[s];
    return (jup_shard_t){.first = stage->first,
                         .last = stage->last,
                         .embedding = s == 0,
                         .head = s == plan->n_stages - 1,
                         .part = *part};
}

jup_status_t jup_plan_shards(const jup_plan_t *plan, const jup_config_t *config,
                             jup_part_blocks_t blocks, jup_shard_t *shards, jup_error_t *err)
{
    jup_part_t *parts = jup_new((size_t)plan->n_members, sizeof *parts);
    jup_status_t status = JUP_OK;
    for (int s = 0; s < plan->n_stages && status == JUP_OK; s++) {
        const jup_plan_stage_t *stage = &plan->stages[s];
        status = parts_of(plan, s, config, blocks, parts + stage->at, err);
        for (int m = stage->at; m < stage->at + stage->n; m++)
            shards[m] = shard_of(plan, s, &parts[m]);
    }
    jup_free(parts);
    return status;
}

static void set_place(const jup_plan_t *plan, int rank, jup_place_t *place)
{
    int *at = jup_new((size_t)plan->n_stages + 1, sizeof *at);
    for (int s = 0; s < plan->n_stages; s++)
        at[s] = plan->stages[s].at;
    at[plan->n_stages] = plan->n_members;
    jup_place_init(place, rank, plan->n_stages, at);
    jup_free(at);
    place->way = plan->stages[place->stage].way;
}

/* Members that have whole layers leave the head to the leader. */
static void share_head(jup_place_t *place, const jup_part_t *parts)
{
    int n = jup_place_members(place);
    if (!jup_place_is_last(place) || n == 1 || !jup_way_splits(place->way))
        return;
    place->vocab = jup_new((size_t)n + 1, sizeof *place->vocab);
    for (int m = 0; m < n; m++)
        place->vocab[m + 1] = parts[m].vocab_last;
}

jup_status_t jup_job_place(const jup_job_t *job, const jup_config_t *config, int rank,
                           jup_place_t *place, jup_shard_t *shard, jup_error_t *err)
{
    const jup_plan_t *plan = &job->plan;
    int s = stage_of(plan, rank);
    jup_part_t *parts = jup_new((size_t)plan->stages[s].n, sizeof *parts);
    jup_status_t status = parts_of(plan, s, config, job->blocks, parts, err);
    memset(place, 0, sizeof *place);
    if (status == JUP_OK) {
        set_place(plan, rank, place);
        share_head(place, parts);
        *shard = shard_of(plan, s, &parts[rank - plan->stages[s].at]);
    }
    jup_free(parts);
    return status;
}

/* ---- links ----------------------------------------------------------------------------------- */

enum { TRIPS = 4, SHORT = 64, LONG = 1 << 16 };

/* The quickest of several round trips to members [first, last) at the same time. Answers find their
 * receives posted, as those of an exchange do: none waits for another. */
static double round_trip_s(const jup_place_t *place, jup_comm_t *comm, int first, int last,
                           size_t bytes, char *block)
{
    int leader = jup_place_leader(place, place->stage);
    assert((size_t)(last - first) * bytes <= LONG); /* that `block` has for answers */
    jup_pending_t *sends = jup_new((size_t)last, sizeof *sends);
    jup_pending_t *answers = jup_new((size_t)last, sizeof *answers);
    double best_s = 1e30;
    for (int i = 0; i < TRIPS; i++) {
        double start_s = jup_clock_now_s();
        for (int m = first; m < last; m++)
            jup_comm_begin_recv(comm, leader + m, JUP_MSG_PING, -1,
                                block + LONG + (size_t)(m - first) * bytes, bytes, &answers[m]);
        for (int m = first; m < last; m++)
            jup_comm_begin_send(comm, leader + m, JUP_MSG_PING, -1, block, bytes, &sends[m]);
        for (int m = first; m < last; m++) {
            jup_comm_end(comm, &answers[m]);
            jup_comm_end(comm, &sends[m]);
        }
        double took_s = jup_clock_now_s() - start_s;
        best_s = took_s < best_s ? took_s : best_s;
    }
    jup_free(sends);
    jup_free(answers);
    return best_s;
}

static void answer(const jup_place_t *place, jup_comm_t *comm, char *block)
{
    int leader = jup_place_leader(place, place->stage);
    for (int i = 0; i < 3 * TRIPS; i++) { /* short, long, short with the others */
        size_t bytes = jup_comm_recv(comm, leader, JUP_MSG_PING, block, LONG);
        jup_comm_send(comm, leader, JUP_MSG_PING, block, bytes);
    }
}

static jup_exchange_link_t ask(const jup_place_t *place, jup_comm_t *comm, char *block)
{
    int n = jup_place_members(place);
    jup_exchange_link_t slowest = {.bytes_per_s = 1e18};
    for (int m = 1; m < n; m++) {
        double short_s = round_trip_s(place, comm, m, m + 1, SHORT, block) / 2;
        double long_s = round_trip_s(place, comm, m, m + 1, LONG, block) / 2;
        double rate = (LONG - SHORT) / (long_s > short_s ? long_s - short_s : 1e-9);
        slowest.latency_s = short_s > slowest.latency_s ? short_s : slowest.latency_s;
        slowest.bytes_per_s = rate < slowest.bytes_per_s ? rate : slowest.bytes_per_s;
    }
    double all_s = round_trip_s(place, comm, 1, n, SHORT, block) / 2;
    if (n > 2 && all_s > slowest.latency_s)
        slowest.serial_s = (all_s - slowest.latency_s) / (n - 2);
    return slowest;
}

void jup_place_measure(jup_place_t *place, jup_comm_t *comm)
{
    int n = jup_place_members(place), leader = jup_place_leader(place, place->stage);
    if (n == 1)
        return;
    char *block = jup_new(2, LONG);
    if (jup_place_leads(place)) {
        place->link = ask(place, comm, block);
        for (int m = 1; m < n; m++)
            jup_comm_send(comm, leader + m, JUP_MSG_PING, &place->link, sizeof place->link);
    } else {
        answer(place, comm, block);
        jup_comm_recv(comm, leader, JUP_MSG_PING, &place->link, sizeof place->link);
    }
    jup_free(block);
}
