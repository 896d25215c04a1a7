#include "ask/prompts_render.h"

#include "ask/prompts_read.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 20, MOST_SECONDS = 20 };
extern char **environ;

/* Reads {template, begin, end, system} and writes {first, further} or {error}. */
static const char script[] =
    "import sys\n"
    "sys.path[:] = [p for p in sys.path if p]\n" /* no module of the current folder */
    "import json, resource, signal, datetime\n"
    "given = json.load(sys.stdin)\n"
    "try:\n"
    "    import jinja2\n"
    "    from jinja2.sandbox import ImmutableSandboxedEnvironment as Sandbox\n"
    "except ImportError:\n"
    "    print(json.dumps({'error': 'python3 is here, its module jinja2 is not'}))\n"
    "    sys.exit(0)\n"
    "signal.alarm(10)\n"
    "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    "Q, A, R, S = 'QUESTIONmark1', 'ANSWERmark2', 'QUESTIONmark3', 'SYSTEMmark4'\n"
    "def refuse(text):\n"
    "    raise ValueError(text)\n"
    "def say(role, text):\n"
    "    return {'role': role, 'content': text}\n"
    "def render(messages):\n"
    "    return template.render(messages=messages, add_generation_prompt=True,\n"
    "        bos_token=given['begin'], eos_token=given['end'], tools=None, documents=None)\n"
    "try:\n"
    "    sandbox = Sandbox(trim_blocks=True, lstrip_blocks=True,\n"
    "                      extensions=['jinja2.ext.loopcontrols'])\n"
    "    sandbox.globals['raise_exception'] = refuse\n"
    "    sandbox.globals['strftime_now'] = lambda f: datetime.datetime.now().strftime(f)\n"
    "    sandbox.filters['tojson'] = lambda x, indent=None: json.dumps(\n"
    "        x, ensure_ascii=False, indent=indent)\n"
    "    template = sandbox.from_string(given['template'])\n"
    "    system = [say('system', S)] if given['system'] is not None else []\n"
    "    first = render(system + [say('user', Q)])\n"
    "    turns = render(system + [say('user', Q), say('assistant', A), say('user', R)])\n"
    "    if first.count(Q) != 1 or turns.count(R) != 1 or turns.count(A) != 1:\n"
    "        raise ValueError('it does not show a question once')\n"
    "    if system and S not in first:\n"
    "        raise ValueError('it has no place for a system text; leave out --system')\n"
    "    further = turns.split(A)[1]\n"
    "    print(json.dumps({\n"
    "        'first': first.replace(Q, '{question}').replace(S, '{system}'),\n"
    "        'further': further.replace(R, '{question}').replace(S, '{system}')}))\n"
    "except Exception as problem:\n"
    "    print(json.dumps({'error': str(problem)[:300]}))\n";

/* ---- the process ----------------------------------------------------------------------------- */

/* The request as a file for the child's standard input; -1: it cannot be written. */
static int request_file(const json_t *request)
{
    FILE *file = tmpfile();
    if (!file)
        return -1;
    int copy = -1;
    if (json_dumpf(request, file, 0) == 0 && fflush(file) == 0) {
        copy = dup(fileno(file));
        if (copy >= 0)
            lseek(copy, 0, SEEK_SET);
    }
    fclose(file);
    return copy;
}

static int start(int in, int out, pid_t *pid)
{
    char *argv[] = {"python3", "-c", (char *)(uintptr_t)script, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 2 /* O_RDWR */, 0);
    posix_spawnattr_t group; /* of its own, so that all of it can be ended */
    posix_spawnattr_init(&group);
    posix_spawnattr_setflags(&group, POSIX_SPAWN_SETPGROUP);
    int code = posix_spawnp(pid, "python3", &actions, &group, argv, environ);
    posix_spawnattr_destroy(&group);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* Waits for bytes until the deadline; how many came: 0 at the end, or when time is up. */
static ssize_t read_some(int fd, char *to, size_t room, double until_s)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    for (;;) {
        double left_s = until_s - jup_clock_now_s();
        if (left_s <= 0)
            return 0;
        if (poll(&wait, 1, (int)(left_s * 1e3) + 1) <= 0)
            continue;
        ssize_t got = read(fd, to, room);
        if (got >= 0 || errno != EINTR)
            return got;
    }
}

/* All that comes in time, up to a limit; a new text. */
static char *read_all(int fd, size_t *n)
{
    double until_s = jup_clock_now_s() + MOST_SECONDS;
    char *text = jup_new(MOST_BYTES, 1);
    ssize_t got = 1;
    for (*n = 0; *n < MOST_BYTES && got > 0; *n += got > 0 ? (size_t)got : 0)
        got = read_some(fd, text + *n, MOST_BYTES - *n, until_s);
    return text;
}

/* The answer to a request; NULL: there is no python3, or it said nothing. */
static json_t *ask_python(const json_t *request)
{
    int in = request_file(request), ends[2];
    pid_t pid;
    json_t *answer = NULL;
    if (in < 0 || pipe(ends) != 0) {
        if (in >= 0)
            close(in);
        return NULL;
    }
    int code = start(in, ends[1], &pid);
    close(in);
    close(ends[1]);
    if (code == 0) {
        size_t n;
        char *text = read_all(ends[0], &n);
        kill(-pid, SIGKILL); /* it has said all it may */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        answer = json_loadb(text, n, 0, NULL);
        jup_free(text);
    }
    close(ends[0]);
    return answer;
}

/* ---- prompts --------------------------------------------------------------------------------- */

/* The text without the begin of text that the tokenizer writes. */
static const char *behind(const char *text, const char *begin, bool *begins)
{
    size_t n = strlen(begin);
    *begins = n > 0 && strncmp(text, begin, n) == 0;
    return *begins ? text + n : text;
}

jup_status_t jup_prompts_render(jup_prompts_t *p, const char *path, const char *template,
                                const char *begin, const char *end, const char *system,
                                jup_error_t *err)
{
    json_t *request = json_pack("{s:s, s:s, s:s, s:s?}", "template", template, "begin", begin,
                                "end", end, "system", system);
    json_t *answer = request ? ask_python(request) : NULL;
    const char *first = json_string_value(json_object_get(answer, "first"));
    const char *further = json_string_value(json_object_get(answer, "further"));
    const char *problem = json_string_value(json_object_get(answer, "error"));
    jup_status_t status = JUP_OK;
    memset(p, 0, sizeof *p);
    if (first && further) {
        first = behind(first, begin, &p->begins);
        bool space = *first && first[strlen(first) - 1] == ':'; /* "ASSISTANT:" */
        jup_prompts_from_turns(p, "template", first, further, "", space ? " 1." : "1.");
        p->system = system ? jup_strdup(system) : NULL;
    } else {
        status = jup_fail(err, JUP_EINPUT, "%s: its chat template cannot be rendered: %s", path,
                          problem ? problem
                                  : "that needs python3 with jinja2 on this machine, which is not "
                                    "there or gave up");
    }
    json_decref(answer);
    json_decref(request);
    return status;
}
