/* Who may ask: keys, and pages of other origins. */
#include "serve/http_inner.h"

#include <stdio.h>
#include <string.h>

static const char *header(const jup_call_t *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

/* Takes as long for a wrong key as for the right one. */
static bool is_same(const char *given, const char *key)
{
    size_t n = strlen(key), m = strlen(given);
    unsigned differ = n != m;
    for (size_t i = 0; i < m; i++)
        differ |= (unsigned)(given[i] ^ key[n ? i % n : 0]);
    return differ == 0;
}

static bool has_key(const jup_call_t *call)
{
    static const char scheme[] = "Bearer ";
    const char *key = call->http->options.key, *given = header(call, "Authorization");
    if (!key)
        return true;
    return given && strncmp(given, scheme, sizeof scheme - 1) == 0 &&
           is_same(given + sizeof scheme - 1, key);
}

const char *jup_gate_cors(const jup_call_t *call)
{
    const char *allowed = call->http->options.cors, *origin = header(call, "Origin");
    if (!allowed || !origin)
        return NULL;
    if (strcmp(allowed, "*") == 0)
        return "*";
    return strcmp(allowed, origin) == 0 ? allowed : NULL;
}

/* A page of this server, or no page at all. */
static bool is_own(const jup_call_t *call)
{
    const char *origin = header(call, "Origin"), *host = header(call, "Host");
    const char *behind = origin ? strstr(origin, "://") : NULL;
    return !origin || (behind && host && strcmp(behind + 3, host) == 0);
}

/* The page and the state of health need no key; the page asks for it. */
static bool is_open(const char *url)
{
    return strcmp(url, "/") == 0 || strcmp(url, "/health") == 0;
}

bool jup_gate(const jup_call_t *call, const char *url, jup_problem_t *problem)
{
    if (!is_own(call) && !jup_gate_cors(call))
        return jup_problem(problem, 403, "wrong_origin", NULL,
                           "pages of %.80s may not ask here; start the server with --cors %.80s",
                           header(call, "Origin"), header(call, "Origin"));
    if (is_open(url) || strcmp(call->method, "OPTIONS") == 0 || has_key(call))
        return true;
    return jup_problem(problem, 401, "invalid_api_key", NULL,
                       "this server wants its key: Authorization: Bearer KEY");
}
