#include "comm/network.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Omni-Path and RoCE are there as well. */
static bool is_fast(void)
{
    glob_t devices;
    bool found = glob("/sys/class/infiniband/*", GLOB_NOSORT, NULL, &devices) == 0;
    globfree(&devices);
    return found;
}

/* A line "pml = ...", or of mtl. */
static bool names_network(const char *line)
{
    line += strspn(line, " \t");
    return (strncmp(line, "pml", 3) == 0 || strncmp(line, "mtl", 3) == 0) &&
           line[3 + strspn(line + 3, " \t")] == '=';
}

static bool is_in_users_file(void)
{
    const char *home = getenv("HOME");
    char path[4096], line[1024];
    bool found = false;
    if (!home ||
        snprintf(path, sizeof path, "%s/.openmpi/mca-params.conf", home) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = names_network(line);
    if (file)
        fclose(file);
    return found;
}

void jup_network_choose(void)
{
    bool chosen = getenv("OMPI_MCA_pml") || getenv("OMPI_MCA_mtl") || is_in_users_file();
    if (!chosen && !is_fast())
        setenv("OMPI_MCA_pml", "ob1", 1);
}
