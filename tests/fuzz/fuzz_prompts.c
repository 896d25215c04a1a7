/*
 * libFuzzer target: a file of prompts, and a chat template behind the first zero byte; whatever is
 * accepted can be filled in.
 */
#include "ask/prompts_read.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const json_t *root, const jup_prompts_model_t *model, const char *system)
{
    jup_prompts_t p;
    jup_error_t err;
    if (jup_prompts_from_file(&p, root, "fuzz", model, system, &err) != JUP_OK)
        return;
    const char *const forms[] = {p.plain, p.further, p.outline, p.point};
    for (int i = 0; i < 4; i++) {
        jup_filled_t filled = {0};
        jup_prompts_fill(&p, forms[i], "{question} {title}", 3, "{system}", &filled);
        jup_filled_reset(&filled);
    }
    jup_prompts_reset(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t file = zero ? (size_t)(zero - data) : size, rest = zero ? size - file - 1 : 0;
    char *template = jup_new(rest + 1, 1);
    json_t *root;
    jup_error_t err;
    if (rest)
        memcpy(template, zero + 1, rest);
    jup_prompts_model_t model = {.format = "format", .end_text = "</s>"};
    model.chat_template = zero ? jup_prompts_template(template) : NULL;
    if (jup_prompts_parse(&root, "fuzz", (const char *)data, file, &err) == JUP_OK) {
        jup_prompts_is_for(root, &model);
        jup_prompts_wants_rendering(root, &model);
        use(root, &model, NULL);
        use(root, &model, "be {kind}");
        json_decref(root);
    }
    jup_free(model.chat_template);
    jup_free(template);
    return 0;
}
