/** What the model thought of an answer's tokens, as JSON: the form that OpenAI's chat has. */
#ifndef JUP_ASK_LOGPROBS_H
#define JUP_ASK_LOGPROBS_H

#include "ask/answer.h"

#include <jansson.h>

/**
 * Of the tokens [from, to), which are told: [{"id", "token", "bytes", "logprob", "top_logprobs":
 * [{"id", "token", "bytes", "logprob"}, ...]}, ...]; "token" has U+FFFD where the bytes are part of
 * a character. A new reference.
 */
json_t *jup_logprobs_json(const jup_answer_t *answer, int from, int to);

/** A token's text, likewise; a new text for jup_free(). */
char *jup_logprobs_text(const jup_tokenizer_t *tokenizer, int32_t id);

#endif
