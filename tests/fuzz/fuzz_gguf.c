/* libFuzzer target: any bytes as a GGUF file; what is accepted is used to the last byte. */
#include "io/gguf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_metadata(const jup_gguf_t *g)
{
    char text[200];
    for (int64_t i = 0; i < jup_gguf_entry_count(g); i++) {
        const jup_gguf_entry_t *entry = jup_gguf_entry_at(g, i), *array;
        int64_t number;
        double real;
        const char *string;
        jup_gguf_entry_print(entry, text, sizeof text);
        jup_gguf_get_int(g, entry->key, -100, 100, 0, &number, NULL);
        jup_gguf_get_float(g, entry->key, 0, &real, NULL);
        jup_gguf_get_text(g, entry->key, "", &string, NULL);
        if (jup_gguf_get_texts(g, entry->key, &array, NULL) == JUP_OK && array->count > 0)
            jup_gguf_item_text(array, array->count - 1);
        if (jup_gguf_find(g, entry->key) != entry)
            abort();
    }
}

static void use_tensors(jup_gguf_t *g)
{
    volatile uint8_t sum = 0;
    for (int64_t i = 0; i < jup_gguf_tensor_count(g); i++) {
        const jup_gguf_tensor_t *tensor = jup_gguf_tensor_at(g, i);
        const void *data;
        if (jup_gguf_tensor(g, tensor->name) != tensor)
            abort();
        jup_gguf_range_t all = jup_gguf_all(tensor);
        if (jup_gguf_map(g, &all, 1, &data, NULL) != JUP_OK)
            continue;
        for (size_t k = 0; k < tensor->bytes; k++)
            sum = (uint8_t)(sum + ((const uint8_t *)data)[k]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jup_gguf_t *g;
    jup_error_t err = {0};
    if (jup_gguf_open_memory(data, size, "fuzz", &g, &err) != JUP_OK) {
        if (strlen(err.text) < 10)
            abort();
        return 0;
    }
    use_metadata(g);
    use_tensors(g);
    jup_gguf_close(g);
    return 0;
}
