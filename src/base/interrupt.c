#include "base/interrupt.h"

#include "base/terminal.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_int caught; /* SIGINT, SIGTERM or 0 */
static _Atomic(const char *) what_to_say;
static int event = -1;

static int meaning(int signal_number)
{
    return signal_number == SIGUSR1 ? SIGINT : signal_number == SIGUSR2 ? SIGTERM : signal_number;
}

/* In a signal's handler: nothing but what is allowed there. */
static void write_all(int fd, const void *data, size_t bytes)
{
    ssize_t written = write(fd, data, bytes);
    (void)written;
}

static void tell(void)
{
    const uint64_t one = 1;
    const char *text = atomic_load(&what_to_say);
    if (text)
        write_all(STDERR_FILENO, text, strlen(text));
    if (event >= 0)
        write_all(event, &one, sizeof one);
}

static void remember(int signal_number)
{
    int number = meaning(signal_number), before = atomic_load(&caught);
    if (before == SIGTERM || before == number)
        return;
    atomic_store(&caught, number);
    if (before == 0)
        tell();
    if (number == SIGTERM)
        jup_terminal_restore(); /* the launcher gives little time */
    else
        signal(SIGINT, SIG_DFL);
}

static void catch_one(int signal_number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;
    sigaction(signal_number, &action, NULL);
}

void jup_interrupt_catch(void)
{
    if (event < 0)
        event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (jup_interrupted())
        return;
    catch_one(SIGINT);
    catch_one(SIGTERM);
    catch_one(SIGUSR1);
    catch_one(SIGUSR2);
}

bool jup_interrupted(void)
{
    return jup_interrupt_signal() != 0;
}

void jup_interrupt_forget(void)
{
    int number = SIGINT;
    uint64_t calls;
    if (!atomic_compare_exchange_strong(&caught, &number, 0))
        return;
    ssize_t drained = event >= 0 ? read(event, &calls, sizeof calls) : 0;
    (void)drained;
    catch_one(SIGINT);
}

bool jup_interrupt_is_final(void)
{
    return jup_interrupt_signal() == SIGTERM;
}

int jup_interrupt_signal(void)
{
    return atomic_load(&caught);
}

void jup_interrupt_request(int signal_number)
{
    remember(signal_number);
}

void jup_interrupt_say(const char *text)
{
    atomic_store(&what_to_say, text);
}

int jup_interrupt_fd(void)
{
    return event;
}
