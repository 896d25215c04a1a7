#include "base/fault.h"

#include "base/status.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More are not watched: a model has a handful. */
enum { RANGES = 64, MESSAGE = 600 };

typedef struct range {
    uintptr_t base;
    size_t bytes;          /* 0: free */
    char message[MESSAGE]; /* made beforehand: a signal handler may do next to nothing */
} range_t;

static range_t ranges[RANGES];
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

void jup_fault_watch(const void *base, size_t bytes, const char *name)
{
    if (!installed)
        install();
    for (int i = 0; i < RANGES; i++) {
        if (ranges[i].bytes)
            continue;
        snprintf(ranges[i].message, MESSAGE,
                 "jupiter: '%.450s' changed while it was read: a part of it is gone; copy it anew "
                 "and start again\n",
                 name);
        ranges[i].base = (uintptr_t)base;
        ranges[i].bytes = bytes;
        return;
    }
}

void jup_fault_unwatch(const void *base)
{
    for (int i = 0; i < RANGES; i++)
        if (ranges[i].bytes && ranges[i].base == (uintptr_t)base)
            ranges[i].bytes = 0;
}
