/* Responses, whole and streamed. */
#include "base/mem.h"
#include "serve/http_inner.h"

#include <stdio.h>
#include <string.h>

static void add_headers(const jup_call_t *call, struct MHD_Response *response, const char *type)
{
    const char *cors = jup_gate_cors(call);
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (!cors)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", cors);
    MHD_add_response_header(response, "Access-Control-Allow-Headers",
                            "authorization, content-type");
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    MHD_add_response_header(response, "Vary", "Origin");
}

static enum MHD_Result hand_over(jup_call_t *call, int status, const char *type,
                                 struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    add_headers(call, response, type);
    call->answered = true;
    enum MHD_Result result = MHD_queue_response(call->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result jup_respond(jup_call_t *call, int status, const char *type, const char *body,
                            size_t bytes)
{
    return hand_over(
        call, status, type,
        MHD_create_response_from_buffer(bytes, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY));
}

enum MHD_Result jup_respond_problem(jup_call_t *call, const jup_problem_t *problem)
{
    char seconds[16];
    char *text = jup_speak_problem(problem);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    jup_free(text);
    snprintf(seconds, sizeof seconds, "%d", jup_desk_retry_s(call->http->desk));
    if (response && (problem->status == 429 || problem->status == 503))
        MHD_add_response_header(response, "Retry-After", seconds);
    if (response && problem->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    return hand_over(call, problem->status, "application/json", response);
}

/* ---- streams --------------------------------------------------------------------------------- */

/* A reader's own hold on the order and its connection. */
typedef struct reader {
    jup_desk_t *desk;
    jup_order_t *order;
    struct MHD_Connection *connection;
} reader_t;

/* Bytes that are there; else the connection is parked until more are. */
static ssize_t read_more(void *self, uint64_t at, char *to, size_t most)
{
    reader_t *r = self;
    (void)at;
    pthread_mutex_lock(&r->desk->lock);
    size_t n = jup_outbox_take(&r->order->out, to, most);
    bool over = n == 0 && r->order->complete;
    if (n == 0 && !over) {
        r->order->parked = r->connection;
        MHD_suspend_connection(r->connection);
    }
    pthread_mutex_unlock(&r->desk->lock);
    return over ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static void free_reader(void *self)
{
    jup_free(self);
}

enum MHD_Result jup_respond_stream(jup_call_t *call)
{
    enum { PIECE = 4096 };
    reader_t *reader = jup_new(1, sizeof *reader);
    *reader =
        (reader_t){.desk = call->http->desk, .order = call->order, .connection = call->connection};
    return hand_over(
        call, 200, "text/event-stream",
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, read_more, reader, free_reader));
}

enum MHD_Result jup_respond_whole(jup_call_t *call)
{
    const jup_order_t *order = call->order;
    int status = order->problem.status ? order->problem.status : 200;
    return jup_respond(call, status, "application/json", order->out.bytes ? order->out.bytes : "",
                       order->out.n);
}
