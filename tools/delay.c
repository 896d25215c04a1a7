/*
 * Holds every Ethernet frame that a board sends for as long as its link's latency, where the kernel
 * has no netem. It stands between the board's TAP device, which has the address, and the wire (a
 * veth, whose queue makes the bandwidth): frames from the TAP go out when their time has come,
 * frames from the wire go in at once.
 *
 *   delay TAP WIRE MS [MAC MS MBPS]...      a MAC's own latency, and bandwidth (0: the wire's)
 *
 * Runs inside the board's network namespace. Ends on SIGTERM or with its parent, and then says
 * what it forwarded.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LARGEST = 9216,
    QUEUE_BYTES = 24 << 20,
    BATCH = 64,
    RECEIVE_BYTES = 16 << 20,
    FIRST_PEER = 4
};

typedef struct frame {
    double due_s;
    int bytes;
} frame_t;

/* Frames for one peer (or for all that have nothing of their own), in order. */
typedef struct line {
    unsigned char mac[ETH_ALEN];
    double latency_s, seconds_per_byte;
    double free_s;            /* when the line's own bandwidth lets the next frame start */
    frame_t *frames;          /* (capacity), a ring */
    unsigned char *data;      /* (capacity, frame_bytes) */
    unsigned long head, tail; /* frames ever sent and taken in */
} line_t;

typedef struct delay {
    int tap, wire;
    line_t *lines; /* the first one: everyone else */
    int n_lines;
    unsigned capacity;
    size_t frame_bytes; /* of the largest frame of the TAP */
    unsigned long out, in, dropped;
} delay_t;

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static int open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        jup_die(JUP_EENV, "cannot open /dev/net/tun: %s", strerror(errno));
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, TUNSETIFF, &request) < 0)
        jup_die(JUP_EENV, "cannot attach to TAP device %s: %s", name, strerror(errno));
    return fd;
}

/* Frames on the wire are addressed to the TAP, so all are taken in, but not those sent from here.
 */
static int open_wire(const char *name)
{
    int one = 1, bytes = RECEIVE_BYTES;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        jup_die(JUP_EENV, "cannot open a packet socket: %s", strerror(errno));
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = (int)if_nametoindex(name)};
    struct packet_mreq all = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        jup_die(JUP_EENV, "cannot listen on %s: %s", name, strerror(errno));
    return fd;
}

/* The largest frame is a header and as many bytes as the device's MTU says. */
static size_t frame_bytes(const char *tap)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", tap);
    if (fd < 0 || ioctl(fd, SIOCGIFMTU, &request) < 0)
        jup_die(JUP_EENV, "cannot ask %s for its MTU: %s", tap, strerror(errno));
    close(fd);
    size_t bytes = (size_t)request.ifr_mtu + ETH_HLEN + 4; /* and a VLAN tag */
    return bytes < LARGEST ? bytes : LARGEST;
}

/* ---- the lines ----------------------------------------------------------------------------------
 */

static double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || value < 0)
        jup_die(JUP_EINPUT, "'%s' is no latency or bandwidth", text);
    return value;
}

static void read_mac(const char *text, unsigned char mac[ETH_ALEN])
{
    unsigned part[ETH_ALEN];
    if (sscanf(text, "%x:%x:%x:%x:%x:%x", &part[0], &part[1], &part[2], &part[3], &part[4],
               &part[5]) != ETH_ALEN)
        jup_die(JUP_EINPUT, "'%s' is no MAC address", text);
    for (int i = 0; i < ETH_ALEN; i++)
        mac[i] = (unsigned char)part[i];
}

static void add_line(delay_t *d, const char *mac, const char *ms, const char *mbps)
{
    line_t *line = &d->lines[d->n_lines++];
    if (mac)
        read_mac(mac, line->mac);
    line->latency_s = number(ms) * 1e-3;
    if (mbps && number(mbps) > 0)
        line->seconds_per_byte = 8e-6 / number(mbps);
    line->frames = jup_new(d->capacity, sizeof *line->frames);
    line->data = jup_new(d->capacity, d->frame_bytes);
}

static line_t *line_to(delay_t *d, const unsigned char *mac)
{
    for (int i = 1; i < d->n_lines; i++)
        if (memcmp(d->lines[i].mac, mac, ETH_ALEN) == 0)
            return &d->lines[i];
    return &d->lines[0];
}

/* ---- moving frames ------------------------------------------------------------------------------
 */

static double later(double a, double b)
{
    return a > b ? a : b;
}

static void enqueue(delay_t *d, const unsigned char *data, int bytes, double now_s)
{
    line_t *line = line_to(d, data);
    if (line->tail - line->head == d->capacity || (size_t)bytes > d->frame_bytes) {
        d->dropped++;
        return;
    }
    unsigned long slot = line->tail++ % d->capacity;
    frame_t *frame = &line->frames[slot];
    line->free_s = later(now_s, line->free_s) + bytes * line->seconds_per_byte;
    frame->due_s = line->free_s + line->latency_s;
    frame->bytes = bytes;
    memcpy(line->data + slot * d->frame_bytes, data, (size_t)bytes);
}

static void take_from_tap(delay_t *d)
{
    unsigned char data[LARGEST];
    for (int i = 0; i < BATCH; i++) {
        ssize_t bytes = read(d->tap, data, sizeof data);
        if (bytes < ETH_HLEN)
            return;
        enqueue(d, data, (int)bytes, jup_clock_now_s());
    }
}

/* Sends what is due; returns when the next frame is, or a negative number when there is none. */
static double send_due(delay_t *d, line_t *line)
{
    while (line->head != line->tail) {
        unsigned long slot = line->head % d->capacity;
        const frame_t *frame = &line->frames[slot];
        double now_s = jup_clock_now_s();
        if (frame->due_s > now_s)
            return frame->due_s;
        if (send(d->wire, line->data + slot * d->frame_bytes, (size_t)frame->bytes, 0) < 0) {
            if (errno == EAGAIN || errno == EINTR)
                return now_s + 100e-6;
            d->dropped++;
        } else {
            d->out++;
        }
        line->head++;
    }
    return -1;
}

static void take_from_wire(delay_t *d)
{
    unsigned char data[LARGEST];
    for (int i = 0; i < BATCH; i++) {
        ssize_t bytes = recv(d->wire, data, sizeof data, MSG_TRUNC);
        if (bytes < 0)
            return;
        if (bytes > (ssize_t)sizeof data || write(d->tap, data, (size_t)bytes) < 0)
            d->dropped++;
        else
            d->in++;
    }
}

static void wait_for_work(delay_t *d, double until_s)
{
    struct pollfd fds[] = {{.fd = d->tap, .events = POLLIN}, {.fd = d->wire, .events = POLLIN}};
    struct timespec timeout = {0};
    double left_s = until_s < 0 ? 1 : later(0, until_s - jup_clock_now_s());
    timeout.tv_sec = (time_t)left_s;
    timeout.tv_nsec = (long)((left_s - (double)timeout.tv_sec) * 1e9);
    ppoll(fds, 2, &timeout, NULL);
}

static void forward(delay_t *d)
{
    while (!stopping) {
        double next_s = -1;
        take_from_wire(d);
        take_from_tap(d);
        for (int i = 0; i < d->n_lines; i++) {
            double due_s = send_due(d, &d->lines[i]);
            if (due_s >= 0 && (next_s < 0 || due_s < next_s))
                next_s = due_s;
        }
        wait_for_work(d, next_s);
    }
}

int main(int argc, char **argv)
{
    if (argc < FIRST_PEER || (argc - FIRST_PEER) % 3 != 0) {
        fprintf(stderr, "usage: delay TAP WIRE MS [MAC MS MBPS]...\n");
        return JUP_EINPUT;
    }
    signal(SIGTERM, stop);
    signal(SIGINT, SIG_IGN); /* Ctrl-C ends the job first; who started us ends us */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1UL);
    setpriority(PRIO_PROCESS, 0, -15);

    delay_t d = {0};
    d.tap = open_tap(argv[1]);
    d.wire = open_wire(argv[2]);
    d.frame_bytes = frame_bytes(argv[1]);
    d.capacity = (unsigned)(QUEUE_BYTES / d.frame_bytes);
    d.lines = jup_new((size_t)(1 + (argc - FIRST_PEER) / 3), sizeof *d.lines);
    add_line(&d, NULL, argv[3], NULL);
    for (int i = FIRST_PEER; i < argc; i += 3)
        add_line(&d, argv[i], argv[i + 1], argv[i + 2]);
    printf("ready\n");
    fflush(stdout);
    forward(&d);

    fprintf(stderr, "delay: %lu frames out, %lu in, %lu dropped\n", d.out, d.in, d.dropped);
    for (int i = 0; i < d.n_lines; i++) {
        jup_free(d.lines[i].frames);
        jup_free(d.lines[i].data);
    }
    jup_free(d.lines);
    return 0;
}
