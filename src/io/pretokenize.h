/**
 * Cutting text into words before byte-level BPE: one regular expression per family of models, run
 * by PCRE2 with Unicode classes. Merges never cross the border of a word.
 */
#ifndef JUP_IO_PRETOKENIZE_H
#define JUP_IO_PRETOKENIZE_H

#include "base/status.h"
#include "io/text.h"

typedef struct jup_pretokenizer jup_pretokenizer_t;

/** How a family treats what the regular expression gives. */
typedef struct jup_pretokenizer_rules {
    const char *name;   /* tokenizer.ggml.pre, or another name for the same */
    const char *family; /* "gpt-2", "llama-bpe", ... */
    const char *pattern;
    bool ignore_merges; /* a word that is in the vocabulary is taken whole */
    bool add_bos;       /* unless the file says otherwise */
} jup_pretokenizer_rules_t;

/** NULL when the name is not supported. */
const jup_pretokenizer_rules_t *jup_pretokenizer_rules(const char *name);

/** "gpt-2, llama-bpe, ...", for messages. */
const char *jup_pretokenizer_names(void);

jup_status_t jup_pretokenizer_new(const jup_pretokenizer_rules_t *rules, jup_pretokenizer_t **out,
                                  jup_error_t *err);
void jup_pretokenizer_destroy(jup_pretokenizer_t *p);

typedef void (*jup_pretokenizer_visit_t)(void *context, jup_text_t word);

/**
 * Calls `visit` for every word, in order; together they are the whole text. Bytes that are no
 * UTF-8 are words of their own. Thread safe.
 */
jup_status_t jup_pretokenizer_run(const jup_pretokenizer_t *p, jup_text_t text,
                                  jup_pretokenizer_visit_t visit, void *context, jup_error_t *err);

#endif
