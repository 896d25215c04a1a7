#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

bool jup_thread_start(pthread_t *thread, void *(*live)(void *self), void *self)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, live, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

int jup_thread_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
