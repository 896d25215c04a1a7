#include "io/text.h"

#include <stdio.h>
#include <string.h>

bool jup_text_equal(jup_text_t a, jup_text_t b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Table 3-7 of the Unicode standard: which second bytes a lead byte allows. */
static void second_byte_range(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
}

static int sequence_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

int jup_utf8_decode(jup_text_t text, uint32_t *code_point)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    int length = sequence_length(bytes[0]);
    if (length == 0)
        return -1;
    if (length == 1) {
        *code_point = bytes[0];
        return 1;
    }
    unsigned char low, high;
    second_byte_range(bytes[0], &low, &high);
    uint32_t value = bytes[0] & (0x7Fu >> length);
    for (int i = 1; i < length; i++) {
        if ((size_t)i == text.length)
            return 0;
        if (bytes[i] < low || bytes[i] > high)
            return -i;
        value = value << 6 | (bytes[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *code_point = value;
    return length;
}

int jup_utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    int length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)((0xF00u >> length) | code_point);
    return length;
}

size_t jup_utf8_valid_prefix(jup_text_t text)
{
    size_t at = 0;
    uint32_t unused;
    while (at < text.length) {
        int step = jup_utf8_decode(jup_text(text.data + at, text.length - at), &unused);
        if (step <= 0)
            break;
        at += (size_t)step;
    }
    return at;
}

/* One printable unit of the input: how many bytes it takes there; its printed form in `shown`. */
static size_t escape_step(jup_text_t text, char shown[8])
{
    uint32_t code_point = 0;
    int step = jup_utf8_decode(text, &code_point);
    bool control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
    if (step > 0 && !control) {
        memcpy(shown, text.data, (size_t)step);
        shown[step] = '\0';
        return (size_t)step;
    }
    if (step == 1 && code_point == '\n')
        memcpy(shown, "\\n", 3);
    else
        snprintf(shown, 8, "\\x%02X", (unsigned char)text.data[0]);
    return 1;
}

const char *jup_text_escape(jup_text_t text, char *out, size_t out_bytes)
{
    static const char dots[] = "...";
    size_t used = 0, at = 0;
    char shown[8];
    out[0] = '\0';
    while (at < text.length) {
        size_t step = escape_step(jup_text(text.data + at, text.length - at), shown);
        size_t length = strlen(shown);
        bool last = at + step == text.length;
        if (used + length + (last ? 1 : sizeof dots) > out_bytes) {
            snprintf(out + used, out_bytes - used, "%s", dots);
            return out;
        }
        memcpy(out + used, shown, length + 1);
        used += length;
        at += step;
    }
    return out;
}
