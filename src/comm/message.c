#include "comm/message.h"

const char *jup_message_kind_name(int kind)
{
    static const char *const names[] = {"step",   "result", "verdict", "share",  "gather",
                                        "ping",   "cancel", "group",   "reduce", "all_gather",
                                        "logits", "head",   "vitals"};
    if (kind <= JUP_MSG_FIRST || kind >= JUP_MSG_LAST)
        return "?";
    return names[kind - JUP_MSG_FIRST - 1];
}
