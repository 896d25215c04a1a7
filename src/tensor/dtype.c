#include "tensor/dtype.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What this program computes with, by their numbers. */
static const jup_dtype_info_t infos[] = {
    {JUP_F32, "F32", 1, 4},         {JUP_F16, "F16", 1, 2},           {JUP_Q4_0, "Q4_0", 32, 18},
    {JUP_Q4_1, "Q4_1", 32, 20},     {JUP_Q5_0, "Q5_0", 32, 22},       {JUP_Q5_1, "Q5_1", 32, 24},
    {JUP_Q8_0, "Q8_0", 32, 34},     {JUP_Q2_K, "Q2_K", 256, 84},      {JUP_Q3_K, "Q3_K", 256, 110},
    {JUP_Q4_K, "Q4_K", 256, 144},   {JUP_Q5_K, "Q5_K", 256, 176},     {JUP_Q6_K, "Q6_K", 256, 210},
    {JUP_IQ4_NL, "IQ4_NL", 32, 18}, {JUP_IQ4_XS, "IQ4_XS", 256, 136}, {JUP_BF16, "BF16", 1, 2},
};
enum { INFO_COUNT = sizeof infos / sizeof infos[0] };

/* The other numbers of GGUF's table, withdrawn ones among them: enough to name and measure them. */
static const jup_dtype_info_t others[] = {
    {4, "Q4_2", 16, 10},        {5, "Q4_3", 16, 12},        {9, "Q8_1", 32, 36},
    {15, "Q8_K", 256, 292},     {16, "IQ2_XXS", 256, 66},   {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98},   {19, "IQ1_S", 256, 50},     {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},     {24, "I8", 1, 1},           {25, "I16", 1, 2},
    {26, "I32", 1, 4},          {27, "I64", 1, 8},          {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},     {31, "Q4_0_4_4", 32, 18},   {32, "Q4_0_4_8", 32, 18},
    {33, "Q4_0_8_8", 32, 18},   {34, "TQ1_0", 256, 54},     {35, "TQ2_0", 256, 66},
    {36, "IQ4_NL_4_4", 32, 18}, {37, "IQ4_NL_4_8", 32, 18}, {38, "IQ4_NL_8_8", 32, 18},
    {39, "MXFP4", 32, 17},      {40, "NVFP4", 64, 36},      {41, "Q1_0", 128, 18},
};
enum { OTHER_COUNT = sizeof others / sizeof others[0] };

static const jup_dtype_info_t *find(const jup_dtype_info_t *list, int count, int gguf_type)
{
    for (int i = 0; i < count; i++)
        if ((int)list[i].dtype == gguf_type)
            return &list[i];
    return NULL;
}

const jup_dtype_info_t *jup_dtype_info(int gguf_type)
{
    return find(infos, INFO_COUNT, gguf_type);
}

const jup_dtype_info_t *jup_dtype_any(int gguf_type)
{
    const jup_dtype_info_t *info = jup_dtype_info(gguf_type);
    return info ? info : find(others, OTHER_COUNT, gguf_type);
}

const jup_dtype_info_t *jup_dtype_at(int i)
{
    return i >= 0 && i < INFO_COUNT ? &infos[i] : NULL;
}

const char *jup_dtype_any_name(int gguf_type)
{
    const jup_dtype_info_t *info = jup_dtype_any(gguf_type);
    return info ? info->name : "unknown";
}

const jup_dtype_info_t *jup_dtype_by_name(const char *name)
{
    for (int i = 0; i < INFO_COUNT; i++)
        if (!strcasecmp(infos[i].name, name))
            return &infos[i];
    return NULL;
}

jup_dtype_names_t jup_dtype_names(void)
{
    jup_dtype_names_t names = {""};
    for (int i = 0; i < INFO_COUNT; i++) {
        size_t used = strlen(names.text);
        const char *before = i == 0 ? "" : i < INFO_COUNT - 1 ? ", " : " or ";
        snprintf(names.text + used, sizeof names.text - used, "%s%s", before, infos[i].name);
    }
    return names;
}

size_t jup_dtype_bytes(jup_dtype_t dtype, int64_t elems)
{
    const jup_dtype_info_t *info = jup_dtype_info((int)dtype);
    assert(info && elems >= 0 && elems % info->block_elems == 0);
    return (size_t)(elems / info->block_elems) * (size_t)info->block_bytes;
}
