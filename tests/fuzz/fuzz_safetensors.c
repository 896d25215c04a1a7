/* libFuzzer target: any bytes as a safetensors file. */
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jup_safetensors_t *s;
    jup_error_t err = {0};
    volatile uint8_t sum = 0;
    if (jup_safetensors_open_memory(data, size, "fuzz", &s, &err) != JUP_OK) {
        if (strlen(err.text) < 10)
            abort();
        return 0;
    }
    for (int64_t i = 0; i < jup_safetensors_count(s); i++) {
        const jup_safetensors_tensor_t *t = jup_safetensors_at(s, i);
        for (size_t k = 0; k < t->bytes; k++)
            sum = (uint8_t)(sum + ((const uint8_t *)t->data)[k]);
        if (!jup_safetensors_find(s, t->name))
            abort();
    }
    jup_safetensors_metadata(s, "format");
    jup_safetensors_close(s);
    return 0;
}
