#include "tensor/dtype.h"

#include <assert.h>
#include <strings.h>

static const jup_dtype_info_t infos[] = {
    {JUP_F32, "F32", 1, 4},       {JUP_F16, "F16", 1, 2},       {JUP_BF16, "BF16", 1, 2},
    {JUP_Q4_0, "Q4_0", 32, 18},   {JUP_Q8_0, "Q8_0", 32, 34},   {JUP_Q4_K, "Q4_K", 256, 144},
    {JUP_Q5_K, "Q5_K", 256, 176}, {JUP_Q6_K, "Q6_K", 256, 210},
};
enum { INFO_COUNT = sizeof infos / sizeof infos[0] };

/* Every number of GGUF's table; the gaps are numbers it has withdrawn. */
static const char *const any_names[] = {
    [0] = "F32",     [1] = "F16",      [2] = "Q4_0",    [3] = "Q4_1",     [4] = "Q4_2",
    [5] = "Q4_3",    [6] = "Q5_0",     [7] = "Q5_1",    [8] = "Q8_0",     [9] = "Q8_1",
    [10] = "Q2_K",   [11] = "Q3_K",    [12] = "Q4_K",   [13] = "Q5_K",    [14] = "Q6_K",
    [15] = "Q8_K",   [16] = "IQ2_XXS", [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S",
    [20] = "IQ4_NL", [21] = "IQ3_S",   [22] = "IQ2_S",  [23] = "IQ4_XS",  [24] = "I8",
    [25] = "I16",    [26] = "I32",     [27] = "I64",    [28] = "F64",     [29] = "IQ1_M",
    [30] = "BF16",   [34] = "TQ1_0",   [35] = "TQ2_0",  [39] = "MXFP4",
};
enum { ANY_COUNT = sizeof any_names / sizeof any_names[0] };

const jup_dtype_info_t *jup_dtype_info(int gguf_type)
{
    for (int i = 0; i < INFO_COUNT; i++)
        if ((int)infos[i].dtype == gguf_type)
            return &infos[i];
    return NULL;
}

const char *jup_dtype_any_name(int gguf_type)
{
    if (gguf_type < 0 || gguf_type >= ANY_COUNT || !any_names[gguf_type])
        return "unknown";
    return any_names[gguf_type];
}

const jup_dtype_info_t *jup_dtype_by_name(const char *name)
{
    for (int i = 0; i < INFO_COUNT; i++)
        if (!strcasecmp(infos[i].name, name))
            return &infos[i];
    return NULL;
}

size_t jup_dtype_bytes(jup_dtype_t dtype, int64_t elems)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)dtype);
    assert(info && elems >= 0 && elems % info->block_elems == 0);
    return (size_t)(elems / info->block_elems) * (size_t)info->block_bytes;
}
