/* Sharing, gathering and agreeing among any number of ranks. */
#include "base/mem.h"
#include "comm/collect.h"
#include "comm/record.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

typedef struct board {
    jup_status_t mine[4]; /* what each rank brings */
    jup_status_t got[4];
    jup_error_t err; /* rank 0's */
    size_t bytes;
} board_t;

static void agree(jup_comm_t *comm, void *self)
{
    board_t *b = self;
    jup_error_t err = {.text = ""};
    jup_status_t mine = b->mine[comm->rank];
    if (mine != JUP_OK)
        jup_fail(&err, mine, "rank %d says %d", comm->rank, (int)mine);
    b->got[comm->rank] = jup_comm_agree(comm, mine, &err);
    if (comm->rank == 0)
        b->err = err;
}

static void run(int ranks, void (*body)(jup_comm_t *comm, void *self), board_t *b, uint64_t seed)
{
    jup_record_log_t log;
    jup_record_run(ranks, &(jup_record_options_t){.seed = seed, .rendezvous = seed % 2}, body, b,
                   &log);
    for (size_t i = 0; i < log.n; i++)
        ck_assert_int_ge(log.messages[i].received, 0);
    ck_assert_uint_eq(log.unmatched_receives, 0);
    jup_record_log_reset(&log);
    ck_assert_uint_eq(jup_mem_live_blocks(), 0);
}

/* All 81 ways in which four ranks can be well, have bad input, or a bad environment. */
START_TEST(the_lowest_failing_rank_decides)
{
    const jup_status_t all[] = {JUP_OK, JUP_EINPUT, JUP_EENV};
    for (int ranks = 1; ranks <= 4; ranks++)
        for (int way = 0; way < 81; way++) {
            board_t b = {.mine = {all[way % 3], all[way / 3 % 3], all[way / 9 % 3], all[way / 27]}};
            int lowest = 0;
            while (lowest < ranks && b.mine[lowest] == JUP_OK)
                lowest++;
            run(ranks, agree, &b, (uint64_t)way);
            jup_status_t expected = lowest < ranks ? b.mine[lowest] : JUP_OK;
            for (int rank = 0; rank < ranks; rank++)
                ck_assert_int_eq(b.got[rank], expected);
            if (expected == JUP_OK)
                continue;
            char text[64], said[32];
            snprintf(said, sizeof said, "rank %d says %d", lowest, (int)expected);
            snprintf(text, sizeof text, "rank %d: %s", lowest, said);
            ck_assert_str_eq(b.err.text, lowest ? text : said);
            ck_assert_int_eq(b.err.code, expected);
        }
}
END_TEST

static void fail_at_length(jup_comm_t *comm, void *self)
{
    board_t *b = self;
    jup_error_t err = {.code = JUP_EINPUT};
    memset(err.text, 'x', sizeof err.text - 1);
    err.text[sizeof err.text - 1] = '\0';
    jup_comm_agree(comm, comm->rank == 1 ? JUP_EINPUT : JUP_OK, &err);
    if (comm->rank == 0)
        b->err = err;
}

START_TEST(a_long_message_stays_a_message)
{
    board_t b = {0};
    run(2, fail_at_length, &b, 1);
    ck_assert_int_eq(strncmp(b.err.text, "rank 1: xxx", 11), 0);
    ck_assert_uint_lt(strlen(b.err.text), sizeof b.err.text);
}
END_TEST

static char byte_of(int rank, size_t i)
{
    return (char)(rank * 31 + (int)(i % 100));
}

static void fill(char *data, int rank, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        data[i] = byte_of(rank, i);
}

static void share(jup_comm_t *comm, void *self)
{
    const board_t *b = self;
    void *data = NULL;
    size_t bytes = 0;
    int32_t number = comm->rank == 0 ? 42 : 0;
    if (comm->rank == 0) {
        bytes = b->bytes;
        data = jup_new(bytes ? bytes : 1, 1);
        fill(data, 0, bytes);
    }
    jup_comm_share(comm, &data, &bytes);
    jup_comm_share_fixed(comm, &number, sizeof number);
    ck_assert_int_eq(number, 42);
    ck_assert_uint_eq(bytes, b->bytes);
    for (size_t i = 0; i < bytes; i++)
        ck_assert_int_eq(((char *)data)[i], byte_of(0, i));
    jup_free(data);
}

/* Rank r brings r * bytes. */
static void gather(jup_comm_t *comm, void *self)
{
    const board_t *b = self;
    size_t mine = (size_t)comm->rank * b->bytes, *offsets;
    void *data = jup_new(mine ? mine : 1, 1), *all;
    fill(data, comm->rank, mine);
    jup_comm_gather(comm, data, mine, &all, &offsets);
    jup_free(data);
    if (comm->rank != 0) {
        ck_assert_ptr_null(all);
        ck_assert_ptr_null(offsets);
        return;
    }
    ck_assert_uint_eq(offsets[0], 0);
    for (int rank = 0; rank < comm->size; rank++) {
        ck_assert_uint_eq(offsets[rank + 1] - offsets[rank], (size_t)rank * b->bytes);
        for (size_t i = offsets[rank]; i < offsets[rank + 1]; i++)
            ck_assert_int_eq(((char *)all)[i], byte_of(rank, i - offsets[rank]));
    }
    jup_free(all);
    jup_free(offsets);
}

START_TEST(everyone_gets_the_same_bytes_and_rank_0_all)
{
    const size_t sizes[] = {0, 1, 1000, 100000};
    for (int ranks = 1; ranks <= 4; ranks++)
        for (int i = 0; i < 4; i++) {
            board_t b = {.bytes = sizes[i]};
            run(ranks, share, &b, (uint64_t)(ranks + i));
            run(ranks, gather, &b, (uint64_t)(ranks + i));
        }
}
END_TEST

static void measure_offset(jup_comm_t *comm, void *self)
{
    double offset_s = jup_comm_clock_offset_s(comm);
    (void)self;
    ck_assert(offset_s > -5 && offset_s < 5); /* one clock; turns take their time */
    if (comm->rank == 0)
        ck_assert_double_eq(offset_s, 0);
}

START_TEST(clocks_of_one_machine_agree)
{
    board_t b = {0};
    for (int ranks = 1; ranks <= 3; ranks++)
        run(ranks, measure_offset, &b, 3);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("collect");
    unit_add(s, the_lowest_failing_rank_decides, 60);
    unit_add(s, a_long_message_stays_a_message, 20);
    unit_add(s, everyone_gets_the_same_bytes_and_rank_0_all, 60);
    unit_add(s, clocks_of_one_machine_agree, 60);
    return s;
}

UNIT_MAIN(suite)
