/* The transport over MPI: one communicator of our own, point-to-point messages only. */
#include "base/clock.h"
#include "base/mem.h"
#include "comm/comm.h"

#include <limits.h>
#include <mpi.h>
#include <string.h>

typedef struct mpi_self {
    MPI_Comm world;
} mpi_self_t;

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
    MPI_Request request;
    MPI_Isend(buffer, checked_count(bytes), MPI_BYTE, peer, tag, ((mpi_self_t *)self)->world,
              &request);
    memcpy(handle, &request, sizeof request);
}

static void start_recv(void *self, int peer, int tag, void *buffer, size_t bytes,
                       jup_transport_handle_t *handle)
{
    MPI_Request request;
    MPI_Irecv(buffer, checked_count(bytes), MPI_BYTE, peer, tag, ((mpi_self_t *)self)->world,
              &request);
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

static void abort_all(void *self, int exit_code)
{
    MPI_Abort(((mpi_self_t *)self)->world, exit_code);
}

static void close_mpi(void *self)
{
    jup_die_set_hook(NULL);
    MPI_Comm_free(&((mpi_self_t *)self)->world);
    jup_free(self);
    MPI_Finalize();
}

/*
 * MPI connects two ranks when they first talk, which over a slow link takes several latencies: a
 * ring of empty messages has the pipeline's connections made before anything is timed.
 */
static void connect_neighbours(MPI_Comm world)
{
    int rank, size;
    MPI_Comm_rank(world, &rank);
    MPI_Comm_size(world, &size);
    if (size == 1)
        return;
    int next = (rank + 1) % size, before = (rank + size - 1) % size;
    MPI_Sendrecv(NULL, 0, MPI_BYTE, next, JUP_MSG_PING, NULL, 0, MPI_BYTE, before, JUP_MSG_PING,
                 world, MPI_STATUS_IGNORE);
}

static void renumber(void *self, int rank)
{
    MPI_Comm *world = &((mpi_self_t *)self)->world, before = *world;
    MPI_Comm_split(before, 0, rank, world);
    MPI_Comm_free(&before);
    connect_neighbours(*world);
}

static const jup_transport_t mpi_transport = {
    .name = "mpi",
    .start_send = start_send,
    .start_recv = start_recv,
    .test = test,
    .renumber = renumber,
    .abort = abort_all,
    .close = close_mpi,
};

/* In simulated time messages move by themselves, and polling would only hold the simulator up. */
static const jup_transport_t simulated_transport = {
    .name = "mpi, simulated",
    .start_send = start_send,
    .start_recv = start_recv,
    .test = test,
    .wait = wait_until_done,
    .renumber = renumber,
    .abort = abort_all,
    .close = close_mpi,
};

static void abort_world(int exit_code)
{
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}

void jup_comm_open_mpi(jup_comm_t *comm, int *argc, char ***argv)
{
    memset(comm, 0, sizeof *comm);
    MPI_Init(argc, argv);
    jup_die_set_hook(abort_world);
    jup_clock_sharpen();

    mpi_self_t *self = jup_new(1, sizeof *self);
    MPI_Comm_dup(MPI_COMM_WORLD, &self->world);
    MPI_Comm_rank(self->world, &comm->rank);
    MPI_Comm_size(self->world, &comm->size);
    connect_neighbours(self->world);
    comm->transport = jup_clock_is_simulated() ? &simulated_transport : &mpi_transport;
    comm->transport_self = self;
}

void jup_comm_close(jup_comm_t *comm)
{
    comm->transport->close(comm->transport_self);
    memset(comm, 0, sizeof *comm);
}
