#include "io_sample.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    abort();
}

const char *io_sample_path(char path[256], const char *name)
{
    snprintf(path, 256, "test-io-%ld-%s", (long)getpid(), name);
    return path;
}

unsigned char *io_sample_read(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    need(file != NULL, path);
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = jup_new(*bytes + 1, 1);
    need(fread(data, 1, *bytes, file) == *bytes, path);
    fclose(file);
    return data;
}

void io_sample_write(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    need(file != NULL, path);
    need(bytes == 0 || fwrite(data, 1, bytes, file) == bytes, path);
    need(fclose(file) == 0, path);
}

void io_guarded_init(io_guarded_t *guarded, size_t capacity)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    guarded->usable = (capacity + page - 1) / page * page;
    guarded->mapped = guarded->usable + page;
    void *base =
        mmap(NULL, guarded->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(base != MAP_FAILED, "mmap");
    guarded->base = base;
    need(mprotect(guarded->base + guarded->usable, page, PROT_NONE) == 0, "mprotect");
}

void io_guarded_reset(io_guarded_t *guarded)
{
    munmap(guarded->base, guarded->mapped);
}

unsigned char *io_guarded_put(io_guarded_t *guarded, const void *data, size_t bytes)
{
    unsigned char *start = guarded->base + guarded->usable - bytes;
    if (bytes)
        memcpy(start, data, bytes);
    return start;
}

/* ---- SentencePiece ----------------------------------------------------------------------- */

typedef struct piece {
    const char *text;
    float score;
    int type;
} piece_t;

static const piece_t spm_pieces[] = {
    {"\u2581", -20, 1},      /* 259 */
    {"h", -21, 1},           /* 260 */
    {"e", -22, 1},           /* 261 */
    {"l", -23, 1},           /* 262 */
    {"o", -24, 1},           /* 263 */
    {"w", -25, 1},           /* 264 */
    {"r", -26, 1},           /* 265 */
    {"d", -27, 1},           /* 266 */
    {"z", -28, 1},           /* 267 */
    {"he", -1, 1},           /* 268 */
    {"ll", -2, 1},           /* 269 */
    {"llo", -3, 1},          /* 270 */
    {"hello", -4, 1},        /* 271 */
    {"\u2581hello", -5, 1},  /* 272 */
    {"\u2581w", -6, 1},      /* 273 */
    {"or", -7, 1},           /* 274 */
    {"\u2581wor", -8, 1},    /* 275 */
    {"ld", -9, 1},           /* 276 */
    {"\u2581world", -10, 1}, /* 277 */
    {"zz", -0.5f, 5},        /* 278: unused */
    {"[X]", 0, 4},           /* 279: user defined */
    {"\u4E16", -30, 1},      /* 280 */
    {"<turn>", 0, 3},        /* 281: control */
    {"<end_of_turn>", 0, 3}, /* 282: control */
    {"hed", 0, 3},           /* 283: control, though merges lead there */
};

enum {
    SPM_PIECES = sizeof spm_pieces / sizeof *spm_pieces,
    SPM_SIZE = IO_SPM_FIRST + SPM_PIECES,
};

typedef struct spm_tables {
    char byte_texts[256][8];
    jup_text_t texts[SPM_SIZE];
    float scores[SPM_SIZE];
    int32_t types[SPM_SIZE];
} spm_tables_t;

static void set(spm_tables_t *tables, int id, const char *text, float score, int type)
{
    tables->texts[id] = jup_text(text, strlen(text));
    tables->scores[id] = score;
    tables->types[id] = type;
}

void io_sample_put_spm(jup_gguf_writer_t *w)
{
    spm_tables_t *tables = jup_new(1, sizeof *tables);
    set(tables, 0, "<unk>", 0, 2);
    set(tables, 1, "<s>", 0, 3);
    set(tables, 2, "</s>", 0, 3);
    for (int b = 0; b < 256; b++) {
        snprintf(tables->byte_texts[b], 8, "<0x%02X>", (unsigned)b);
        set(tables, 3 + b, tables->byte_texts[b], 0, 6);
    }
    for (int i = 0; i < SPM_PIECES; i++)
        set(tables, IO_SPM_FIRST + i, spm_pieces[i].text, spm_pieces[i].score, spm_pieces[i].type);
    jup_gguf_put_text(w, "tokenizer.ggml.model", "llama");
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", tables->texts, SPM_SIZE);
    jup_gguf_put_array(w, "tokenizer.ggml.scores", JUP_GGUF_F32, tables->scores, SPM_SIZE);
    jup_gguf_put_array(w, "tokenizer.ggml.token_type", JUP_GGUF_I32, tables->types, SPM_SIZE);
    jup_gguf_put_int(w, "tokenizer.ggml.bos_token_id", JUP_GGUF_U32, 1);
    jup_gguf_put_int(w, "tokenizer.ggml.eos_token_id", JUP_GGUF_U32, 2);
    jup_free(tables);
}

/* ---- byte-level BPE ---------------------------------------------------------------------- */

const char *io_sample_byte_char(unsigned char byte, char text[8])
{
    /* GPT-2's table, written down as its authors do: printable bytes first, the rest from 256 */
    int next = 256, code_point = -1;
    for (int b = 0; b <= byte; b++) {
        bool own = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
        code_point = own ? b : next++;
    }
    text[jup_utf8_encode((uint32_t)code_point, text)] = '\0';
    return text;
}

static const char *const bpe_merges[] = {
    "h e",           /* 256 he */
    "l l",           /* 257 ll */
    "he ll",         /* 258 hell */
    "hell o",        /* 259 hello */
    "\u0120 w",      /* 260 " w" */
    "o r",           /* 261 or */
    "\u0120w or",    /* 262 " wor" */
    "1 2",           /* 263 12 */
    "12 3",          /* 264 123 */
    "123 4",         /* 265 1234 */
    "' M",           /* 266 'M */
    "\u010A \u010A", /* 267 two newlines */
    "\u0120 \u0120", /* 268 two spaces */
};

enum { BPE_MERGES = sizeof bpe_merges / sizeof *bpe_merges, BPE_SIZE = 256 + BPE_MERGES + 4 };

/* The merged piece is the merge without its space. */
static jup_text_t join(const char *merge, char *out)
{
    size_t left = strcspn(merge, " ");
    snprintf(out, 16, "%.*s%s", (int)left, merge, merge + left + 1);
    return jup_text(out, strlen(out));
}

void io_sample_put_bpe(jup_gguf_writer_t *w, const char *pre)
{
    static const char *const last[] = {"xyz", "<|endoftext|>", "<|eot_id|>", "<think>"};
    char byte_texts[256][8], joined[BPE_MERGES][16];
    jup_text_t texts[BPE_SIZE], merges[BPE_MERGES];
    int32_t types[BPE_SIZE];
    for (int id = 0; id < 256; id++) {
        io_sample_byte_char((unsigned char)id, byte_texts[id]);
        texts[id] = jup_text(byte_texts[id], strlen(byte_texts[id]));
    }
    for (int i = 0; i < BPE_MERGES; i++) {
        merges[i] = jup_text(bpe_merges[i], strlen(bpe_merges[i]));
        texts[256 + i] = join(bpe_merges[i], joined[i]);
    }
    for (int i = 0; i < 4; i++)
        texts[256 + BPE_MERGES + i] = jup_text(last[i], strlen(last[i]));
    for (int id = 0; id < BPE_SIZE; id++)
        types[id] = id < BPE_SIZE - 3 ? 1 : id < BPE_SIZE - 1 ? 3 : 4;
    jup_gguf_put_text(w, "tokenizer.ggml.model", "gpt2");
    jup_gguf_put_text(w, "tokenizer.ggml.pre", pre);
    jup_gguf_put_texts(w, "tokenizer.ggml.tokens", texts, BPE_SIZE);
    jup_gguf_put_texts(w, "tokenizer.ggml.merges", merges, BPE_MERGES);
    jup_gguf_put_array(w, "tokenizer.ggml.token_type", JUP_GGUF_I32, types, BPE_SIZE);
    jup_gguf_put_int(w, "tokenizer.ggml.bos_token_id", JUP_GGUF_U32, 256 + BPE_MERGES + 1);
    jup_gguf_put_int(w, "tokenizer.ggml.eos_token_id", JUP_GGUF_U32, 256 + BPE_MERGES + 1);
}

jup_gguf_t *io_sample_vocabulary(const char *name, const char *pre)
{
    char path[256];
    jup_error_t err = {0};
    jup_gguf_t *g = NULL;
    jup_gguf_writer_t *w = jup_gguf_writer_new();
    if (pre)
        io_sample_put_bpe(w, pre);
    else
        io_sample_put_spm(w);
    io_sample_path(path, name);
    bool fine = jup_gguf_save(w, path, &err) == JUP_OK && jup_gguf_open(path, &g, &err) == JUP_OK;
    if (!fine)
        fprintf(stderr, "%s\n", err.text);
    need(fine, path);
    jup_gguf_writer_destroy(w);
    remove(path); /* the open file stays */
    return g;
}
