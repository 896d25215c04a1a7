/**
 * Text to token ids and back, from the vocabulary in a GGUF file's metadata.
 *
 * Kinds (tokenizer.ggml.model): "llama", SentencePiece BPE (Kudo and Richardson, 2018; score-driven
 * merges, byte fallback); "gpt2", byte-level BPE (Radford et al., 2019; ranked merges) with a
 * pre-tokenizer (tokenizer.ggml.pre).
 *
 * A tokenizer keeps views into the GGUF file, which must stay open. It is read-only after
 * jup_tokenizer_new(): several threads may use one. Any bytes are valid input text; what is no
 * UTF-8 is encoded byte by byte, and decoding gives it back.
 */
#ifndef JUP_IO_TOKENIZER_H
#define JUP_IO_TOKENIZER_H

#include "io/gguf.h"
#include "io/text.h"

typedef struct jup_tokenizer jup_tokenizer_t;

/**
 * JUP_EINPUT names the file and what is wrong: no tokenizer in it, a kind or pre-tokenizer that is
 * not supported, tables that do not fit together, special ids outside the vocabulary.
 */
jup_status_t jup_tokenizer_new(const jup_gguf_t *g, jup_tokenizer_t **out, jup_error_t *err);
void jup_tokenizer_destroy(jup_tokenizer_t *t);

/** A growing list of ids. */
typedef struct jup_tokens {
    int32_t *ids; /* count of them, owned */
    size_t count, capacity;
} jup_tokens_t;

void jup_tokens_reset(jup_tokens_t *tokens);
void jup_tokens_add(jup_tokens_t *tokens, int32_t id);

enum {
    JUP_ENCODE_BOS = 1,     /* begin with BOS, if the model's rules ask for it */
    JUP_ENCODE_EOS = 2,     /* end with EOS, likewise */
    JUP_ENCODE_FURTHER = 8, /* the text goes on after other text: no space is put in front */
    JUP_ENCODE_SPECIAL = 4, /* control tokens written out in the text ("<|eot_id|>") are taken */
};

/**
 * Appends the ids of `text` to *tokens. Without JUP_ENCODE_SPECIAL no text can produce a control
 * token. Fails only for texts of more than 64 MiB and when the regular-expression library does.
 */
jup_status_t jup_tokenizer_encode(const jup_tokenizer_t *t, jup_text_t text, unsigned flags,
                                  jup_tokens_t *tokens, jup_error_t *err);

/**
 * The same for a text that quotes another: n_quoted stretches, in order and apart, hold what
 * somebody said, in which control tokens written out are plain text even with JUP_ENCODE_SPECIAL.
 */
jup_status_t jup_tokenizer_encode_quoting(const jup_tokenizer_t *t, jup_text_t text,
                                          const jup_stretch_t *quoted, size_t n_quoted,
                                          unsigned flags, jup_tokens_t *tokens, jup_error_t *err);

/** What an id decodes to: any bytes, perhaps part of a character; empty for control tokens. */
jup_text_t jup_tokenizer_piece(const jup_tokenizer_t *t, int32_t id);

/** The id's entry in the vocabulary ("<s>", "▁the", "Ġthe", "<0x0A>"). */
jup_text_t jup_tokenizer_token_text(const jup_tokenizer_t *t, int32_t id);

/** The id of a vocabulary entry, or -1. */
int32_t jup_tokenizer_find(const jup_tokenizer_t *t, const char *token_text);

int32_t jup_tokenizer_vocab_size(const jup_tokenizer_t *t);

/** For people: "SentencePiece BPE", "byte-level BPE, pre-tokenizer llama-bpe". */
const char *jup_tokenizer_kind(const jup_tokenizer_t *t);

/** -1: the model has none. */
int32_t jup_tokenizer_bos(const jup_tokenizer_t *t);
int32_t jup_tokenizer_eos(const jup_tokenizer_t *t);
int32_t jup_tokenizer_unknown(const jup_tokenizer_t *t);

/** Whether JUP_ENCODE_BOS / JUP_ENCODE_EOS add something. */
bool jup_tokenizer_adds_bos(const jup_tokenizer_t *t);
bool jup_tokenizer_adds_eos(const jup_tokenizer_t *t);

/** Whether an answer ends with this id: EOS and the model's other ends of turn and message. */
bool jup_tokenizer_is_eog(const jup_tokenizer_t *t, int32_t id);

/** Whether the id is a control token, which is never shown. */
bool jup_tokenizer_is_control(const jup_tokenizer_t *t, int32_t id);

/* ---- streaming --------------------------------------------------------------------------- */

/**
 * Ids in, whole UTF-8 characters out: bytes of an unfinished character wait for the next id.
 * Bytes that are no UTF-8 come out as U+FFFD.
 */
typedef struct jup_detokenizer {
    const jup_tokenizer_t *tokenizer;
    char *buffer; /* owned: what the last call returned */
    size_t buffer_bytes;
    char pending[4];
    size_t n_pending;
    bool at_start; /* nothing came out yet and a leading space has to go */
} jup_detokenizer_t;

/**
 * `at_start`: the ids are a text of their own rather than the continuation of one, so that the
 * space SentencePiece puts in front of a text is taken away again.
 */
void jup_detokenizer_init(jup_detokenizer_t *d, const jup_tokenizer_t *t, bool at_start);
void jup_detokenizer_reset(jup_detokenizer_t *d);

/** The text that id completes, perhaps empty; valid until the next call. */
jup_text_t jup_detokenizer_push(jup_detokenizer_t *d, int32_t id);

/** What is left at the end. */
jup_text_t jup_detokenizer_finish(jup_detokenizer_t *d);

#endif
