#include "cluster/data_path.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef JUP_PKGDATADIR
#define JUP_PKGDATADIR "/usr/local/share/jupiter"
#endif

enum { PATH_SIZE = 1024, LEVELS = 4, MOST_NAMES = 256 };

/* The folder `level` steps above the program's file. */
static bool program_folder(int level, char path[PATH_SIZE])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_SIZE - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    for (int i = 0; i <= level; i++) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return false;
        *slash = '\0';
    }
    return true;
}

/* The i-th place to look at; false when there are no more, an empty one is to be skipped. */
static bool data_folder(int i, char path[PATH_SIZE])
{
    char folder[PATH_SIZE];
    const char *given = getenv("JUPITER_DATA");
    path[0] = '\0';
    if (i == 0) {
        if (given)
            snprintf(path, PATH_SIZE, "%s", given);
    } else if (i <= LEVELS) {
        if (program_folder(i - 1, folder))
            snprintf(path, PATH_SIZE, "%.1000s/data", folder);
    } else if (i == LEVELS + 1) {
        snprintf(path, PATH_SIZE, "%s", JUP_PKGDATADIR);
    } else {
        return false;
    }
    return true;
}

bool jup_data_path(const char *relative, char *path, size_t size)
{
    char folder[PATH_SIZE];
    for (int i = 0; data_folder(i, folder); i++) {
        if (!folder[0])
            continue;
        snprintf(path, size, "%s/%s", folder, relative);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int yaml_names(const char *folder, char names[MOST_NAMES][64])
{
    DIR *dir = opendir(folder);
    int n = 0;
    for (struct dirent *entry; dir && n < MOST_NAMES && (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        if (length <= 5 || length - 5 >= 64 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
            continue;
        memcpy(names[n], entry->d_name, length - 5);
        names[n++][length - 5] = '\0';
    }
    if (dir)
        closedir(dir);
    qsort(names, (size_t)n, sizeof names[0], by_name);
    return n;
}

void jup_data_names(const char *folder, char *text, size_t size)
{
    char path[PATH_SIZE], names[MOST_NAMES][64];
    text[0] = '\0';
    if (!jup_data_path(folder, path, sizeof path))
        return;
    int n = yaml_names(path, names);
    size_t used = 0;
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
}
