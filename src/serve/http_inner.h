/** What the files of the HTTP side share. */
#ifndef JUP_SERVE_HTTP_INNER_H
#define JUP_SERVE_HTTP_INNER_H

#include "serve/http.h"

#include <microhttpd.h>

/** One request. */
typedef struct jup_call {
    const jup_http_t *http;
    struct MHD_Connection *connection;
    const char *method;
    char *body;
    size_t bytes, cap;
    double begin_s;
    jup_order_t *order; /* NULL: none yet */
    bool answered;
    jup_problem_t problem; /* of the body so far */
} jup_call_t;

/** Queues a response; body (bytes) is copied. */
enum MHD_Result jup_respond(jup_call_t *call, int status, const char *type, const char *body,
                            size_t bytes);
enum MHD_Result jup_respond_problem(jup_call_t *call, const jup_problem_t *problem);

/** What comes of the order, as it comes. */
enum MHD_Result jup_respond_stream(jup_call_t *call);

/** The order's whole answer, once it is complete. */
enum MHD_Result jup_respond_whole(jup_call_t *call);

/** Answers what needs no order: pages and figures. False: there is no such place; *problem. */
bool jup_route_get(jup_call_t *call, const char *url, enum MHD_Result *result,
                   jup_problem_t *problem);

/** Whether the client may ask at all: its key, its page's origin. */
bool jup_gate(const jup_call_t *call, const char *url, jup_problem_t *problem);

/** The origin to allow in a response; NULL: none. */
const char *jup_gate_cors(const jup_call_t *call);

#endif
