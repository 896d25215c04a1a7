#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "base/clock.h"

#include <time.h>

#ifdef JUP_SIMULATED

#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <smpi/smpi.h>

/* Simulated time, which SimGrid keeps. A device's seconds become operations of its fixed speed. */

double jup_clock_now_s(void)
{
    return simgrid_get_clock();
}

double jup_clock_cpu_s(void)
{
    return 0; /* ranks share a process, and its time is not theirs */
}

const char *jup_clock_kind(void)
{
    return "simulated";
}

bool jup_clock_is_simulated(void)
{
    return true;
}

void jup_clock_charge(double seconds)
{
    if (seconds > 0)
        smpi_execute_flops(seconds * sg_host_get_speed(sg_host_self()));
}

void jup_clock_pause(double seconds)
{
    sg_actor_sleep_for(seconds);
}

void jup_clock_sharpen(void)
{
}

#else

#include <sys/prctl.h>

static double read_clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double jup_clock_now_s(void)
{
    return read_clock_s(CLOCK_MONOTONIC);
}

double jup_clock_cpu_s(void)
{
    return read_clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

const char *jup_clock_kind(void)
{
    return "wall";
}

bool jup_clock_is_simulated(void)
{
    return false;
}

void jup_clock_pause(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&pause, NULL);
}

void jup_clock_sharpen(void)
{
    prctl(PR_SET_TIMERSLACK, 1000UL);
}

void jup_clock_charge(double seconds)
{
    jup_clock_pause(seconds);
}

#endif

void jup_clock_date(char text[32])
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

int64_t jup_clock_epoch_s(void)
{
    return (int64_t)time(NULL);
}

void jup_clock_today(const char *format, char *text, size_t size)
{
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    if (strftime(text, size, format, &parts) == 0)
        text[0] = '\0';
}
