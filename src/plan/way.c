#include "plan/way.h"

#include <string.h>

static const char *const names[JUP_WAYS] = {"alone", "tensor", "sequence", "galaxy",
                                            "detransformer"};

const char *jup_way_name(jup_way_t way)
{
    return names[way];
}

int jup_way_by_name(const char *name)
{
    for (int i = 0; i < JUP_WAYS; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

bool jup_way_splits(jup_way_t way)
{
    return way != JUP_WAY_ALONE && way != JUP_WAY_SEQUENCE;
}
