/** The commands. Each takes its own arguments (argv[0] is its name) and returns the exit code. */
#ifndef JUP_APP_COMMANDS_H
#define JUP_APP_COMMANDS_H

int jup_cmd_chat(int argc, const char **argv);
int jup_cmd_info(int argc, const char **argv);
int jup_cmd_platform(int argc, const char **argv);
int jup_cmd_plan(int argc, const char **argv);
int jup_cmd_profile(int argc, const char **argv);
int jup_cmd_run(int argc, const char **argv);
int jup_cmd_split(int argc, const char **argv);
int jup_cmd_strategies(int argc, const char **argv);
int jup_cmd_tokenize(int argc, const char **argv);
int jup_cmd_trace(int argc, const char **argv);

#endif
