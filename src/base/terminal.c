#include "base/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before; /* the keys were taken */
static volatile sig_atomic_t keys_fd = -1;

static bool has_launcher;

void jup_terminal_begin(void)
{
    has_launcher = getenv("OMPI_COMM_WORLD_RANK") || getenv("PMIX_RANK") || getenv("PMI_RANK");
}

/* A descriptor of the terminal at the stream; -1: there is none. The caller closes it. */
static int open_at(int stream)
{
    char path[64];
    if (!has_launcher)
        return isatty(stream) ? dup(stream) : -1;
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getppid(), stream);
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && !isatty(fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool jup_terminal_is_at(int stream)
{
    int fd = open_at(stream);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int jup_terminal_columns(int stream)
{
    struct winsize size = {0};
    int fd = open_at(stream);
    if (fd < 0)
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0)
        size.ws_col = 0;
    close(fd);
    return size.ws_col;
}

/* A rank is in the background of its terminal, where changing it would stop the process. */
static int set(int fd, const struct termios *to)
{
    sigset_t one, all;
    sigemptyset(&one);
    sigaddset(&one, SIGTTOU);
    sigprocmask(SIG_BLOCK, &one, &all);
    int failed = tcsetattr(fd, TCSANOW, to);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return failed;
}

void jup_terminal_take_keys(void)
{
    if (!has_launcher || keys_fd >= 0)
        return;
    int fd = open_at(STDIN_FILENO);
    if (fd < 0)
        return;
    if (tcgetattr(fd, &before) == 0 && (before.c_lflag & ICANON)) {
        struct termios own = before;
        own.c_cc[VINTR] = _POSIX_VDISABLE;
        own.c_cc[VEOL] = JUP_TERMINAL_CTRL_C; /* ends a line, which the launcher then hands on */
        if (set(fd, &own) == 0) {
            keys_fd = fd;
            atexit(jup_terminal_restore);
            return;
        }
    }
    close(fd);
}

bool jup_terminal_has_keys(void)
{
    return keys_fd >= 0;
}

void jup_terminal_restore(void)
{
    if (keys_fd >= 0)
        set(keys_fd, &before);
    keys_fd = -1;
}
