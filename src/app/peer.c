#include "app/peer.h"

#include "base/mem.h"

#include <errno.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Starts the program; its standard output can be read from *out. */
static jup_status_t start(const char *program, char *const *argv, pid_t *child, FILE **out,
                          jup_error_t *err)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    if (pipe(ends) != 0)
        return jup_fail(err, JUP_EENV, "no pipe to %s: %s", program, strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    int failed = posix_spawnp(child, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        return jup_fail(err, JUP_EINPUT, "--peer: cannot run '%s': %s", program, strerror(failed));
    }
    *out = fdopen(ends[0], "r");
    return JUP_OK;
}

static jup_status_t read_rate(const char *program, FILE *out, double *rate, jup_error_t *err)
{
    json_error_t where;
    json_t *all = json_loadf(out, 0, &where);
    const json_t *value = json_object_get(json_array_get(all, 0), "avg_ts");
    *rate = json_number_value(value);
    bool good = json_is_number(value) && *rate > 0;
    json_decref(all);
    if (good)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT,
                    "--peer: '%s' does not tell tokens a second (avg_ts) in JSON as llama-bench "
                    "does",
                    program);
}

jup_status_t jup_peer_time(const char *program, const char *model, int threads, bool decodes,
                           int32_t tokens, double *rate, jup_error_t *err)
{
    enum { OPTION = 16 };
    char prompt[OPTION], answer[OPTION], thread[OPTION];
    const char *const words[] = {program, "-m",   model, "-t", thread, "-p",   prompt,
                                 "-n",    answer, "-r",  "1",  "-o",   "json", NULL};
    char *argv[sizeof words / sizeof words[0]];
    pid_t child;
    FILE *out = NULL;
    int status;
    snprintf(thread, sizeof thread, "%d", threads);
    snprintf(prompt, sizeof prompt, "%d", decodes ? 0 : tokens);
    snprintf(answer, sizeof answer, "%d", decodes ? tokens : 0);
    memcpy(argv, words, sizeof words); /* which it leaves alone */
    JUP_TRY(start(program, argv, &child, &out, err));
    jup_status_t read = read_rate(program, out, rate, err);
    fclose(out);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (read == JUP_OK && status != 0)
        return jup_fail(err, JUP_EINPUT, "--peer: '%s' failed (%d)", program,
                        WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return read;
}
