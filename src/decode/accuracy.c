#include "decode/accuracy.h"

#include "base/input.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jup_accuracy_init(jup_accuracy_t *a, double first, double decline, double weight)
{
    memset(a, 0, sizeof *a);
    a->fade = 0.995;
    for (int d = 0; d < JUP_GUESS_DEPTH; d++) {
        double p = first;
        a->trials[d] = weight;
        for (int r = 0; r < JUP_GUESS_WIDTH; r++) {
            a->hits[d][r] = p * weight;
            p = 0.5 * p < 0.5 * (1 - p) ? 0.5 * p : 0.5 * (1 - p);
        }
        first *= decline;
    }
}

static void observe_one(jup_accuracy_t *a, int32_t depth, int32_t rank)
{
    a->trials[depth] = a->fade * a->trials[depth] + 1;
    for (int r = 0; r < JUP_GUESS_WIDTH; r++)
        a->hits[depth][r] *= a->fade;
    if (rank >= 0)
        a->hits[depth][rank] += 1;
}

void jup_accuracy_observe(jup_accuracy_t *a, const jup_guesses_t *guesses, const int32_t *came,
                          int32_t n)
{
    for (int32_t d = 0; d < guesses->depth && d < n; d++) {
        int32_t rank = -1;
        for (int32_t r = 0; r < guesses->width[d] && rank < 0; r++)
            if (guesses->token[d][r] == came[d])
                rank = r;
        observe_one(a, d, rank);
        if (rank < 0)
            return;
    }
}

double jup_accuracy_of(const jup_accuracy_t *a, int32_t depth, int32_t rank)
{
    return a->trials[depth] > 0 ? a->hits[depth][rank] / a->trials[depth] : 0;
}

/* One line's probabilities; false when it does not make sense. */
static bool read_line(jup_accuracy_t *a, int depth, char *line, double weight)
{
    char *at = line, *end;
    double sum = 0;
    a->trials[depth] = weight;
    for (int r = 0; r < JUP_GUESS_WIDTH; r++, at = end) {
        double p = strtod(at, &end);
        if (end == at)
            p = 0;
        sum += p;
        if (p < 0 || sum > 1.0001)
            return false;
        a->hits[depth][r] = p * weight;
    }
    at += strspn(at, " \t\r\n");
    return *at == '\0' && sum > 0;
}

jup_status_t jup_accuracy_read(jup_accuracy_t *a, const char *path, double weight, jup_error_t *err)
{
    char line[1024];
    int number = 0, depth = 0;
    FILE *in;
    JUP_TRY(jup_input_open(path, JUP_INPUT_ANY, &in, err));
    jup_accuracy_init(a, 0, 1, weight);
    while (fgets(line, sizeof line, in) && depth < JUP_GUESS_DEPTH) {
        number++;
        line[strcspn(line, "#\n")] = '\0';
        if (line[strspn(line, " \t\r")] == '\0')
            continue;
        if (!read_line(a, depth++, line, weight)) {
            fclose(in);
            return jup_fail(err, JUP_EINPUT,
                            "%s:%d: must be at most %d probabilities that sum to at most 1", path,
                            number, JUP_GUESS_WIDTH);
        }
    }
    fclose(in);
    if (depth == 0)
        return jup_fail(err, JUP_EINPUT, "%s holds no accuracies; one line per depth", path);
    return JUP_OK;
}
