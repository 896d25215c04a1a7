/** What travels between ranks: one kind, one tag. */
#ifndef JUP_COMM_MESSAGE_H
#define JUP_COMM_MESSAGE_H

typedef enum jup_message_kind {
    JUP_MSG_FIRST = 100, /* sentinel: tags below belong to others */
    JUP_MSG_STEP,        /* a step and its activations, stage s -> s + 1 */
    JUP_MSG_RESULT,      /* sampled tokens, last stage -> first */
    JUP_MSG_VERDICT,     /* a rank's status and message, rank -> 0 */
    JUP_MSG_SHARE,       /* rank 0's bytes, 0 -> rank */
    JUP_MSG_GATHER,      /* a rank's bytes, rank -> 0 */
    JUP_MSG_PING,        /* clock offsets and link measurements */
    JUP_MSG_CANCEL,      /* steps whose guesses proved wrong, 0 -> every other stage */
    JUP_MSG_GROUP,       /* a step, and its activations where they travel, leader -> its group */
    JUP_MSG_REDUCE,      /* partial sums, member -> member of a group */
    JUP_MSG_ALL_GATHER,  /* finished sums or rows, member -> member of a group */
    JUP_MSG_LOGITS,      /* logits of every row, where they are asked for, last stage -> first */
    JUP_MSG_HEAD,        /* logits of a member's rows of the output head, member -> leader */
    JUP_MSG_VITALS,      /* how a rank is, when it is asked, rank -> 0 */
    JUP_MSG_LAST         /* sentinel */
} jup_message_kind_t;

/** "step", "result", ...; "?" outside the sentinels. */
const char *jup_message_kind_name(int kind);

#endif
