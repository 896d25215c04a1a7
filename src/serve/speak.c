#include "serve/speak.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_chat(const jup_order_t *order)
{
    return order->wish.kind == JUP_WISH_CHAT;
}

static json_t *json_bytes(const char *text, size_t n)
{
    json_t *json = json_stringn(text ? text : "", n);
    return json ? json : json_string("\xEF\xBF\xBD");
}

static json_t *json_frame(const jup_speaking_t *who, const jup_order_t *order, const char *object)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s}", "id", order->id, "object", object, "created",
                     (json_int_t)order->created, "model", who->model, "system_fingerprint",
                     who->fingerprint);
}

/* ---- log probabilities ----------------------------------------------------------------------- */

/* The older form, of completions: lists beside each other; offsets count from this text's begin. */
static json_t *json_lists(const json_t *told)
{
    json_t *tokens = json_array(), *values = json_array(), *tops = json_array();
    json_t *offsets = json_array(), *one, *top;
    size_t i, t, offset = 0;
    json_array_foreach((json_t *)(uintptr_t)told, i, one)
    {
        json_t *likely = json_object();
        json_array_foreach(json_object_get(one, "top_logprobs"), t, top)
            json_object_set(likely, json_string_value(json_object_get(top, "token")),
                            json_object_get(top, "logprob"));
        json_array_append(tokens, json_object_get(one, "token"));
        json_array_append(values, json_object_get(one, "logprob"));
        json_array_append_new(tops, likely);
        json_array_append_new(offsets, json_integer((json_int_t)offset));
        offset += json_array_size(json_object_get(one, "bytes"));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", values,
                     "top_logprobs", tops, "text_offset", offsets);
}

static json_t *json_logprobs(const jup_order_t *order, const json_t *told)
{
    if (!told)
        return json_null();
    if (!is_chat(order))
        return json_lists(told);
    return json_pack("{s:O, s:n}", "content", told, "refusal");
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* before, the JSON (taken over), after: a new text. */
static char *say(const char *before, json_t *json, const char *after)
{
    char *body = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    size_t bytes = strlen(before) + strlen(body) + strlen(after) + 1;
    char *text = jup_new(bytes, 1);
    snprintf(text, bytes, "%s%s%s", before, body, after);
    free(body);
    json_decref(json);
    return text;
}

char *jup_speak_problem(const jup_problem_t *problem)
{
    return say("", jup_problem_json(problem), "");
}

/* ---- streams --------------------------------------------------------------------------------- */

static char *event(json_t *json)
{
    return say("data: ", json, "\n\n");
}

static const char *stream_object(const jup_order_t *order)
{
    return is_chat(order) ? "chat.completion.chunk" : "text_completion";
}

/* The first news of a choice say who speaks. */
static void add_words(json_t *json, const jup_order_t *order, const jup_choice_t *choice,
                      const jup_news_t *news)
{
    json_t *words = json_bytes(news->text, news->bytes);
    if (!is_chat(order)) {
        json_object_set_new(json, "text", words);
        return;
    }
    json_t *delta = json_object();
    if (!choice->greeted)
        json_object_set_new(delta, "role", json_string("assistant"));
    if (!choice->greeted || news->bytes > 0)
        json_object_set(delta, "content", words);
    json_decref(words);
    json_object_set_new(json, "delta", delta);
}

char *jup_speak_news(const jup_speaking_t *who, const jup_order_t *order, int32_t choice,
                     const jup_news_t *news)
{
    json_t *json = json_frame(who, order, stream_object(order));
    json_t *one = json_pack("{s:i, s:o, s:s?}", "index", choice, "logprobs",
                            json_logprobs(order, news->logprobs), "finish_reason", news->finish);
    add_words(one, order, &order->choices[choice], news);
    if (news->points)
        json_object_set_new(one, "outline", news->points);
    json_decref(news->logprobs);
    json_object_set_new(json, "choices", json_pack("[o]", one));
    if (order->wish.usage)
        json_object_set_new(json, "usage", json_null());
    return event(json);
}

static json_t *json_usage(const jup_order_t *order)
{
    json_int_t prompt = (json_int_t)order->prompt.count, answer = jup_order_tokens(order);
    return json_pack("{s:I, s:I, s:I, s:{s:i}}", "prompt_tokens", prompt, "completion_tokens",
                     answer, "total_tokens", prompt + answer, "prompt_tokens_details",
                     "cached_tokens", order->reused);
}

char *jup_speak_usage(const jup_speaking_t *who, const jup_order_t *order)
{
    json_t *json = json_frame(who, order, stream_object(order));
    json_object_set_new(json, "choices", json_array());
    json_object_set_new(json, "usage", json_usage(order));
    return event(json);
}

char *jup_speak_problem_event(const jup_problem_t *problem)
{
    return event(jup_problem_json(problem));
}

/* ---- whole answers --------------------------------------------------------------------------- */

static json_t *json_choice(const jup_order_t *order, int32_t i)
{
    const jup_choice_t *choice = &order->choices[i];
    const char *text = choice->text ? choice->text : "";
    json_t *words = json_bytes(text, strlen(text));
    json_t *json =
        json_pack("{s:i, s:o, s:s?}", "index", i, "logprobs",
                  json_logprobs(order, choice->logprobs), "finish_reason", choice->finish);
    if (is_chat(order))
        json_object_set_new(
            json, "message",
            json_pack("{s:s, s:o, s:n}", "role", "assistant", "content", words, "refusal"));
    else
        json_object_set_new(json, "text", words);
    if (choice->points)
        json_object_set(json, "outline", choice->points);
    return json;
}

char *jup_speak_whole(const jup_speaking_t *who, const jup_order_t *order)
{
    json_t *json = json_frame(who, order, is_chat(order) ? "chat.completion" : "text_completion");
    json_t *choices = json_array();
    for (int32_t i = 0; i < order->wish.choices; i++)
        json_array_append_new(choices, json_choice(order, i));
    json_object_set_new(json, "choices", choices);
    json_object_set_new(json, "usage", json_usage(order));
    return say("", json, "\n");
}
