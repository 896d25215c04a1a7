#include "base/fault.h"

#include "base/status.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More are not watched: a model has a handful. */
enum { RANGES = 64, MESSAGE = 600 };

typedef struct range {
    uintptr_t base;
    atomic_size_t bytes;   /* 0: free */
    char message[MESSAGE]; /* made beforehand: a signal handler may do next to nothing */
} range_t;

static range_t ranges[RANGES]; /* the handler reads those with bytes */
static pthread_mutex_t changes = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static bool installed;

static const range_t *find(uintptr_t address)
{
    for (int i = 0; i < RANGES; i++)
        if (ranges[i].bytes && address - ranges[i].base < ranges[i].bytes)
            return &ranges[i];
    return NULL;
}

/* What is not ours goes to whoever handled it before, when the access is tried again. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    const range_t *range = find((uintptr_t)info->si_addr);
    if (!range) {
        sigaction(number, &before, NULL);
        return;
    }
    ssize_t written = write(STDERR_FILENO, range->message, strlen(range->message));
    (void)written;
    jup_die_announce(JUP_EENV);
    _exit(JUP_EENV);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    installed = sigaction(SIGBUS, &action, &before) == 0;
}

static range_t *find_free(void)
{
    for (int i = 0; i < RANGES; i++)
        if (!ranges[i].bytes)
            return &ranges[i];
    return NULL;
}

void jup_fault_watch(const void *base, size_t bytes, const char *name)
{
    pthread_mutex_lock(&changes);
    if (!installed)
        install();
    range_t *range = find_free();
    if (range) {
        snprintf(range->message, MESSAGE,
                 "jupiter: '%.450s' changed while it was read: a part of it is gone; copy it anew "
                 "and start again\n",
                 name);
        range->base = (uintptr_t)base;
        range->bytes = bytes;
    }
    pthread_mutex_unlock(&changes);
}

void jup_fault_unwatch(const void *base)
{
    pthread_mutex_lock(&changes);
    for (int i = 0; i < RANGES; i++)
        if (ranges[i].bytes && ranges[i].base == (uintptr_t)base)
            ranges[i].bytes = 0;
    pthread_mutex_unlock(&changes);
}
