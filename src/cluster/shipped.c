#include "cluster/shipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool jup_shipped_find(const char *name, jup_shipped_place_t *place)
{
    const char *folder = getenv("JUPITER_DATA");
    place->file = NULL;
    if (folder) {
        snprintf(place->path, sizeof place->path, "%.900s/%s", folder, name);
        if (access(place->path, R_OK) == 0)
            return true;
    }
    for (const jup_shipped_t *file = jup_shipped_files; file->name[0]; file++)
        if (strcmp(file->name, name) == 0)
            place->file = file;
    snprintf(place->path, sizeof place->path, "%s (compiled in)", name);
    return place->file != NULL;
}

const char *jup_shipped_stem(const jup_shipped_t *file, const char *folder, int *length)
{
    size_t n = strlen(folder);
    const char *dot = strrchr(file->name, '.');
    if (!dot || strncmp(file->name, folder, n) != 0 || file->name[n] != '/')
        return NULL;
    *length = (int)(dot - file->name - (ptrdiff_t)n - 1);
    return file->name + n + 1;
}

void jup_shipped_names(const char *folder, char *names, size_t size)
{
    size_t used = 0;
    int length;
    names[0] = '\0';
    for (const jup_shipped_t *file = jup_shipped_files; file->name[0] && used < size; file++) {
        const char *stem = jup_shipped_stem(file, folder, &length);
        if (stem)
            used += (size_t)snprintf(names + used, size - used, "%s%.*s", used ? ", " : "", length,
                                     stem);
    }
}
