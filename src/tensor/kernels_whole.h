/*
 * What one row of x over types whose groups have integer scales (jup_i8_form_t's `whole`) takes of
 * x and of a block, for x86's vectors. Both types end with their halves: d, and before it what
 * else there is. Included by
 * kernels_few_256.h and kernels_few_512.h.
 */

/* The sums of JUP_X_HIGH and JUP_X_LOW, 16 bits each. */
INLINE void fold_mins(const int32_t *whole, int16_t *mins)
{
    const unsigned char *high = (const unsigned char *)(whole + JUP_X_HIGH);
    const unsigned char *low = (const unsigned char *)(whole + JUP_X_LOW);
    __m256i sums = _mm256_slli_epi16(_mm256_cvtepi8_epi16(load_128(high)), 7);
    sums = _mm256_add_epi16(sums, _mm256_cvtepi8_epi16(load_128(low)));
    _mm256_store_si256((__m256i *)(void *)mins, sums);
}

/* The same of JUP_X_K: each twice, for the groups of a block. */
INLINE __m256i double_k(const int32_t *whole)
{
    __m256i ks = _mm256_loadu_si256((const __m256i *)(const void *)(whole + JUP_X_K));
    return _mm256_or_si256(ks, _mm256_slli_epi32(ks, 16));
}

/* The scales of 16 groups. */
INLINE __m256i whole_scales(const jup_dtype_t dtype, const unsigned char *block)
{
    if (dtype == JUP_Q2_K)
        return _mm256_cvtepu8_epi16(_mm_and_si128(load_128(block), _mm_set1_epi8(15)));
    __m128i tail = load_128(block + offsetof(jup_block_q3_k_t, scales) - 2); /* ends the block */
    __m128i bytes = _mm_srli_si128(tail, 2);
    __m128i low = _mm_srlv_epi32(_mm_shuffle_epi32(bytes, 0x44), _mm_setr_epi32(0, 0, 4, 4));
    __m128i high = _mm_srlv_epi32(_mm_shuffle_epi32(bytes, 0xaa), _mm_setr_epi32(0, 2, 4, 6));
    low = _mm_and_si128(low, _mm_set1_epi8(15));
    high = _mm_slli_epi32(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
    return _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm_or_si128(low, high)), _mm256_set1_epi16(32));
}

/* The sum of mins (of Q2_K) times x of 256 columns, in 8 parts. */
INLINE __m256i whole_mins_of(const unsigned char *block, const int16_t *x)
{
    __m256i mins = _mm256_srli_epi16(_mm256_cvtepu8_epi16(load_128(block)), 4);
    return _mm256_madd_epi16(mins, _mm256_load_si256((const __m256i *)(const void *)x));
}
