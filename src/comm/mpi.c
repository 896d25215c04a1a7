/* The transport over MPI, point-to-point messages only: no call that waits for others but the first
   and the last, so that the watch can end every wait. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/launcher.h"
#include "base/mem.h"
#include "comm/collect.h"
#include "comm/comm.h"
#include "comm/muster.h"
#include "comm/network.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

_Static_assert(sizeof(MPI_Request) <= sizeof(jup_transport_handle_t), "handle too small");

static int checked_count(size_t bytes)
{
    if (bytes > INT_MAX)
        jup_die(JUP_EENV, "a message of %zu bytes is more than MPI takes; use smaller chunks",
                bytes);
    return (int)bytes;
}

static void start_send(void *self, int peer, int tag, const void *buffer, size_t bytes,
                       jup_transport_handle_t *handle)
{
    (void)self;
    MPI_Request request;
    MPI_Isend(buffer, checked_count(bytes), MPI_BYTE, peer, tag, MPI_COMM_WORLD, &request);
    memcpy(handle, &request, sizeof request);
}

static void start_recv(void *self, int peer, int tag, void *buffer, size_t bytes,
                       jup_transport_handle_t *handle)
{
    (void)self;
    MPI_Request request;
    MPI_Irecv(buffer, checked_count(bytes), MPI_BYTE, peer, tag, MPI_COMM_WORLD, &request);
    memcpy(handle, &request, sizeof request);
}

static size_t received_bytes(const MPI_Status *status)
{
    int count = 0;
    MPI_Get_count(status, MPI_BYTE, &count);
    return count > 0 ? (size_t)count : 0;
}

static bool test(void *self, jup_transport_handle_t *handle, size_t *bytes)
{
    (void)self;
    MPI_Request request;
    MPI_Status status;
    int done = 0;
    memcpy(&request, handle, sizeof request);
    MPI_Test(&request, &done, &status);
    memcpy(handle, &request, sizeof request);
    if (done)
        *bytes = received_bytes(&status);
    return done != 0;
}

static void wait_until_done(void *self, jup_transport_handle_t *handle, size_t *bytes)
{
    (void)self;
    MPI_Request request;
    MPI_Status status;
    memcpy(&request, handle, sizeof request);
    MPI_Wait(&request, &status);
    memcpy(handle, &request, sizeof request);
    *bytes = received_bytes(&status);
}

/* SimGrid would end this rank alone, find the others stuck, and end with 0. */
static void abort_world(int exit_code)
{
    if (jup_clock_is_simulated()) {
        fflush(NULL);
        _exit(exit_code);
    }
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}

static void abort_all(void *self, int exit_code)
{
    (void)self;
    abort_world(exit_code);
}

static void close_mpi(void *self)
{
    (void)self;
    jup_die_set_announcer(NULL, NULL);
    jup_die_set_hook(NULL);
    MPI_Finalize();
}

static const jup_transport_t mpi_transport = {
    .name = "mpi",
    .connects_late = true,
    .start_send = start_send,
    .start_recv = start_recv,
    .test = test,
    .abort = abort_all,
    .close = close_mpi,
};

/* In simulated time messages move by themselves, and polling would only hold the simulator up. */
static const jup_transport_t simulated_transport = {
    .name = "mpi, simulated",
    .connects_late = true,
    .start_send = start_send,
    .start_recv = start_recv,
    .test = test,
    .wait = wait_until_done,
    .abort = abort_all,
    .close = close_mpi,
};

/* ---- the ranks meet -------------------------------------------------------------------------- */

/* What a rank brings, and what rank 0 has to say to it. */
typedef struct hello {
    char version[32], command[32];
} hello_t;

typedef struct welcome {
    int32_t status;
    jup_watch_door_t door;
} welcome_t;

static jup_status_t compare(const hello_t *all, int ranks, jup_error_t *err)
{
    for (int r = 1; r < ranks; r++) {
        if (strcmp(all[r].command, all[0].command) != 0)
            return jup_fail(err, JUP_EINPUT,
                            "rank %d was started with the command '%s', rank 0 with '%s'; all "
                            "ranks need the same one",
                            r, all[r].command, all[0].command);
        if (strcmp(all[r].version, all[0].version) != 0)
            return jup_fail(err, JUP_EINPUT,
                            "rank %d runs version %s of the program, rank 0 %s; install the same "
                            "one for all ranks",
                            r, all[r].version, all[0].version);
    }
    return JUP_OK;
}

/* At rank 0's door, where this rank is not there already. */
static jup_watch_t *join(const jup_comm_t *comm, jup_watch_t *early, double watch_s,
                         const jup_watch_door_t *door)
{
    if (early && jup_watch_door(early)->secret == door->secret)
        return early;
    jup_watch_close(early);
    return jup_watch_join(comm->rank, comm->size, watch_s, door);
}

static jup_status_t meet(jup_comm_t *comm, const char *command, double watch_s, jup_watch_t *watch,
                         jup_error_t *err)
{
    hello_t mine = {.version = PACKAGE_VERSION};
    welcome_t welcome = {.status = JUP_OK};
    void *all;
    size_t *offsets;
    snprintf(mine.command, sizeof mine.command, "%s", command);
    jup_comm_gather(comm, &mine, sizeof mine, &all, &offsets);
    if (comm->rank == 0)
        welcome.status = (int32_t)compare(all, comm->size, err);
    if (comm->rank == 0 && watch)
        welcome.door = *jup_watch_door(watch);
    else if (comm->rank == 0 && welcome.status == JUP_OK)
        watch = jup_watch_open(comm->size, watch_s, &welcome.door);
    jup_free(all);
    jup_free(offsets);
    jup_comm_share_fixed(comm, &welcome, sizeof welcome);
    if (comm->rank != 0 && welcome.status == JUP_OK)
        watch = join(comm, watch, watch_s, &welcome.door);
    jup_watch_gathered(watch);
    comm->watch = watch; /* now, so that both ends of a message are counted, or neither */
    if (comm->rank != 0 && welcome.status != JUP_OK)
        return jup_fail(err, (jup_status_t)welcome.status, "rank 0 has the message");
    return (jup_status_t)welcome.status;
}

/* A wish to stop that comes while the ranks meet reaches rank 0 once they are watched. */
static void catch_wishes(void)
{
    if (jup_muster_rank() == 0)
        jup_interrupt_say("jupiter: stopping\n");
    jup_interrupt_catch();
    if (jup_muster_rank() == 0)
        jup_launcher_tell_here();
}

/* MPI's beginning, which may not end by itself. */
static jup_watch_t *begin(double watch_s)
{
    const double margin_s = 4; /* for the watch to say more */
    int threads;
    bool together = jup_muster_ranks() > 1 && !jup_clock_is_simulated();
    jup_watch_t *watch = NULL;
    if (!jup_clock_is_simulated()) {
        unsetenv("OPAL_OUTPUT_STDERR_FD"); /* tools/launch's, for mpirun: no file of ours */
        jup_network_choose();
    }
    if (together) {
        catch_wishes();
        watch = jup_watch_open_early(jup_muster_rank(), jup_muster_ranks(), watch_s);
    }
    jup_muster_t *muster = jup_muster_begin(watch && watch_s > 0 ? watch_s + margin_s : watch_s);
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads);
    jup_muster_end(muster);
    return watch;
}

jup_status_t jup_comm_open_mpi(jup_comm_t *comm, const char *command, double watch_s,
                               jup_error_t *err)
{
    jup_status_t status = JUP_OK;
    memset(comm, 0, sizeof *comm);
    jup_watch_t *watch = begin(watch_s);
    jup_die_set_hook(abort_world);
    jup_clock_sharpen();

    MPI_Comm_rank(MPI_COMM_WORLD, &comm->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &comm->size);
    comm->sleeper.spare = jup_muster_has_processors();
    comm->transport = jup_clock_is_simulated() ? &simulated_transport : &mpi_transport;
    if (comm->size > 1 && !jup_clock_is_simulated())
        status = meet(comm, command, watch_s, watch, err);
    else
        jup_watch_close(watch);
    if (comm->watch)
        jup_die_set_announcer(jup_watch_announce, comm->watch);
    if (status == JUP_OK)
        jup_comm_connect(comm);
    return status;
}
