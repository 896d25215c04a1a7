#include "ask/chat_orders.h"

#include <ctype.h>
#include <string.h>

typedef struct order {
    const char *name, *takes, *summary;
    jup_order_t (*follow)(jup_chat_t *chat, const char *rest);
} order_t;

static jup_order_t help(jup_chat_t *chat, const char *rest);

static jup_order_t reset(jup_chat_t *chat, const char *rest)
{
    (void)rest;
    jup_chat_forget(chat);
    jup_chat_tell(chat, "what was said is forgotten");
    return JUP_ORDER_DONE;
}

static jup_order_t change_system(jup_chat_t *chat, const char *rest)
{
    jup_error_t err;
    if (!chat->set_system)
        jup_chat_warn(chat, "the system text cannot be changed here");
    else if (chat->set_system(chat->set_system_self, *rest ? rest : NULL, &err) != JUP_OK)
        jup_chat_warn(chat, "%s", err.text);
    else
        return reset(chat, rest);
    return JUP_ORDER_DONE;
}

static jup_order_t save(jup_chat_t *chat, const char *rest)
{
    jup_error_t err;
    if (!*rest)
        jup_chat_warn(chat, "/save needs the name of a file");
    else if (jup_transcript_save(&chat->transcript, rest, &err) != JUP_OK)
        jup_chat_warn(chat, "%s", err.text);
    else
        jup_chat_tell(chat, "saved in %s", rest);
    return JUP_ORDER_DONE;
}

static jup_order_t quit(jup_chat_t *chat, const char *rest)
{
    (void)chat;
    (void)rest;
    return JUP_ORDER_QUIT;
}

static const order_t orders[] = {
    {"system", "TEXT", "begins anew with this system text; without one: with the template's own",
     change_system},
    {"reset", "", "forgets what was said", reset},
    {"save", "FILE", "writes the conversation as JSON", save},
    {"help", "", "shows this", help},
    {"quit", "", "ends the conversation, as Ctrl-D does", quit},
};

enum { N_ORDERS = sizeof orders / sizeof orders[0] };

static jup_order_t help(jup_chat_t *chat, const char *rest)
{
    (void)rest;
    for (int i = 0; i < N_ORDERS; i++)
        jup_chat_tell(chat, "/%s %-*s %s", orders[i].name, 11 - (int)strlen(orders[i].name),
                      orders[i].takes, orders[i].summary);
    jup_chat_tell(
        chat,
        "A line that ends with \\ goes on in the next one; between \"\"\" and \"\"\" there may "
        "be many.");
    jup_chat_tell(chat, "Ctrl-C stops an answer; while none comes, it ends the conversation.");
    return JUP_ORDER_DONE;
}

jup_order_t jup_chat_order(jup_chat_t *chat, const char *message)
{
    if (message[0] != '/' || !isalpha((unsigned char)message[1]))
        return JUP_ORDER_NONE;
    const char *name = message + 1;
    size_t n = strcspn(name, " \t\n");
    for (int i = 0; i < N_ORDERS; i++)
        if (strlen(orders[i].name) == n && strncmp(orders[i].name, name, n) == 0)
            return orders[i].follow(chat, name + n + strspn(name + n, " \t\n"));
    jup_chat_tell(
        chat, "there is no /%.*s; /help lists what there is (a space in front makes it a question)",
        (int)n, name);
    return JUP_ORDER_DONE;
}
