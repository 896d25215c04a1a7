#include "comm/muster.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/thread.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct jup_muster {
    pthread_t thread;
    double limit_s;
    int over; /* an eventfd */
};

static int number_in(const char *const *variables, int otherwise)
{
    for (; *variables; variables++) {
        const char *text = getenv(*variables);
        if (text)
            return (int)strtol(text, NULL, 10);
    }
    return otherwise;
}

int jup_muster_ranks(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "PMI_SIZE", NULL};
    return number_in(variables, 1);
}

int jup_muster_rank(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", NULL};
    return number_in(variables, 0);
}

int jup_muster_neighbours(void)
{
    static const char *const variables[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", NULL};
    int n = number_in(variables, 1);
    return n > 0 ? n : 1;
}

bool jup_muster_has_processors(void)
{
    int ranks = jup_muster_neighbours();
    bool bound = getenv("OMPI_MCA_orte_bound_at_launch") != NULL;
    return ranks <= jup_thread_processors() ||
           (bound && ranks <= (int)sysconf(_SC_NPROCESSORS_ONLN));
}

/* The word of that number; the only one is everybody's. */
static bool find_word(const char *text, int number, char *word, size_t size)
{
    char found[256];
    int used = 0, n = 0;
    bool there = false;
    for (; sscanf(text, "%255s%n", found, &used) == 1; text += used, n++) {
        if (n == 0 || n == number)
            snprintf(word, size, "%.*s", (int)size - 1, found);
        there = there || n == number;
    }
    return there || n == 1;
}

bool jup_muster_host(int rank, char *host, size_t size)
{
    const char *hosts = getenv("JUPITER_HOSTS");
    host[0] = '\0';
    if (jup_muster_neighbours() == jup_muster_ranks())
        return gethostname(host, size - 1) == 0;
    if (hosts && find_word(hosts, rank, host, size))
        return true;
    host[0] = '\0';
    return false;
}

static void name_rank_0(char *text, size_t size)
{
    char host[200];
    bool known = jup_muster_host(0, host, sizeof host);
    snprintf(text, size, "rank 0%s%s%s, which does not say so itself,", known ? " (host " : "",
             host, known ? ")" : "");
}

/* Rank 0 says it, the others when it did not. */
static void *wait_for_all(void *self)
{
    const jup_muster_t *m = self;
    struct pollfd fd = {.fd = m->over, .events = POLLIN};
    int rank = jup_muster_rank();
    char who[300] = "one";
    double patience_s = m->limit_s + (rank ? 4 + 0.2 * (rank < 10 ? rank : 10) : 0);
    if (poll(&fd, 1, (int)(1e3 * patience_s)) != 0)
        return NULL;
    if (rank)
        name_rank_0(who, sizeof who);
    fprintf(stderr,
            "jupiter: the %d ranks have not come together within %.0f s: %s is frozen, cut off or "
            "not this program; the job ends\n",
            jup_muster_ranks(), m->limit_s, who);
    _exit(JUP_EENV);
}

jup_muster_t *jup_muster_begin(double limit_s)
{
    if (limit_s <= 0 || jup_muster_ranks() < 2 || jup_clock_is_simulated())
        return NULL;
    jup_muster_t *m = jup_new(1, sizeof *m);
    m->limit_s = limit_s;
    m->over = eventfd(0, EFD_CLOEXEC);
    if (m->over >= 0 && jup_thread_start(&m->thread, wait_for_all, m))
        return m;
    if (m->over >= 0)
        close(m->over);
    jup_free(m);
    return NULL;
}

void jup_muster_end(jup_muster_t *m)
{
    const uint64_t one = 1;
    if (!m)
        return;
    ssize_t written = write(m->over, &one, sizeof one);
    (void)written;
    pthread_join(m->thread, NULL);
    close(m->over);
    jup_free(m);
}
