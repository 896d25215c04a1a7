/** What is typed in a conversation not for the model but for the program: /help, /reset and so on.
 */
#ifndef JUP_ASK_CHAT_ORDERS_H
#define JUP_ASK_CHAT_ORDERS_H

#include "ask/chat.h"

typedef enum jup_order {
    JUP_ORDER_NONE, /* it is for the model */
    JUP_ORDER_DONE,
    JUP_ORDER_QUIT,
} jup_order_t;

/** Follows the order, if the message is one: a slash and a letter begin it. */
jup_order_t jup_chat_order(jup_chat_t *chat, const char *message);

#endif
