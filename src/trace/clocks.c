#include "base/clock.h"
#include "comm/collect.h"
#include "trace/gather.h"

#include <stdio.h>
#include <string.h>

enum { BOOT_ID_BYTES = 40 };

/* The id of this boot of this machine; empty when the system has none. */
static void read_boot_id(char id[BOOT_ID_BYTES])
{
    memset(id, 0, BOOT_ID_BYTES);
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (!file)
        return;
    if (!fgets(id, BOOT_ID_BYTES, file))
        id[0] = '\0';
    fclose(file);
}

/*
 * Ranks of one boot read the very same clock, which beats any measurement; unless a container was
 * given a clock of its own, which shows as an offset far larger than a round trip.
 */
static bool shares_clock_with_root(jup_comm_t *comm, double measured_s)
{
    const double too_far_s = 0.5;
    char mine[BOOT_ID_BYTES], root[BOOT_ID_BYTES];
    read_boot_id(mine);
    memcpy(root, mine, sizeof root);
    jup_comm_share_fixed(comm, root, sizeof root);
    bool near = measured_s < too_far_s && measured_s > -too_far_s;
    return near && root[0] && memcmp(mine, root, sizeof mine) == 0;
}

void jup_trace_sync_clocks(jup_comm_t *comm, jup_recorder_t *recorder)
{
    double offset_s = jup_comm_clock_offset_s(comm);
    if (shares_clock_with_root(comm, offset_s))
        offset_s = 0;
    recorder->offset_s = offset_s;
    recorder->sync_s = jup_clock_now_s();
}
