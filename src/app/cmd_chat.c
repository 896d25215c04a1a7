/* jupiter chat: as jupiter run, with lines of a conversation instead of one prompt. */
#include "app/commands.h"

/* argv[0] tells jup_run_options_parse() which of the two it is. */
int jup_cmd_chat(int argc, const char **argv)
{
    return jup_cmd_run(argc, argv);
}
