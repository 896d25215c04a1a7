/* What can be got without an order. */
#include "base/mem.h"
#include "cluster/shipped.h"
#include "io/text_file.h"
#include "serve/http_inner.h"

#include <stdlib.h>
#include <string.h>

static enum MHD_Result answer_json(jup_call_t *call, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    enum MHD_Result result = jup_respond(call, 200, "application/json", text, strlen(text));
    free(text);
    json_decref(json);
    return result;
}

static json_t *json_model(const jup_http_t *http)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:i}", "id", http->who.model, "object", "model",
                     "created", 0, "owned_by", "jupiter", "context_length", http->forms->context);
}

static enum MHD_Result health(jup_call_t *call)
{
    jup_desk_t *desk = call->http->desk;
    pthread_mutex_lock(&desk->lock);
    json_t *json = json_pack("{s:s, s:i, s:i}", "status", desk->closing ? "ending" : "ok",
                             "running", desk->running, "waiting", desk->waiting);
    pthread_mutex_unlock(&desk->lock);
    return answer_json(call, json);
}

static enum MHD_Result models(jup_call_t *call)
{
    return answer_json(call,
                       json_pack("{s:s, s:[o]}", "object", "list", "data", json_model(call->http)));
}

static enum MHD_Result metrics(jup_call_t *call)
{
    char *text = jup_state_metrics(call->http->state, call->http->desk);
    enum MHD_Result result =
        jup_respond(call, 200, "text/plain; version=0.0.4", text, strlen(text));
    jup_free(text);
    return result;
}

static enum MHD_Result state(jup_call_t *call)
{
    char *text = jup_state_json(call->http->state, call->http->desk);
    enum MHD_Result result = jup_respond(call, 200, "application/json", text, strlen(text));
    jup_free(text);
    return result;
}

static enum MHD_Result page(jup_call_t *call)
{
    jup_shipped_place_t place;
    char *text;
    size_t bytes;
    jup_error_t err;
    if (jup_shipped_find("page/index.html", &place) && place.file)
        return jup_respond(call, 200, "text/html; charset=utf-8", place.file->text,
                           place.file->bytes);
    if (jup_text_read(place.path, JUP_TEXT_MOST_BYTES, "more than a page has", &text, &bytes,
                      &err) != JUP_OK)
        return jup_respond(call, 500, "text/plain", err.text, strlen(err.text));
    enum MHD_Result result = jup_respond(call, 200, "text/html; charset=utf-8", text, bytes);
    jup_free(text);
    return result;
}

bool jup_route_get(jup_call_t *call, const char *url, enum MHD_Result *result,
                   jup_problem_t *problem)
{
    static const char one[] = "/v1/models/";
    const struct {
        const char *url;
        enum MHD_Result (*answer)(jup_call_t *call);
    } places[] = {{"/", page},
                  {"/health", health},
                  {"/metrics", metrics},
                  {"/state", state},
                  {"/v1/models", models}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strcmp(url, places[i].url) == 0) {
            *result = places[i].answer(call);
            return true;
        }
    if (strncmp(url, one, sizeof one - 1) == 0) {
        if (strcmp(url + sizeof one - 1, call->http->who.model) != 0)
            return jup_problem(problem, 404, "model_not_found", "model",
                               "there is no model %.80s here; use %.80s", url + sizeof one - 1,
                               call->http->who.model);
        *result = answer_json(call, json_model(call->http));
        return true;
    }
    return jup_problem(problem, 404, "not_found", NULL, "there is nothing at %.200s", url);
}
