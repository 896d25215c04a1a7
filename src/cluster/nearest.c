#include "cluster/nearest.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 };

int jup_find_name(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int distance(const char *a, const char *b)
{
    int row[LONGEST + 1];
    int n = (int)strlen(b);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 0; a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 0; j < n; j++) {
            int change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(change, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

const char *jup_nearest(const char *name, const char *const *names)
{
    const char *best = NULL;
    int best_distance = 0;
    size_t length = strlen(name);
    if (length > LONGEST)
        return NULL;
    for (int i = 0; names[i]; i++) {
        if (strlen(names[i]) > LONGEST)
            continue;
        int d = distance(name, names[i]);
        if (!best || d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best && best_distance <= 1 + (int)length / 3 ? best : NULL;
}

void jup_list_names(const char *const *names, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; names[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
}
