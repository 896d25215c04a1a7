/* What the system says of memory: this process's, and what is left for it. */
#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 4096 };

/* The number behind a key that begins a line ("" for the first line's), with or without a colon. */
static size_t number_in(const char *path, const char *key, size_t fallback)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return fallback;
    char line[LINE];
    const size_t n = strlen(key);
    size_t value = fallback;
    for (bool found = false; !found && fgets(line, sizeof line, file);) {
        unsigned long long number;
        const char *from = line + n + (n > 0 && line[n] == ':');
        found = strncmp(line, key, n) == 0 && (n == 0 || strchr(" \t:", line[n]) != NULL) &&
                sscanf(from, "%llu", &number) == 1;
        if (found)
            value = (size_t)number;
    }
    fclose(file);
    return value;
}

size_t jup_mem_peak_resident_bytes(void)
{
    return number_in("/proc/self/status", "VmHWM", 0) * 1024;
}

size_t jup_mem_resident_bytes(void)
{
    return number_in("/proc/self/status", "VmRSS", 0) * 1024;
}

/* ---- control groups ---------------------------------------------------------------------------
 */

/* The two kinds there are: how their lines in /proc/self/cgroup begin behind the first colon, where
 * they are mounted, their files, and keys of memory.stat. */
typedef struct groups {
    const char *controllers, *mount, *limit, *used, *files[2];
} groups_t;

static const groups_t kinds[] = {
    {"memory",
     "/sys/fs/cgroup/memory",
     "memory.limit_in_bytes",
     "memory.usage_in_bytes",
     {"total_inactive_file", "total_active_file"}},
    {"", "/sys/fs/cgroup", "memory.max", "memory.current", {"inactive_file", "active_file"}},
};

static size_t number_of(const groups_t *kind, const char *group, const char *name, const char *key,
                        size_t fallback)
{
    char path[LINE + 80];
    snprintf(path, sizeof path, "%s%s/%s", kind->mount, group, name);
    return number_in(path, key, fallback);
}

/* SIZE_MAX: no limit. What files have in memory can leave it. */
static size_t left_in(const groups_t *kind, const char *group)
{
    size_t limit = number_of(kind, group, kind->limit, "", SIZE_MAX);
    size_t used = number_of(kind, group, kind->used, "", SIZE_MAX);
    if (limit == SIZE_MAX || used == SIZE_MAX)
        return SIZE_MAX;
    for (int i = 0; i < 2; i++) {
        size_t of_files = number_of(kind, group, "memory.stat", kind->files[i], 0);
        used -= of_files < used ? of_files : used;
    }
    return limit > used ? limit - used : 0;
}

/* The least of a group ("/a/b"; it is cut) and all above it. */
static size_t least_left(const groups_t *kind, char *group)
{
    size_t least = left_in(kind, group);
    for (char *slash; (slash = strrchr(group, '/')) != NULL;) {
        *slash = '\0';
        size_t left = left_in(kind, group);
        least = left < least ? left : least;
    }
    return least;
}

/* Of a line "4:cpu,memory:/a/b" or "0::/a/b". */
static bool is_of(const groups_t *kind, const char *controllers)
{
    const size_t n = strlen(kind->controllers);
    if (n == 0)
        return *controllers == '\0';
    for (const char *at = controllers; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, kind->controllers, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

static size_t left_in_groups(void)
{
    char line[LINE];
    size_t least = SIZE_MAX;
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (is_of(&kinds[i], controllers + 1)) {
                size_t left = least_left(&kinds[i], group);
                least = left < least ? left : least;
            }
    }
    if (file)
        fclose(file);
    return least;
}

/* ---- what is left -----------------------------------------------------------------------------
 */

static size_t modelled_bytes;

void jup_mem_model(size_t bytes)
{
    modelled_bytes = bytes;
}

size_t jup_mem_available_bytes(void)
{
    if (modelled_bytes)
        return modelled_bytes;
    size_t system = number_in("/proc/meminfo", "MemAvailable", 0) * 1024;
    size_t groups = left_in_groups(), least = system ? system : SIZE_MAX;
    return groups < least ? groups : least;
}
