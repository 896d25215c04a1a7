/* jupiter: the commands, and which of them argv asks for. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "app/commands.h"
#include "app/manual.h"
#include "app/options.h"
#include "base/launcher.h"
#include "base/output.h"
#include "base/status.h"
#include "base/terminal.h"
#include "comm/comm.h"
#include "comm/muster.h"
#include "tensor/ops.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void print_help(FILE *out)
{
    fprintf(out, "usage: [mpirun -n RANKS] jupiter COMMAND [OPTIONS]\n\n"
                 "Runs a large language model over a handful of devices, one MPI rank each.\n\n"
                 "commands:\n");
    int n;
    const jup_command_t *commands = jup_commands(&n);
    for (int i = 0; i < n; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\njupiter COMMAND --help describes a command; jupiter --version the program.\n");
}

static void print_names(void)
{
    int n;
    const jup_command_t *commands = jup_commands(&n);
    for (int i = 0; i < n; i++)
        printf("%s\t%s\n", commands[i].name, commands[i].summary);
}

static int unknown_command(const char *name)
{
    if (!jup_launched_beside_others())
        fprintf(stderr, "jupiter: unknown command '%s'; jupiter --help lists the commands\n", name);
    return JUP_EINPUT;
}

static int print_about(const char *what)
{
    if (jup_launched_beside_others())
        return JUP_OK;
    if (strcmp(what, "--version") == 0)
        printf("jupiter %s\n", PACKAGE_VERSION);
    else if (strcmp(what, "--help=man") == 0)
        jup_manual_write_first(stdout);
    else if (strcmp(what, "--help=commands") == 0)
        print_names();
    else
        print_help(stdout);
    return JUP_OK;
}

static bool is_about(const char *word)
{
    static const char *const about[] = {"--help",          "-h",   "--help=man",
                                        "--help=commands", "help", "--version"};
    for (size_t i = 0; i < sizeof about / sizeof about[0]; i++)
        if (strcmp(word, about[i]) == 0)
            return true;
    return false;
}

/* Several ranks of which rank 0 alone has something to do: the others must not be up to something
   else, for which they would wait. */
static int meet(const char *word)
{
    jup_comm_t comm;
    jup_error_t err;
    jup_status_t status = jup_comm_open_mpi(&comm, word, jup_options_watch_s(0, NULL), &err);
    if (status != JUP_OK && comm.rank == 0)
        jup_report(&err);
    jup_comm_close(&comm);
    return (int)status;
}

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        if (!jup_launched_beside_others())
            print_help(stderr);
        return JUP_EINPUT;
    }
    const jup_command_t *command = jup_command_find(argv[1]);
    bool alone = jup_muster_ranks() == 1 || (command && command->meets);
    int code = alone ? JUP_OK : meet(argv[1]);
    if (code != JUP_OK)
        return code;
    if (is_about(argv[1]))
        return print_about(argv[1]);
    return command ? command->run(argc - 1, (const char **)argv + 1) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    jup_error_t err;
    jup_streams_hold();
    jup_terminal_begin();
    jup_blas_set_environment(argv);
    jup_streams_hear_of_reader();
    signal(SIGXFSZ, SIG_IGN); /* a file that cannot grow is like a full disk */
    int code = run_command(argc, argv);
    if (jup_streams_check(&err) != JUP_OK && code == JUP_OK)
        code = jup_report(&err);
    if (jup_muster_rank() == 0)
        jup_launcher_tell_done(code);
    return code;
}
