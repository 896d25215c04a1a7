/** What the parts of the tokenizers share. Nobody else includes this. */
#ifndef JUP_IO_TOKENIZER_INTERNAL_H
#define JUP_IO_TOKENIZER_INTERNAL_H

#include "io/pretokenize.h"
#include "io/text_index.h"
#include "io/tokenizer.h"
#include "io/tokenizer_specials.h"

typedef enum jup_tokenizer_model { JUP_TOKENIZER_SPM, JUP_TOKENIZER_BPE } jup_tokenizer_model_t;

/** Numbers of tokenizer.ggml.token_type, from SentencePiece. */
typedef enum jup_token_type {
    JUP_TOKEN_NORMAL = 1,
    JUP_TOKEN_UNKNOWN = 2,
    JUP_TOKEN_CONTROL = 3,
    JUP_TOKEN_USER_DEFINED = 4,
    JUP_TOKEN_UNUSED = 5,
    JUP_TOKEN_BYTE = 6,
} jup_token_type_t;

/** SentencePiece writes a space as U+2581. */
#define JUP_SPM_SPACE "\xE2\x96\x81"

struct jup_tokenizer {
    const jup_gguf_t *g; /* not owned */
    jup_tokenizer_model_t model;
    char kind[80];

    const jup_gguf_entry_t *texts;
    int32_t size;   /* of the vocabulary */
    uint8_t *types; /* jup_token_type_t, size of them */
    bool *eog;      /* size of them */
    jup_text_index_t by_text;
    int32_t byte_ids[256]; /* what a single byte falls back to */

    char *piece_bytes;       /* all decoded pieces, one after the other */
    uint32_t *piece_offsets; /* size + 1 of them */

    jup_specials_t specials; /* looked for in the text before all else */
    bool specials_strip;     /* white space behind most of them is swallowed */

    int32_t bos, eos, unknown; /* -1: none */
    bool add_bos, add_eos;

    /* SentencePiece */
    float *scores;
    bool add_space_prefix;
    jup_specials_t symbols; /* user-defined: whole in the text, and no merge takes part of them */
    char *symbol_bytes;     /* their texts, spaces as U+2581 */

    /* byte-level BPE */
    jup_pretokenizer_t *pretokenizer;
    bool ignore_merges;
    jup_text_index_t merges; /* "left right" -> rank */
    size_t longest_merge;    /* bytes of the longest key */
};

/* tokenizer_load.c: fills everything but the fields of one model */
jup_status_t jup_tokenizer_load_vocabulary(jup_tokenizer_t *t, jup_error_t *err);
jup_status_t jup_tokenizer_load_rules(jup_tokenizer_t *t, jup_error_t *err);

/* tokenizer_pieces.c */
jup_status_t jup_tokenizer_decode_pieces(jup_tokenizer_t *t, jup_error_t *err);

/** One per model: its own tables, its way with a stretch of text without special tokens. */
jup_status_t jup_tokenizer_spm_load(jup_tokenizer_t *t, jup_error_t *err);
void jup_tokenizer_spm_encode(const jup_tokenizer_t *t, jup_text_t text, bool further,
                              jup_tokens_t *tokens);
jup_status_t jup_tokenizer_bpe_load(jup_tokenizer_t *t, jup_error_t *err);
jup_status_t jup_tokenizer_bpe_encode(const jup_tokenizer_t *t, jup_text_t text,
                                      jup_tokens_t *tokens, jup_error_t *err);

/** The id that plain text may become, or -1: no control, unknown or byte token. */
int32_t jup_tokenizer_find_plain(const jup_tokenizer_t *t, jup_text_t text);

/** Byte-level BPE's alphabet: one character for every byte (GPT-2's table), and back (-1: none). */
uint32_t jup_bpe_byte_to_char(unsigned char byte);
int jup_bpe_char_to_byte(uint32_t code_point);

/** A jup_fail() of JUP_EINPUT with the file's path in front. */
jup_status_t jup_tokenizer_fail(const jup_tokenizer_t *t, jup_error_t *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
