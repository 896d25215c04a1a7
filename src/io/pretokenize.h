/**
 * Cutting text into words before byte-level BPE: a few regular expressions per family of models,
 * run by PCRE2 with Unicode classes. Merges never cross the border of a word.
 */
#ifndef JUP_IO_PRETOKENIZE_H
#define JUP_IO_PRETOKENIZE_H

#include "base/status.h"
#include "io/text.h"

typedef struct jup_pretokenizer jup_pretokenizer_t;

enum { JUP_PRETOKENIZER_PATTERNS = 6 };

/** How a family cuts text, and what it does before and after. */
typedef struct jup_pretokenizer_rules {
    const char *family; /* "gpt-2", "llama-bpe", ... */
    /* one after the other cuts what those before it left: matches and what lies between them;
     * none looks across a cut; the first NULL ends the list */
    const char *patterns[JUP_PRETOKENIZER_PATTERNS];
    bool ignore_merges; /* a word that is in the vocabulary is taken whole */
    bool add_bos;       /* unless the file says otherwise */
    bool compose;       /* letters and marks are composed first (NFC) */
} jup_pretokenizer_rules_t;

/** By a value of tokenizer.ggml.pre; NULL when it is not supported. */
const jup_pretokenizer_rules_t *jup_pretokenizer_rules(const char *name);

/** "gpt-2, llama-bpe, ...", for messages. */
void jup_pretokenizer_names(char *text, size_t size);

jup_status_t jup_pretokenizer_new(const jup_pretokenizer_rules_t *rules, jup_pretokenizer_t **out,
                                  jup_error_t *err);
void jup_pretokenizer_destroy(jup_pretokenizer_t *p);

typedef void (*jup_pretokenizer_visit_t)(void *context, jup_text_t word);

/**
 * Calls `visit` for every word, in order; together they are the whole text, composed where the
 * family asks for it. Bytes that are no UTF-8 are words of their own. Thread safe.
 */
jup_status_t jup_pretokenizer_run(const jup_pretokenizer_t *p, jup_text_t text,
                                  jup_pretokenizer_visit_t visit, void *context, jup_error_t *err);

#endif
