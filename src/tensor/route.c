#include "tensor/route.h"

#include <math.h>
#include <stdbool.h>

static bool is_taken(const int32_t *ids, int n, int expert)
{
    for (int i = 0; i < n; i++)
        if (ids[i] == expert)
            return true;
    return false;
}

static int best_but(const float *logits, int experts, const int32_t *ids, int n)
{
    int best = -1;
    for (int e = 0; e < experts; e++)
        if (!is_taken(ids, n, e) && (best < 0 || logits[e] > logits[best]))
            best = e;
    return best;
}

void jup_route_rows(const float *logits, int64_t rows, int experts, int used, int32_t *ids,
                    float *shares)
{
    for (int64_t r = 0; r < rows; r++, logits += experts, ids += used, shares += used) {
        double total = 0;
        for (int i = 0; i < used; i++) {
            ids[i] = best_but(logits, experts, ids, i);
            total += exp((double)logits[ids[i]] - (double)logits[ids[0]]);
        }
        for (int i = 0; i < used; i++)
            shares[i] = (float)(exp((double)logits[ids[i]] - (double)logits[ids[0]]) / total);
    }
}
