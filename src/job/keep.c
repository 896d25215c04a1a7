#include "job/keep.h"

#include "base/log.h"
#include "base/mem.h"
#include "comm/muster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Less is not read from memory only, or hardly through more pages than a processor knows. */
static const size_t least_bytes = (size_t)32 << 20;

/* The first line of a file about the system's huge pages; false: there are none. */
static bool read_line(const char *name, char *line, size_t size)
{
    char path[80];
    snprintf(path, sizeof path, "/sys/kernel/mm/transparent_hugepage/%s", name);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool read = fgets(line, (int)size, file) != NULL;
    fclose(file);
    return read;
}

/* 0: there are none ("always madvise [never]"). */
static size_t huge_page_bytes(void)
{
    char line[80];
    if (!read_line("enabled", line, sizeof line) || strstr(line, "[never]"))
        return 0;
    long long bytes = read_line("hpage_pmd_size", line, sizeof line) ? atoll(line) : 0;
    return bytes > 0 ? (size_t)bytes : 0;
}

void jup_keep_weights(jup_gguf_t *gguf, double beside_bytes, bool shows)
{
    size_t huge = huge_page_bytes(), bytes = huge > 0 ? jup_gguf_bytes_to_keep(gguf, huge) : 0;
    double all = ((double)bytes + beside_bytes) * jup_muster_neighbours();
    if (bytes < least_bytes || all > 0.75 * (double)jup_mem_available_bytes())
        return;
    jup_gguf_keep(gguf, huge, shows);
    size_t kept = bytes - jup_gguf_bytes_to_keep(gguf, huge);
    if (kept > 0)
        jup_verbose("%.1f MiB of weights read into huge pages", (double)kept / 1048576.0);
}
