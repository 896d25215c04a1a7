/* The door that a launcher has chosen for a job. */
#include "comm/watch_wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void read_addresses(const char *text, jup_watch_door_t *door)
{
    char word[64];
    int used = 0;
    struct in_addr address;
    while (door->n < JUP_WATCH_DOORS - 1 && sscanf(text, "%63s%n", word, &used) == 1) {
        if (inet_pton(AF_INET, word, &address) == 1)
            door->address[door->n++] = address.s_addr;
        text += used;
    }
    door->address[door->n++] = htonl(INADDR_LOOPBACK);
}

bool jup_watch_door_read(const char *text, jup_watch_door_t *door)
{
    unsigned port = 0;
    int used = 0;
    memset(door, 0, sizeof *door);
    if (!text ||
        sscanf(text, "%5u %16" SCNx64 " %63s%n", &port, &door->secret, door->host, &used) != 3)
        return false;
    if (port == 0 || port > UINT16_MAX)
        return false;
    door->port = htons((uint16_t)port);
    read_addresses(text + used, door);
    return true;
}
