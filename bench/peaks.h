/**
 * The most products that a processor's own instructions for them make: loops of nothing else. With
 * the rate of reading memory they say what a kernel could reach at best.
 */
#ifndef JUP_BENCH_PEAKS_H
#define JUP_BENCH_PEAKS_H

typedef enum jup_product {
    JUP_PRODUCT_F32,  /* fused products and sums */
    JUP_PRODUCT_I8,   /* of bytes, added up to 16 or 32 bits */
    JUP_PRODUCT_BF16, /* of BF16, as pairs where there are such */
    JUP_PRODUCTS,
} jup_product_t;

/**
 * Runs a loop of the instruction that a table of kernels (its name, as in tensor/kernels.h) makes
 * such products with, so many times 12. Returns how many operations that was, a product and a sum
 * being two; 0 for a table without an instruction of its own.
 */
double jup_peaks_run(const char *table, jup_product_t product, long times);

#endif
