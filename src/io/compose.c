#include "io/compose.h"

#include "base/mem.h"

#include <utf8proc.h>

static const utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPOSE;

static bool is_ascii(jup_text_t text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static jup_status_t fail(jup_error_t *err, utf8proc_ssize_t code)
{
    return jup_fail(err, JUP_EENV, "utf8proc cannot compose the text: %s", utf8proc_errmsg(code));
}

jup_status_t jup_text_compose(jup_text_t *text, char **owned, jup_error_t *err)
{
    *owned = NULL;
    if (is_ascii(*text))
        return JUP_OK;
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text->data;
    utf8proc_ssize_t length = (utf8proc_ssize_t)text->length;
    utf8proc_ssize_t n = utf8proc_decompose(bytes, length, NULL, 0, how);
    if (n < 0)
        return fail(err, n);
    /* code points first, then their UTF-8 in the same place, and a terminator */
    utf8proc_int32_t *buffer = jup_new((size_t)n + 1, sizeof *buffer);
    n = utf8proc_decompose(bytes, length, buffer, n, how);
    n = n < 0 ? n : utf8proc_reencode(buffer, n, how);
    if (n < 0) {
        jup_free(buffer);
        return fail(err, n);
    }
    *owned = (char *)buffer;
    *text = jup_text(*owned, (size_t)n);
    return JUP_OK;
}
