#include "serve/wish.h"

#include "base/mem.h"
#include "io/json_reason.h"
#include "serve/wish_inner.h"

#include <string.h>

void jup_wish_reset(jup_wish_t *wish)
{
    for (int32_t i = 0; i < wish->n_turns; i++)
        jup_free(wish->turns[i].text);
    for (char **stop = wish->stops; stop && *stop; stop++)
        jup_free(*stop);
    jup_free(wish->stops);
    jup_free(wish->turns);
    jup_free(wish->system);
    jup_free(wish->text);
    jup_tokens_reset(&wish->tokens);
    memset(wish, 0, sizeof *wish);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static bool read_ids(jup_wish_t *wish, const json_t *list, const jup_fields_t *f)
{
    size_t i;
    json_t *id;
    json_array_foreach((json_t *)(uintptr_t)list, i, id)
    {
        json_int_t number = json_integer_value(id);
        if (!json_is_integer(id) || number < 0 || number > INT32_MAX)
            return jup_fields_wrong(f, "prompt", "a text, or a list of token ids");
        jup_tokens_add(&wish->tokens, (int32_t)number);
    }
    return wish->tokens.count > 0 ||
           jup_fields_wrong(f, "prompt", "a text, or a list of token ids");
}

static bool read_prompt(jup_wish_t *wish, const jup_fields_t *f)
{
    const json_t *prompt = jup_fields_get(f, "prompt");
    if (json_array_size(prompt) == 1 && json_is_string(json_array_get(prompt, 0)))
        prompt = json_array_get(prompt, 0);
    if (json_is_array(prompt))
        return read_ids(wish, prompt, f);
    if (!json_is_string(prompt))
        return jup_fields_wrong(f, "prompt", "a text, or a list of token ids");
    wish->text = jup_strdup(json_string_value(prompt));
    return true;
}

static bool check_model(const jup_fields_t *f, const jup_wish_rules_t *rules)
{
    const char *model;
    if (!jup_fields_text(f, "model", &model))
        return false;
    if (!model || strcmp(model, rules->model) == 0 || strcmp(model, "default") == 0)
        return true;
    return jup_problem(f->problem, 404, "model_not_found", "model",
                       "there is no model %.80s here; use %.80s, or leave the field out", model,
                       rules->model);
}

/* ---- how it is answered ---------------------------------------------------------------------- */

static bool read_sampling(jup_wish_t *wish, const jup_fields_t *f, const jup_wish_rules_t *rules)
{
    jup_sampling_t *s = &wish->picking.sampling;
    *s = rules->sampling;
    double temperature = (double)s->temperature, top_p = (double)s->top_p;
    double penalty = (double)s->repeat_penalty, min_p = (double)s->min_p;
    int64_t top_k = s->top_k, seed = 0;
    wish->seeded = jup_fields_get(f, "seed") != NULL;
    if (!jup_fields_number(f, "temperature", 0, 2, &temperature) ||
        !jup_fields_number(f, "top_p", 0, 1, &top_p) ||
        !jup_fields_number(f, "min_p", 0, 1, &min_p) ||
        !jup_fields_number(f, "repeat_penalty", 0.01, 100, &penalty) ||
        !jup_fields_int(f, "top_k", 0, 1 << 30, &top_k) ||
        !jup_fields_int(f, "seed", INT64_MIN, INT64_MAX, &seed))
        return false;
    s->temperature = (float)temperature;
    s->top_p = top_p > 1e-6 ? (float)top_p : 1e-6f;
    s->min_p = (float)min_p;
    s->repeat_penalty = (float)penalty;
    s->top_k = (int32_t)top_k;
    s->seed = (uint64_t)seed;
    return true;
}

/* A chat says "logprobs": true and how many; a text how many at once. */
static bool read_logprobs(jup_wish_t *wish, const jup_fields_t *f)
{
    bool told = jup_fields_get(f, "logprobs") != NULL;
    int64_t likely = 0;
    if (wish->kind == JUP_WISH_TEXT) {
        if (!jup_fields_int(f, "logprobs", 0, JUP_LIKELY, &likely))
            return false;
    } else if (!jup_fields_bool(f, "logprobs", &told) ||
               !jup_fields_int(f, "top_logprobs", 0, JUP_LIKELY, &likely)) {
        return false;
    }
    if (likely > 0 && !told)
        return jup_fields_wrong(f, "top_logprobs", "left out where logprobs is not true");
    wish->picking.told = told;
    wish->picking.likely = (int32_t)likely;
    return true;
}

static bool add_stop(jup_wish_t *wish, const json_t *stop, int32_t n, const jup_fields_t *f)
{
    const char *text = json_string_value(stop);
    if (!text || !*text)
        return jup_fields_wrong(f, "stop", "a text, or a list of texts, none of them empty");
    wish->stops[n] = jup_strdup(text);
    return true;
}

static bool read_stops(jup_wish_t *wish, const jup_fields_t *f)
{
    const json_t *stop = jup_fields_get(f, "stop");
    size_t n = json_is_array(stop) ? json_array_size(stop) : 1;
    if (!stop || n == 0)
        return true;
    if (n > JUP_WISH_STOPS)
        return jup_problem(f->problem, 400, "invalid_value", "stop",
                           "stop has %zu texts, must have %d at most", n, JUP_WISH_STOPS);
    wish->stops = jup_new(n + 1, sizeof *wish->stops);
    for (size_t i = 0; i < n; i++)
        if (!add_stop(wish, json_is_array(stop) ? json_array_get(stop, i) : stop, (int32_t)i, f))
            return false;
    return true;
}

static bool read_stream(jup_wish_t *wish, const jup_fields_t *f)
{
    static const char *const known[] = {"include_usage", "include_obfuscation", NULL};
    const json_t *options = jup_fields_get(f, "stream_options");
    if (!jup_fields_bool(f, "stream", &wish->stream))
        return false;
    if (!options)
        return true;
    if (!json_is_object(options) || !wish->stream)
        return jup_fields_wrong(f, "stream_options",
                                wish->stream ? "an object" : "left out where stream is not true");
    jup_fields_t inner = {.object = options, .within = "stream_options.", .problem = f->problem};
    return jup_fields_known(&inner, known) &&
           jup_fields_bool(&inner, "include_usage", &wish->usage);
}

/* The newer name goes first. */
static bool read_lengths(jup_wish_t *wish, const jup_fields_t *f, const jup_wish_rules_t *rules)
{
    bool text = wish->kind == JUP_WISH_TEXT;
    int64_t generate = text && JUP_WISH_TEXT_TOKENS < rules->most_tokens ? JUP_WISH_TEXT_TOKENS
                                                                         : rules->most_tokens;
    int64_t choices = 1, best_of = 1;
    bool echo = false;
    if (!jup_fields_int(f, "max_tokens", 1, INT32_MAX, &generate) ||
        !jup_fields_int(f, "max_completion_tokens", 1, INT32_MAX, &generate) ||
        !jup_fields_int(f, "n", 1, rules->most_choices, &choices) ||
        !jup_fields_int(f, "best_of", 1, choices, &best_of) || !jup_fields_bool(f, "echo", &echo))
        return false;
    if (echo)
        return jup_fields_wrong(f, "echo", "false: the prompt is not repeated");
    if (!jup_fields_get(f, "max_tokens") && !jup_fields_get(f, "max_completion_tokens") &&
        wish->outline != JUP_OUTLINE_OFF)
        generate = rules->point_tokens;
    wish->generate = (int32_t)(generate < rules->most_tokens ? generate : rules->most_tokens);
    wish->choices = (int32_t)choices;
    if (choices > 1 && wish->outline != JUP_OUTLINE_OFF)
        return jup_fields_wrong(f, "outline", "false where n is more than 1");
    return true;
}

static bool read_outline(jup_wish_t *wish, const jup_fields_t *f)
{
    const json_t *outline = jup_fields_get(f, "outline");
    const char *word = json_string_value(outline);
    if (!outline)
        return true;
    if (json_is_boolean(outline))
        wish->outline = json_is_true(outline) ? JUP_OUTLINE_ON : JUP_OUTLINE_OFF;
    else if (word && strcmp(word, "auto") == 0)
        wish->outline = JUP_OUTLINE_AUTO;
    else
        return jup_fields_wrong(f, "outline", "true, false or \"auto\"");
    if (wish->outline == JUP_OUTLINE_AUTO && wish->n_turns != 1)
        wish->outline = JUP_OUTLINE_OFF;
    if (wish->outline == JUP_OUTLINE_OFF)
        return true;
    if (wish->n_turns != 1)
        return jup_fields_wrong(f, "outline", "false unless a single question is asked");
    if (wish->picking.told)
        return jup_fields_wrong(f, "outline", "false where logprobs are told");
    return true;
}

static bool read_speculate(jup_wish_t *wish, const jup_fields_t *f, const jup_wish_rules_t *rules)
{
    bool speculate = rules->speculates;
    if (!jup_fields_bool(f, "speculate", &speculate))
        return false;
    if (speculate && !rules->speculates)
        return jup_fields_wrong(f, "speculate",
                                "false: the server was started without --speculate SOURCE");
    wish->unguessed = !speculate;
    return true;
}

/* ---- what is not supported ------------------------------------------------------------------- */

static bool is_neutral(const json_t *value)
{
    const char *word = json_string_value(value);
    return (json_is_number(value) && json_number_value(value) == 0) || json_is_false(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0) ||
           (word && (strcmp(word, "none") == 0 || strcmp(word, "auto") == 0 || !*word));
}

/* Fields that would change the answer; as they usually are they may stand there. */
static bool check_unsupported(const jup_fields_t *f)
{
    static const char *const names[] = {"frequency_penalty",
                                        "presence_penalty",
                                        "logit_bias",
                                        "tools",
                                        "tool_choice",
                                        "functions",
                                        "function_call",
                                        "suffix",
                                        "audio",
                                        "prediction",
                                        "web_search_options",
                                        NULL};
    const json_t *format = jup_fields_get(f, "response_format");
    const char *type = json_string_value(json_object_get(format, "type"));
    for (int i = 0; names[i]; i++) {
        const json_t *value = jup_fields_get(f, names[i]);
        if (value && !is_neutral(value))
            return jup_fields_wrong(f, names[i], "left out: this server does not support it");
    }
    if (format && (!type || strcmp(type, "text") != 0))
        return jup_fields_wrong(f, "response_format", "{\"type\": \"text\"}, or left out");
    return true;
}

static bool check_names(const jup_fields_t *f, jup_wish_kind_t kind)
{
#define OF_BOTH                                                                                    \
    "model", "stream", "stream_options", "temperature", "top_p", "top_k", "min_p",                 \
        "repeat_penalty", "seed", "max_tokens", "n", "stop", "logprobs", "frequency_penalty",      \
        "presence_penalty", "logit_bias", "user", "metadata", "speculate"
    static const char *const chat[] = {OF_BOTH,
                                       "messages",
                                       "max_completion_tokens",
                                       "top_logprobs",
                                       "outline",
                                       "tools",
                                       "tool_choice",
                                       "functions",
                                       "function_call",
                                       "response_format",
                                       "audio",
                                       "prediction",
                                       "web_search_options",
                                       "modalities",
                                       "store",
                                       "service_tier",
                                       "parallel_tool_calls",
                                       "reasoning_effort",
                                       "safety_identifier",
                                       "prompt_cache_key",
                                       "verbosity",
                                       NULL};
    static const char *const text[] = {OF_BOTH, "prompt", "echo", "best_of", "suffix", NULL};
#undef OF_BOTH
    return jup_fields_known(f, kind == JUP_WISH_CHAT ? chat : text);
}

/* ---------------------------------------------------------------------------------------------- */

static bool read_all(jup_wish_t *wish, const jup_fields_t *f, const jup_wish_rules_t *rules)
{
    bool asked =
        check_names(f, wish->kind) && check_model(f, rules) && check_unsupported(f) &&
        (wish->kind == JUP_WISH_CHAT ? jup_wish_read_messages(wish, f) : read_prompt(wish, f));
    return asked && read_sampling(wish, f, rules) && read_logprobs(wish, f) &&
           read_stops(wish, f) && read_stream(wish, f) && read_outline(wish, f) &&
           read_lengths(wish, f, rules) && read_speculate(wish, f, rules);
}

bool jup_wish_read(jup_wish_t *wish, jup_wish_kind_t kind, const char *text, size_t bytes,
                   const jup_wish_rules_t *rules, jup_problem_t *problem)
{
    json_error_t wrong;
    memset(wish, 0, sizeof *wish);
    wish->kind = kind;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &wrong);
    if (!root)
        return jup_problem(problem, 400, "invalid_json", NULL,
                           "the body is not JSON: line %d, column %d: %s", wrong.line, wrong.column,
                           jup_json_reason(&wrong));
    const jup_fields_t f = {.object = root, .within = "", .problem = problem};
    bool good = json_is_object(root)
                    ? read_all(wish, &f, rules)
                    : jup_problem(problem, 400, "invalid_json", NULL, "the body must be an object");
    json_decref(root);
    if (!good)
        jup_wish_reset(wish);
    return good;
}
