#include "base/interrupt.h"

#include "base/terminal.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t interrupted, terminated;

static void remember(int signal_number)
{
    if (signal_number != SIGINT) {
        terminated = 1;
        jup_terminal_restore(); /* the launcher gives little time */
    } else {
        interrupted = 1;
    }
}

static void catch_one(int signal_number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = remember;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigaction(signal_number, &action, NULL);
}

void jup_interrupt_catch(void)
{
    catch_one(SIGINT);
    catch_one(SIGTERM);
    catch_one(SIGUSR1);
}

bool jup_interrupted(void)
{
    return interrupted != 0 || terminated != 0;
}

void jup_interrupt_forget(void)
{
    if (interrupted)
        catch_one(SIGINT);
    interrupted = 0;
}

bool jup_interrupt_is_final(void)
{
    return terminated != 0;
}
