/** A source of questions without words, for phantoms: a script's lengths, and made-up tokens. */
#ifndef JUP_ASK_LENGTHS_H
#define JUP_ASK_LENGTHS_H

#include "ask/script.h"
#include "ask/source.h"

/** The script, whose model knows the vocabulary, outlives the source. */
jup_source_t jup_lengths_source(jup_script_t *script);

/** Sequences of one question at a time, tokens of a trunk, and what a branch adds, at most. */
void jup_lengths_most(const jup_script_t *script, int32_t *branches, int64_t *trunk_tokens,
                      int64_t *branch_tokens);

#endif
