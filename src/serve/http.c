#include "serve/http.h"

#include "base/clock.h"
#include "base/mem.h"
#include "serve/http_inner.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- a request ------------------------------------------------------------------------------- */

static bool is_post(const char *url, jup_wish_kind_t *kind)
{
    *kind = strcmp(url, "/v1/chat/completions") == 0 ? JUP_WISH_CHAT : JUP_WISH_TEXT;
    return *kind == JUP_WISH_CHAT || strcmp(url, "/v1/completions") == 0;
}

static const char *header_of(const jup_call_t *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

/* What is too long is read all the same, though not kept, up to this: a client that is refused
 * while it sends sees a broken connection and no reason. */
static size_t most_read(const jup_call_t *call)
{
    return 16 * call->http->options.most_bytes;
}

/* A client that waits for a word before it sends (Expect) is refused at once. */
static bool announces_too_much(const jup_call_t *call)
{
    const char *length = header_of(call, "Content-Length");
    size_t most = header_of(call, "Expect") ? call->http->options.most_bytes : most_read(call);
    return length && (strlen(length) > 12 || strtoull(length, NULL, 10) > most);
}

static bool too_long(const jup_call_t *call, jup_problem_t *problem)
{
    return jup_problem(problem, 413, "request_too_large", NULL,
                       "the body has more than %zu bytes (--max-body)",
                       call->http->options.most_bytes);
}

/* Before the body is read. */
static bool check_begin(const jup_call_t *call, const char *url, jup_problem_t *problem)
{
    jup_wish_kind_t kind;
    bool post = strcmp(call->method, "POST") == 0;
    bool get = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
    if (!jup_gate(call, url, problem))
        return false;
    if (strcmp(call->method, "OPTIONS") == 0)
        return true;
    if ((!post && !get) || post != is_post(url, &kind))
        return jup_problem(problem, post || get ? (is_post(url, &kind) ? 405 : 404) : 405,
                           "not_found", NULL, "%.16s %.200s: %s", call->method, url,
                           is_post(url, &kind) ? "use POST" : "there is nothing to do that with");
    return !announces_too_much(call) || too_long(call, problem);
}

/* The library answers only once all of a body is there: what is too long is not kept, and what
 * goes on for too long is cut off. */
static bool keep_body(jup_call_t *call, const char *data, size_t n)
{
    const double slowest_s = 120;
    if (jup_clock_now_s() > call->begin_s + slowest_s)
        return false;
    if (call->bytes + n > call->http->options.most_bytes) {
        too_long(call, &call->problem);
        call->bytes += n;
        return call->bytes <= most_read(call);
    }
    if (call->bytes + n > call->cap) {
        call->cap = 2 * (call->bytes + n);
        call->body = jup_resize(call->body, call->cap, 1);
    }
    memcpy(call->body + call->bytes, data, n);
    call->bytes += n;
    return true;
}

static int socket_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/* The body becomes an order on the desk. */
static bool lay_down(jup_call_t *call, jup_wish_kind_t kind, jup_problem_t *problem)
{
    const jup_http_t *http = call->http;
    jup_wish_t wish;
    jup_tokens_t prompt = {0};
    if (!jup_wish_read(&wish, kind, call->body ? call->body : "", call->bytes, http->rules,
                       problem))
        return false;
    if (!jup_compose(http->forms, &wish, &prompt, problem)) {
        jup_wish_reset(&wish);
        jup_tokens_reset(&prompt);
        return false;
    }
    jup_order_t *order = jup_order_new(http->forms, &wish, &prompt);
    order->fd = socket_of(call->connection);
    if (!jup_desk_push(http->desk, order, problem)) {
        jup_order_destroy(order);
        return false;
    }
    call->order = order;
    return true;
}

/* A whole answer's connection is parked until it is there. */
static enum MHD_Result await(jup_call_t *call)
{
    jup_desk_t *desk = call->http->desk;
    pthread_mutex_lock(&desk->lock);
    bool complete = call->order->complete;
    if (!complete) {
        call->order->parked = call->connection;
        MHD_suspend_connection(call->connection);
    }
    pthread_mutex_unlock(&desk->lock);
    return complete ? jup_respond_whole(call) : MHD_YES;
}

static enum MHD_Result answer(jup_call_t *call, const char *url)
{
    jup_problem_t problem = {0};
    jup_wish_kind_t kind;
    enum MHD_Result result = MHD_NO;
    if (strcmp(call->method, "OPTIONS") == 0)
        return jup_respond(call, 204, "text/plain", "", 0);
    if (!is_post(url, &kind))
        return jup_route_get(call, url, &result, &problem) ? result
                                                           : jup_respond_problem(call, &problem);
    if (!lay_down(call, kind, &problem))
        return jup_respond_problem(call, &problem);
    return call->order->wish.stream ? jup_respond_stream(call) : await(call);
}

/* ---- libmicrohttpd's calls ------------------------------------------------------------------- */

static enum MHD_Result begin_call(const jup_http_t *http, struct MHD_Connection *connection,
                                  const char *url, const char *method, void **self)
{
    jup_problem_t problem = {0};
    jup_call_t *call = jup_new(1, sizeof *call);
    *call = (jup_call_t){
        .http = http, .connection = connection, .method = method, .begin_s = jup_clock_now_s()};
    *self = call;
    return check_begin(call, url, &problem) ? MHD_YES : jup_respond_problem(call, &problem);
}

static enum MHD_Result take_call(void *self, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *bytes, void **call_self)
{
    jup_call_t *call = *call_self;
    (void)version;
    if (!call)
        return begin_call(self, connection, url, method, call_self);
    if (*bytes > 0) {
        size_t n = *bytes;
        *bytes = 0;
        return call->answered || keep_body(call, data, n) ? MHD_YES : MHD_NO;
    }
    if (call->problem.status && !call->answered)
        return jup_respond_problem(call, &call->problem);
    if (call->answered)
        return MHD_YES;
    return call->order ? await(call) : answer(call, url);
}

static void end_call(void *self, struct MHD_Connection *connection, void **call_self,
                     enum MHD_RequestTerminationCode code)
{
    const jup_http_t *http = self;
    jup_call_t *call = *call_self;
    (void)connection;
    if (!call)
        return;
    if (call->order)
        jup_desk_let_go(http->desk, call->order, code != MHD_REQUEST_TERMINATED_COMPLETED_OK);
    jup_free(call->body);
    jup_free(call);
    *call_self = NULL;
}

void jup_http_wake(void *connection)
{
    MHD_resume_connection(connection);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static jup_status_t find_address(const jup_http_options_t *o, struct addrinfo **found,
                                 jup_error_t *err)
{
    char port[16];
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    snprintf(port, sizeof port, "%d", o->port);
    int code = getaddrinfo(o->host, port, &hints, found);
    if (code == 0)
        return JUP_OK;
    return jup_fail(err, JUP_EINPUT, "--host is '%s': %s", o->host, gai_strerror(code));
}

static struct MHD_Daemon *start(jup_http_t *http, const struct addrinfo *address)
{
    unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (address->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(flags, (uint16_t)http->options.port, NULL, NULL, take_call, http,
                            MHD_OPTION_SOCK_ADDR, address->ai_addr, MHD_OPTION_NOTIFY_COMPLETED,
                            end_call, http, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)http->options.idle_s, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)http->options.connections, MHD_OPTION_END);
}

jup_status_t jup_http_open(jup_http_t *http, jup_error_t *err)
{
    struct addrinfo *address;
    JUP_TRY(find_address(&http->options, &address, err));
    errno = 0;
    http->daemon = start(http, address);
    int reason = errno;
    freeaddrinfo(address);
    if (http->daemon)
        return JUP_OK;
    return jup_fail(err, JUP_EENV, "cannot listen on %s, port %d: %s; use another --port",
                    http->options.host, http->options.port,
                    reason ? strerror(reason) : "the HTTP library refuses");
}

int jup_http_port(const jup_http_t *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void jup_http_close(jup_http_t *http)
{
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    http->daemon = NULL;
}
