/* What every token decodes to, worked out once when the tokenizer is made. */
#include "base/mem.h"
#include "io/tokenizer_internal.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<0x0A>" -> 10; -1 when the text is not of that form. */
static int byte_of(jup_text_t text)
{
    if (text.length != 6 || memcmp(text.data, "<0x", 3) != 0 || text.data[5] != '>')
        return -1;
    int high = hex_digit(text.data[3]), low = hex_digit(text.data[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* U+2581 becomes a space. */
static size_t decode_spm(jup_text_t text, char *out)
{
    size_t used = 0, at = 0;
    while (at < text.length) {
        if (text.length - at >= 3 && memcmp(text.data + at, JUP_SPM_SPACE, 3) == 0) {
            out[used++] = ' ';
            at += 3;
        } else {
            out[used++] = text.data[at++];
        }
    }
    return used;
}

/* Characters of the byte alphabet become bytes; any other text stays. */
static size_t decode_bpe(jup_text_t text, char *out)
{
    size_t used = 0, at = 0;
    while (at < text.length) {
        uint32_t code_point = 0;
        int step = jup_utf8_decode(jup_text(text.data + at, text.length - at), &code_point);
        int byte = step > 0 ? jup_bpe_char_to_byte(code_point) : -1;
        size_t length = step > 0 ? (size_t)step : 1;
        if (byte >= 0) {
            out[used++] = (char)byte;
        } else {
            memcpy(out + used, text.data + at, length);
            used += length;
        }
        at += length;
    }
    return used;
}

static size_t copy_plain(jup_text_t text, char *out)
{
    memcpy(out, text.data, text.length);
    return text.length;
}

/* Never longer than the text. */
static size_t decode_piece(const jup_tokenizer_t *t, int32_t id, char *out)
{
    jup_text_t text = jup_tokenizer_token_text(t, id);
    switch (t->types[id]) {
    case JUP_TOKEN_CONTROL:
    case JUP_TOKEN_UNKNOWN:
        return 0;
    case JUP_TOKEN_BYTE:
        out[0] = (char)byte_of(text);
        return 1;
    case JUP_TOKEN_USER_DEFINED:
        if (t->model == JUP_TOKENIZER_BPE)
            return copy_plain(text, out);
        break;
    default:
        break;
    }
    return t->model == JUP_TOKENIZER_SPM ? decode_spm(text, out) : decode_bpe(text, out);
}

static jup_status_t check_byte_tokens(const jup_tokenizer_t *t, size_t *total, jup_error_t *err)
{
    for (int32_t id = 0; id < t->size; id++) {
        jup_text_t text = jup_tokenizer_token_text(t, id);
        char shown[40];
        *total += text.length;
        if (t->types[id] == JUP_TOKEN_BYTE && byte_of(text) < 0)
            return jup_tokenizer_fail(
                t, err, "token %d is marked as a byte but reads '%s', not like <0x0A>", id,
                jup_text_escape(text, shown, sizeof shown));
    }
    return JUP_OK;
}

jup_status_t jup_tokenizer_decode_pieces(jup_tokenizer_t *t, jup_error_t *err)
{
    size_t total = 0;
    JUP_TRY(check_byte_tokens(t, &total, err));
    t->piece_bytes = jup_new(total + 1, 1);
    t->piece_offsets = jup_new((size_t)t->size + 1, sizeof *t->piece_offsets);
    for (int32_t id = 0; id < t->size; id++) {
        size_t at = t->piece_offsets[id];
        t->piece_offsets[id + 1] = (uint32_t)(at + decode_piece(t, id, t->piece_bytes + at));
    }
    return JUP_OK;
}
