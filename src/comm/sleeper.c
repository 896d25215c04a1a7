#include "comm/sleeper.h"

#include "base/clock.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static const double spin_s = 15e-6; /* about as long as a neighbour in memory takes to answer */
static const double share = 0.08;   /* of the wait so far, for a pause */
static const double shortest_s = 3e-6, longest_s = 200e-6;
/* Where sockets announce all messages: longer than usual waits, so that few of these end by chance
 * just when a pause does, which would look like a message that nobody announced. */
static const double trusting_s = 5e-3, most_trusting_s = 50e-3, usual_waits = 2;
static const double resting_share = 5e-3, resting_s = 5e-3; /* of waits beyond all steps: a lull */
static const double relist_s = 0.25;
static const double waking_s = 100e-6; /* from a pause's end until the rank runs, and some more */
/* Waits that differ by more are not alike; the share is of a wait. */
static const double most_apart_s = 200e-6, most_apart_share = 0.1;

enum {
    ENOUGH = JUP_SLEEPER_RECENT,
    MOST_DOUBTS = 12,
    MOST_WAKES = 4,
    MOST_SILENT = 1 << 20,
    PROBE = 32
};

/* ---- sockets --------------------------------------------------------------------------------- */

static bool is_connected(int fd)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
           (peer.ss_family == AF_INET || peer.ss_family == AF_INET6);
}

/* MPI makes its connections when two ranks first talk, and tells nobody. */
static void list_sockets(jup_sleeper_t *sleeper)
{
    DIR *open_files = opendir("/proc/self/fd");
    sleeper->n = 0;
    if (!open_files)
        return;
    for (struct dirent *entry; (entry = readdir(open_files));) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] == '.' || !is_connected(fd))
            continue;
        if (sleeper->n == JUP_SLEEPER_SOCKETS) {
            sleeper->n = 0;
            break;
        }
        sleeper->sockets[sleeper->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    closedir(open_files);
}

static void keep_listed(jup_sleeper_t *sleeper)
{
    double now_s = jup_clock_now_s();
    if (sleeper->listed_s != 0 && now_s < sleeper->listed_s + relist_s)
        return;
    list_sockets(sleeper);
    sleeper->listed_s = now_s;
}

static bool sleep_on_sockets(jup_sleeper_t *sleeper, double seconds)
{
    struct timespec pause = {.tv_nsec = (long)(seconds * 1e9)}; /* far below a second */
    return ppoll(sleeper->sockets, (nfds_t)sleeper->n, &pause, NULL) > 0;
}

/* ---- pauses ---------------------------------------------------------------------------------- */

void jup_sleeper_begin(jup_sleeper_t *sleeper)
{
    sleeper->last = JUP_SLEPT_NOT;
    sleeper->wakes = 0;
    sleeper->paused_s = 0;
}

static bool trusts_sockets(const jup_sleeper_t *sleeper)
{
    return sleeper->announced >= ENOUGH << sleeper->doubts;
}

/* A server's ranks may wait for hours. */
static double longest_of(double waited_s)
{
    double seconds = resting_share * waited_s;
    return seconds < longest_s ? longest_s : seconds > resting_s ? resting_s : seconds;
}

static double trusting_pause_s(const jup_sleeper_t *sleeper)
{
    double seconds = usual_waits * sleeper->usual_wait_s;
    return seconds < trusting_s        ? trusting_s
           : seconds > most_trusting_s ? most_trusting_s
                                       : seconds;
}

static double pause_s(const jup_sleeper_t *sleeper, double waited_s, bool sending)
{
    if (trusts_sockets(sleeper) && !sending)
        return trusting_pause_s(sleeper);
    double seconds = share * waited_s, longest = longest_of(waited_s);
    return seconds < shortest_s ? shortest_s : seconds > longest ? longest : seconds;
}

/* Not before a wait pauses: short ones are over by then. */
static void sort_recent(jup_sleeper_t *sleeper)
{
    double sorted[JUP_SLEEPER_RECENT];
    for (int i = 0; i < JUP_SLEEPER_RECENT; i++) {
        int at = i;
        for (; at > 0 && sorted[at - 1] > sleeper->came_s[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = sleeper->came_s[i];
    }
    sleeper->early_s = sorted[1];
    sleeper->late_s = sorted[JUP_SLEEPER_RECENT - 2];
    sleeper->sorted = true;
}

/*
 * Seconds until a message through memory is about due, after waits much alike; 0: it is; below
 * that: who knows. One wait that was otherwise changes nothing, a few are the new kind. Every now
 * and then a wait shows whether sockets announce messages by now.
 */
static double until_due_s(jup_sleeper_t *sleeper, double waited_s)
{
    if (!sleeper->spare || sleeper->usual_wait_s < spin_s || sleeper->silent < ENOUGH ||
        sleeper->silent % PROBE == 0)
        return -1;
    if (!sleeper->sorted)
        sort_recent(sleeper);
    if (sleeper->late_s - sleeper->early_s >
            fmax(most_apart_s, most_apart_share * sleeper->late_s) ||
        waited_s > sleeper->late_s + waking_s)
        return -1;
    double seconds = sleeper->early_s - waking_s - waited_s;
    return seconds < shortest_s ? 0 : seconds > resting_s ? resting_s : seconds;
}

/* Where waits are long anyway, waking up late costs less than polling. */
static bool spins(const jup_sleeper_t *sleeper, double waited_s)
{
    return waited_s < spin_s && !(trusts_sockets(sleeper) && sleeper->usual_wait_s > 10 * spin_s);
}

void jup_sleeper_pause(jup_sleeper_t *sleeper, double waited_s, bool sending)
{
    double due_s = sending || trusts_sockets(sleeper) ? -1 : until_due_s(sleeper, waited_s);
    sleeper->paused_s = 0;
    if (due_s == 0 || (due_s < 0 && spins(sleeper, waited_s)))
        return;
    keep_listed(sleeper);
    double seconds = due_s > 0 ? due_s : pause_s(sleeper, waited_s, sending);
    sleeper->paused_s = seconds;
    sleeper->long_pause = trusts_sockets(sleeper) && !sending;
    bool in_vain = sleeper->wakes >= MOST_WAKES; /* by a socket that is not MPI's */
    if (sleeper->n == 0 || in_vain) {
        double longest = due_s > 0 ? due_s : longest_of(waited_s);
        jup_clock_pause(seconds < longest ? seconds : longest);
        sleeper->last = JUP_SLEPT_DEAF;
    } else {
        bool heard = sleep_on_sockets(sleeper, seconds);
        sleeper->last = heard ? JUP_SLEPT_HEARD : JUP_SLEPT_OUT;
    }
    sleeper->wakes = sleeper->last == JUP_SLEPT_HEARD ? sleeper->wakes + 1 : 0;
}

/* Whether MPI has made a connection since the sockets were looked up. */
static bool has_new_sockets(jup_sleeper_t *sleeper)
{
    int before = sleeper->n;
    list_sockets(sleeper);
    return sleeper->n != before;
}

/*
 * A message that is found after a pause may have come just after it, or through memory during it:
 * one of a long pause lay here, and trust grows slower from then on. It is lost, unless sockets
 * have announced twice as many messages as it takes: by chance a wait ends now and then as a pause
 * does.
 */
static void learn(jup_sleeper_t *sleeper)
{
    if (sleeper->last == JUP_SLEPT_HEARD) {
        sleeper->announced += sleeper->announced < 2 * ENOUGH << sleeper->doubts;
    } else if (sleeper->long_pause && !has_new_sockets(sleeper)) {
        sleeper->doubts += sleeper->doubts < MOST_DOUBTS;
        if (!trusts_sockets(sleeper))
            sleeper->announced = 0;
    } else if (!trusts_sockets(sleeper)) {
        sleeper->announced -= sleeper->announced < 2 ? sleeper->announced : 2;
    }
}

void jup_sleeper_end(jup_sleeper_t *sleeper, double waited_s, bool received)
{
    sleeper->usual_wait_s += (waited_s - sleeper->usual_wait_s) / 8;
    if (!received)
        return;
    sleeper->came_s[sleeper->received] =
        waited_s - sleeper->paused_s / 2; /* some time in a pause */
    sleeper->received = (sleeper->received + 1) % JUP_SLEEPER_RECENT;
    sleeper->sorted = false;
    if (sleeper->last == JUP_SLEPT_HEARD)
        sleeper->silent = 0;
    else
        sleeper->silent += sleeper->silent < MOST_SILENT;
    if (sleeper->last == JUP_SLEPT_HEARD || sleeper->last == JUP_SLEPT_OUT)
        learn(sleeper);
}
