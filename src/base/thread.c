#include "base/thread.h"

#include <signal.h>

bool jup_thread_start(pthread_t *thread, void *(*live)(void *self), void *self)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, live, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}
