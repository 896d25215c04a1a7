/* jupiter: the commands, and which of them argv asks for. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "app/commands.h"
#include "app/options.h"
#include "base/output.h"
#include "base/status.h"
#include "tensor/ops.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct command {
    const char *name, *summary;
    int (*run)(int argc, const char **argv);
} command_t;

static const command_t commands[] = {
    {"run", "answer a prompt with a model spread over the ranks", jup_cmd_run},
    {"plan", "decide who holds which layers and how prompts are cut, without running",
     jup_cmd_plan},
    {"profile", "measure the ranks' devices and links, for the planner", jup_cmd_profile},
    {"chat", "hold a conversation, likewise", jup_cmd_chat},
    {"info", "describe a model file", jup_cmd_info},
    {"split", "cut a model into one file per rank", jup_cmd_split},
    {"strategies", "list the ways in which ranks can share the work", jup_cmd_strategies},
    {"tokenize", "turn text into token ids", jup_cmd_tokenize},
    {"trace", "look into the trace of a run", jup_cmd_trace},
    {"platform", "write a cluster as a SimGrid platform or for scripts", jup_cmd_platform},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fprintf(out, "usage: [mpirun -n RANKS] jupiter COMMAND [OPTIONS]\n\n"
                 "Runs a large language model over a handful of devices, one MPI rank each.\n\n"
                 "commands:\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\njupiter COMMAND --help describes a command; jupiter --version the program.\n");
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
    else
        print_help(stdout);
    return JUP_OK;
}

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        if (!jup_launched_beside_others())
            print_help(stderr);
        return JUP_EINPUT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--version") == 0)
        return print_about(argv[1]);
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, (const char **)argv + 1);
    return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    jup_error_t err;
    jup_streams_hold();
    jup_blas_choose_core(argv);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that cannot grow is like a full disk */
    int code = run_command(argc, argv);
    if (jup_streams_check(&err) != JUP_OK && code == JUP_OK)
        code = jup_report(&err);
    return code;
}
