#include "app/serve_options.h"

#include "app/options.h"

#include <stdlib.h>
#include <string.h>

void jup_serve_options_init(jup_serve_options_t *o)
{
    memset(o, 0, sizeof *o);
    o->port = 8080;
    o->queue = 64;
    o->most_kib = 1024;
    o->order_s = 600;
    o->idle_s = 30;
    o->connections = 256;
}

struct poptOption *jup_serve_options_append(jup_serve_options_t *o, struct poptOption *at)
{
    const struct poptOption options[] = {
        {"host", 0, POPT_ARG_STRING, &o->host, 0,
         "listen on this address; 0.0.0.0: on all of this machine (127.0.0.1)", "ADDRESS"},
        {"port", 0, POPT_ARG_INT, &o->port, 0, "and on this port; 0: any that is free (8080)", "N"},
        {"api-key", 0, POPT_ARG_STRING, &o->key, 0,
         "clients must send it: Authorization: Bearer KEY (or JUPITER_API_KEY in the environment)",
         "KEY"},
        {"cors", 0, POPT_ARG_STRING, &o->cors, 0,
         "pages of this origin may ask, too; *: of any (none but the server's own)", "ORIGIN"},
        {"name", 0, POPT_ARG_STRING, &o->name, 0,
         "the model's name in the API (default: its file's, without .gguf)", "NAME"},
        {"queue", 0, POPT_ARG_INT, &o->queue, 0,
         "requests that may wait; further ones get 429 (64)", "N"},
        {"max-body", 0, POPT_ARG_INT, &o->most_kib, 0, "KiB of a request at most (1024)", "N"},
        {"timeout", 0, POPT_ARG_INT, &o->order_s, 0, "seconds until an answer must be there (600)",
         "N"},
        {"idle-timeout", 0, POPT_ARG_INT, &o->idle_s, 0,
         "seconds until a connection that says nothing is closed (30)", "N"},
        {"connections", 0, POPT_ARG_INT, &o->connections, 0, "connections at a time (256)", "N"},
    };
    memcpy(at, options, sizeof options);
    return at + sizeof options / sizeof options[0];
}

jup_status_t jup_serve_options_check(const jup_serve_options_t *o, jup_error_t *err)
{
    JUP_TRY(jup_check_int("--port", o->port, 0, 65535, err));
    JUP_TRY(jup_check_int("--queue", o->queue, 0, 100000, err));
    JUP_TRY(jup_check_int("--max-body", o->most_kib, 1, 64 << 10, err));
    JUP_TRY(jup_check_int("--timeout", o->order_s, 1, 1 << 20, err));
    JUP_TRY(jup_check_int("--idle-timeout", o->idle_s, 1, 3600, err));
    JUP_TRY(jup_check_int("--connections", o->connections, 1, 100000, err));
    if (o->key && !*o->key)
        return jup_fail(err, JUP_EINPUT, "--api-key is empty; give a key, or leave it out");
    return JUP_OK;
}

void jup_serve_options_reset(jup_serve_options_t *o)
{
    free(o->host);
    free(o->key);
    free(o->cors);
    free(o->name);
}
