/** The commands. Each takes its own arguments (argv[0] is its name) and returns the exit code. */
#ifndef JUP_APP_COMMANDS_H
#define JUP_APP_COMMANDS_H

#include <stdbool.h>

int jup_cmd_bench(int argc, const char **argv);
int jup_cmd_chat(int argc, const char **argv);
int jup_cmd_info(int argc, const char **argv);
int jup_cmd_journal(int argc, const char **argv);
int jup_cmd_perplexity(int argc, const char **argv);
int jup_cmd_platform(int argc, const char **argv);
int jup_cmd_plan(int argc, const char **argv);
int jup_cmd_profile(int argc, const char **argv);
int jup_cmd_run(int argc, const char **argv);
int jup_cmd_serve(int argc, const char **argv);
int jup_cmd_split(int argc, const char **argv);
int jup_cmd_strategies(int argc, const char **argv);
int jup_cmd_tokenize(int argc, const char **argv);
int jup_cmd_trace(int argc, const char **argv);

/** What is known of a command besides its options, for help and manual. */
typedef struct jup_command {
    const char *name, *summary;
    int (*run)(int argc, const char **argv);
    bool meets;           /* the ranks meet by themselves, to work together */
    const char *about;    /* paragraphs with empty lines between */
    const char *examples; /* a line each */
} jup_command_t;

/** All of them, in the order of the help; *n: how many. */
const jup_command_t *jup_commands(int *n);

/** NULL: there is no such command. */
const jup_command_t *jup_command_find(const char *name);

#endif
