#include "ask/answer.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

const char *jup_answer_end_name(jup_answer_end_t end)
{
    static const char *const names[] = {"length", "end of text", "stop string", "interrupted",
                                        "context"};
    return names[end];
}

void jup_answer_init(jup_answer_t *answer, const jup_answer_rules_t *rules, bool at_start)
{
    memset(answer, 0, sizeof *answer);
    answer->rules = rules;
    if (rules->tokenizer)
        jup_detokenizer_init(&answer->detokenizer, rules->tokenizer, at_start);
    answer->text = jup_new(1, 1);
    answer->cap = 1;
}

void jup_answer_reset(jup_answer_t *answer)
{
    jup_detokenizer_reset(&answer->detokenizer); /* the rules may be gone with whoever asked */
    jup_free(answer->text);
    jup_free(answer->tokens);
    jup_free(answer->likely);
    memset(answer, 0, sizeof *answer);
}

static void keep_text(jup_answer_t *answer, jup_text_t text)
{
    size_t length = text.length;
    if (answer->length + length + 1 > answer->cap) {
        answer->cap = 2 * (answer->length + length + 1);
        answer->text = jup_resize(answer->text, answer->cap, 1);
    }
    if (length)
        memcpy(answer->text + answer->length, text.data, length);
    answer->length += length;
    answer->text[answer->length] = '\0';
}

static void keep_token(jup_answer_t *answer, int32_t token)
{
    if (answer->n_tokens == answer->cap_tokens) {
        answer->cap_tokens = answer->cap_tokens ? 2 * answer->cap_tokens : 64;
        answer->tokens =
            jup_resize(answer->tokens, (size_t)answer->cap_tokens, sizeof *answer->tokens);
    }
    answer->tokens[answer->n_tokens++] = token;
}

void jup_answer_end_before(jup_answer_t *answer, int32_t number)
{
    for (int i = 0; i < 2; i++)
        snprintf(answer->next_number[i], sizeof answer->next_number[i], "\n%d%c", number, ".)"[i]);
}

/* The i-th stop string: those of all answers, then this one's own; NULL: there are no more. */
static const char *stop_at(const jup_answer_t *answer, int i)
{
    char *const *stops = answer->rules->stops;
    for (; stops && *stops; stops++, i--)
        if (i == 0)
            return *stops;
    return i < 2 && answer->next_number[i][0] ? answer->next_number[i] : NULL;
}

/* Cuts the text where the first stop string begins; false when there is none. */
static bool cut_at_stop(jup_answer_t *answer)
{
    const char *first = NULL, *stop;
    for (int i = 0; (stop = stop_at(answer, i)); i++) {
        const char *found = strstr(answer->text + answer->settled, stop);
        if (found && (!first || found < first))
            first = found;
    }
    if (!first)
        return false;
    answer->length = (size_t)(first - answer->text);
    answer->text[answer->length] = '\0';
    return true;
}

/* How much of the text's end may be the beginning of a stop string. */
static size_t held_back(const jup_answer_t *answer)
{
    size_t most = 0;
    const char *stop;
    for (int i = 0; (stop = stop_at(answer, i)); i++) {
        size_t n = strlen(stop) - 1;
        if (n > answer->length - answer->settled)
            n = answer->length - answer->settled;
        while (n > most && memcmp(answer->text + answer->length - n, stop, n) != 0)
            n--;
        most = n > most ? n : most;
    }
    return most;
}

static bool end_with(jup_answer_t *answer, jup_answer_end_t end)
{
    answer->end = end;
    return false;
}

bool jup_answer_token(jup_answer_t *answer, int32_t token)
{
    const jup_answer_rules_t *rules = answer->rules;
    keep_token(answer, token);
    if (!rules->tokenizer)
        return true;
    if (!rules->ignore_eos && jup_tokenizer_is_eog(rules->tokenizer, token))
        return end_with(answer, JUP_END_OF_TEXT);
    keep_text(answer, jup_detokenizer_push(&answer->detokenizer, token));
    if (cut_at_stop(answer))
        return end_with(answer, JUP_END_STOP);
    answer->settled = answer->length - held_back(answer);
    return true;
}

void jup_answer_likely(jup_answer_t *answer, const jup_likely_t *likely)
{
    if (answer->n_likely == answer->cap_likely) {
        answer->cap_likely = answer->cap_likely ? 2 * answer->cap_likely : 64;
        answer->likely =
            jup_resize(answer->likely, (size_t)answer->cap_likely, sizeof *answer->likely);
    }
    answer->likely[answer->n_likely++] = *likely;
}

void jup_answer_finish(jup_answer_t *answer)
{
    if (answer->rules->tokenizer && answer->end != JUP_END_STOP)
        keep_text(answer, jup_detokenizer_finish(&answer->detokenizer));
    answer->settled = answer->length;
}
