/**
 * The server's door, over libmicrohttpd: a thread that takes connections, reads requests within
 * limits, and lays orders down on the desk. A connection that waits for the engine is parked and
 * costs nothing.
 */
#ifndef JUP_SERVE_HTTP_H
#define JUP_SERVE_HTTP_H

#include "serve/desk.h"
#include "serve/speak.h"
#include "serve/state.h"

typedef struct jup_http_options {
    const char *host;  /* a name or address to listen on */
    int port;          /* 0: any that is free */
    const char *key;   /* clients must name it; NULL: anyone may ask */
    const char *cors;  /* the origin whose pages may ask, "*": any; NULL: none but our own */
    size_t most_bytes; /* of a request's body */
    int connections;   /* at a time */
    int idle_s;        /* until a connection that says nothing is closed */
} jup_http_options_t;

typedef struct jup_http {
    struct MHD_Daemon *daemon;
    jup_http_options_t options;
    jup_desk_t *desk;
    const jup_forms_t *forms;
    const jup_wish_rules_t *rules;
    jup_speaking_t who;
    jup_state_t *state;
} jup_http_t;

/** Begins to listen; everything else is filled in. JUP_EENV names the address and what is wrong. */
jup_status_t jup_http_open(jup_http_t *http, jup_error_t *err);

/** The port it listens on. */
int jup_http_port(const jup_http_t *http);

/** Closes all connections; none is parked. Does nothing when it was not opened. */
void jup_http_close(jup_http_t *http);

/** For the desk. */
void jup_http_wake(void *connection);

#endif
