#include "base/pack.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>

jup_pack_t jup_pack_writer(void)
{
    return (jup_pack_t){.reading = false};
}

jup_pack_t jup_pack_reader(const void *data, size_t bytes)
{
    jup_pack_t pack = {.reading = true, .bytes = bytes};
    memcpy(&pack.data, &data, sizeof data); /* it is only read */
    return pack;
}

static void put(jup_pack_t *pack, const void *value, size_t bytes)
{
    if (pack->bytes + bytes > pack->cap) {
        pack->cap = 2 * (pack->bytes + bytes);
        pack->data = jup_resize(pack->data, pack->cap, 1);
    }
    memcpy(pack->data + pack->bytes, value, bytes);
    pack->bytes += bytes;
}

static void get(jup_pack_t *pack, void *value, size_t bytes)
{
    pack->failed = pack->failed || bytes > pack->bytes - pack->at;
    if (pack->failed) {
        memset(value, 0, bytes);
        return;
    }
    memcpy(value, pack->data + pack->at, bytes);
    pack->at += bytes;
}

void jup_pack_value(jup_pack_t *pack, void *value, size_t bytes)
{
    if (pack->reading)
        get(pack, value, bytes);
    else
        put(pack, value, bytes);
}

void jup_pack_block(jup_pack_t *pack, void **block, size_t *bytes)
{
    uint64_t n = pack->reading ? 0 : *bytes;
    jup_pack_value(pack, &n, sizeof n);
    if (!pack->reading) {
        if (n > 0)
            put(pack, *block, n);
        return;
    }
    pack->failed = pack->failed || n > pack->bytes - pack->at;
    *bytes = pack->failed ? 0 : n;
    *block = *bytes ? jup_new(*bytes, 1) : NULL;
    if (*bytes)
        get(pack, *block, *bytes);
}

void jup_pack_text(jup_pack_t *pack, char **text)
{
    size_t bytes = !pack->reading && *text ? strlen(*text) + 1 : 0;
    void *block = *text;
    jup_pack_block(pack, &block, &bytes);
    if (!pack->reading)
        return;
    *text = block;
    if (bytes)
        (*text)[bytes - 1] = '\0';
}

bool jup_pack_is_done(const jup_pack_t *pack)
{
    return !pack->failed && pack->at == pack->bytes;
}
