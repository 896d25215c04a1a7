#include "comm/watch_wire.h"

#include "base/clock.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- where rank 0 listens -------------------------------------------------------------------- */

/* This host's own addresses; the loopback, which is of use on the same host alone, comes last. */
static void list_addresses(jup_watch_door_t *door)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) == 0) {
        for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
            bool usable = i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
                          (i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_LOOPBACK);
            const struct sockaddr_in *at = (const void *)i->ifa_addr;
            if (usable && door->n < JUP_WATCH_DOORS - 1)
                door->address[door->n++] = at->sin_addr.s_addr;
        }
        freeifaddrs(all);
    }
    door->address[door->n++] = htonl(INADDR_LOOPBACK);
}

/* At a port in the network's order; 0: any that is free. */
static int listen_at(uint16_t port, struct sockaddr_in *at)
{
    const int one = 1;
    socklen_t length = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *at = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_ANY)};
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); /* a job before may have had it */
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) == 0 && listen(fd, 128) == 0 &&
        getsockname(fd, (struct sockaddr *)at, &length) == 0)
        return fd;
    close(fd);
    return -1;
}

int jup_watch_listen(jup_watch_door_t *door)
{
    struct sockaddr_in at;
    memset(door, 0, sizeof *door);
    if (getrandom(&door->secret, sizeof door->secret, 0) != sizeof door->secret)
        return -1;
    int fd = listen_at(0, &at);
    if (fd < 0)
        return -1;
    gethostname(door->host, sizeof door->host - 1);
    door->port = at.sin_port;
    list_addresses(door);
    return fd;
}

int jup_watch_listen_at(const jup_watch_door_t *door)
{
    struct sockaddr_in at;
    return listen_at(door->port, &at);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void begin_wire(jup_watch_wire_t *wire, int fd)
{
    int one = 1;
    memset(wire, 0, sizeof *wire);
    wire->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

bool jup_watch_accept(int listening, jup_watch_wire_t *wire)
{
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    begin_wire(wire, fd);
    return true;
}

static int connect_to(uint32_t address, uint16_t port, int patience_ms)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = address};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), problem = 0;
    socklen_t length = sizeof problem;
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    struct pollfd until = {.fd = fd, .events = POLLOUT};
    if (errno == EINPROGRESS && poll(&until, 1, patience_ms) == 1 &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &length) == 0 && problem == 0)
        return fd;
    close(fd);
    return -1;
}

bool jup_watch_connect(const jup_watch_door_t *door, int patience_ms, jup_watch_wire_t *wire)
{
    char host[JUP_WATCH_NAME] = "";
    gethostname(host, sizeof host - 1);
    bool here = strcmp(host, door->host) == 0;
    for (int i = 0; i < door->n; i++) {
        bool of_use = here || door->address[i] != htonl(INADDR_LOOPBACK);
        int fd = of_use ? connect_to(door->address[i], door->port, patience_ms) : -1;
        if (fd < 0)
            continue;
        begin_wire(wire, fd);
        return true;
    }
    return false;
}

void jup_watch_wire_close(jup_watch_wire_t *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    wire->fd = -1;
    wire->closed = true;
}

bool jup_watch_wire_finish(jup_watch_wire_t *wire, double patience_s)
{
    const int turn_ms = 100;
    jup_watch_record_t record;
    double end_s = jup_clock_now_s() + patience_s;
    if (wire->fd < 0 || shutdown(wire->fd, SHUT_WR) != 0)
        return true;
    while (!wire->closed && jup_clock_now_s() < end_s) {
        struct pollfd until = {.fd = wire->fd, .events = POLLIN};
        poll(&until, 1, turn_ms);
        while (jup_watch_receive(wire, &record))
            end_s = jup_clock_now_s() + patience_s;
    }
    return wire->closed;
}

/* ---- records --------------------------------------------------------------------------------- */

void jup_watch_flush(jup_watch_wire_t *wire)
{
    if (wire->fd < 0 || wire->n_out == 0)
        return;
    ssize_t n = send(wire->fd, wire->out, wire->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0)
        return; /* reading will tell whether the other side is gone */
    wire->n_out -= (size_t)n;
    memmove(wire->out, wire->out + n, wire->n_out);
}

void jup_watch_send(jup_watch_wire_t *wire, const jup_watch_record_t *record)
{
    if (wire->fd < 0 || wire->n_out + sizeof *record > sizeof wire->out)
        return;
    memcpy(wire->out + wire->n_out, record, sizeof *record);
    wire->n_out += sizeof *record;
    jup_watch_flush(wire);
}

bool jup_watch_receive(jup_watch_wire_t *wire, jup_watch_record_t *record)
{
    if (wire->fd < 0)
        return false;
    ssize_t n = recv(wire->fd, wire->in + wire->n_in, sizeof wire->in - wire->n_in, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        wire->closed = true;
    wire->n_in += n > 0 ? (size_t)n : 0;
    if (wire->n_in < sizeof wire->in)
        return false;
    memcpy(record, wire->in, sizeof *record);
    wire->n_in = 0;
    return true;
}
