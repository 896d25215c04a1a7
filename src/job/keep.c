#include "job/keep.h"

#include "base/log.h"
#include "base/mem.h"
#include "comm/muster.h"

#include <stdio.h>
#include <string.h>

/* Less is not read from memory only, or hardly through more pages than a processor knows. */
static const size_t least_bytes = (size_t)32 << 20;

/* "[always] madvise never" */
static bool has_huge_pages(void)
{
    char line[80] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (!file)
        return false;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    return read && !strstr(line, "[never]");
}

void jup_keep_weights(jup_gguf_t *gguf, double beside_bytes, bool shows)
{
    size_t bytes = jup_gguf_bytes_to_keep(gguf);
    double all = ((double)bytes + beside_bytes) * jup_muster_neighbours();
    if (bytes < least_bytes || !has_huge_pages() || all > 0.75 * (double)jup_mem_available_bytes())
        return;
    jup_gguf_keep(gguf, shows);
    jup_verbose("%.1f MiB of weights read into huge pages",
                (double)(bytes - jup_gguf_bytes_to_keep(gguf)) / 1048576.0);
}
