#include "thread_comm.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A message that was sent and not yet received; a list in the order of sending. */
typedef struct letter {
    int src, dst, tag;
    size_t bytes;
    struct letter *next;
    char data[];
} letter_t;

typedef struct post_office {
    pthread_mutex_t lock;
    letter_t *letters;
} post_office_t;

/* What a receive waits for; in the handle, a pointer to this. NULL: a send, done at once. */
typedef struct wish {
    int src, tag;
    void *buffer;
    size_t bytes; /* room; what came, once it is filled */
    bool filled;
    struct wish *next;
} wish_t;

typedef struct citizen {
    post_office_t *office;
    wish_t *wishes; /* in the order of posting */
    jup_comm_t comm;
    void (*body)(jup_comm_t *comm, void *self);
    void *self;
} citizen_t;

static void start_send(void *self, int peer, int tag, const void *buffer, size_t bytes,
                       jup_transport_handle_t *handle)
{
    citizen_t *me = self;
    letter_t *letter = jup_new(1, sizeof *letter + bytes);
    letter->src = me->comm.rank;
    letter->dst = peer;
    letter->tag = tag;
    letter->bytes = bytes;
    memcpy(letter->data, buffer, bytes);
    pthread_mutex_lock(&me->office->lock);
    letter_t **end = &me->office->letters;
    while (*end)
        end = &(*end)->next;
    *end = letter;
    pthread_mutex_unlock(&me->office->lock);
    memset(handle, 0, sizeof *handle);
}

static void start_recv(void *self, int peer, int tag, void *buffer, size_t bytes,
                       jup_transport_handle_t *handle)
{
    citizen_t *me = self;
    wish_t *wish = jup_new(1, sizeof *wish), **end = &me->wishes;
    *wish = (wish_t){.src = peer, .tag = tag, .buffer = buffer, .bytes = bytes};
    while (*end)
        end = &(*end)->next;
    *end = wish;
    memcpy(handle->bytes, &wish, sizeof wish);
}

static letter_t *take(post_office_t *office, int dst, const wish_t *wish)
{
    pthread_mutex_lock(&office->lock);
    letter_t **at = &office->letters;
    while (*at && !((*at)->dst == dst && (*at)->src == wish->src && (*at)->tag == wish->tag))
        at = &(*at)->next;
    letter_t *letter = *at;
    if (letter)
        *at = letter->next;
    pthread_mutex_unlock(&office->lock);
    return letter;
}

static void fill(wish_t *wish, letter_t *letter)
{
    if (letter->bytes > wish->bytes)
        abort();
    memcpy(wish->buffer, letter->data, letter->bytes);
    wish->bytes = letter->bytes;
    wish->filled = true;
    jup_free(letter);
}

/* Letters of one sender and tag go to the receives in the order in which these were posted. */
static void fill_up_to(citizen_t *me, const wish_t *last)
{
    for (wish_t *wish = me->wishes; wish && !last->filled; wish = wish->next) {
        if (wish->filled || wish->src != last->src || wish->tag != last->tag)
            continue;
        letter_t *letter = take(me->office, me->comm.rank, wish);
        if (!letter)
            return;
        fill(wish, letter);
    }
}

static bool test(void *self, jup_transport_handle_t *handle, size_t *bytes)
{
    citizen_t *me = self;
    wish_t *wish, **at = &me->wishes;
    memcpy(&wish, handle->bytes, sizeof wish);
    if (!wish)
        return true;
    fill_up_to(me, wish);
    if (!wish->filled)
        return false;
    while (*at != wish)
        at = &(*at)->next;
    *at = wish->next;
    *bytes = wish->bytes;
    jup_free(wish);
    return true;
}

static const jup_transport_t transport = {
    .name = "threads", .start_send = start_send, .start_recv = start_recv, .test = test};

static void *live(void *self)
{
    citizen_t *me = self;
    me->body(&me->comm, me->self);
    return NULL;
}

void thread_comm_run(int ranks, void (*body)(jup_comm_t *comm, void *self), void *self)
{
    post_office_t office = {.lock = PTHREAD_MUTEX_INITIALIZER};
    citizen_t *citizens = jup_new((size_t)ranks, sizeof *citizens);
    pthread_t *threads = jup_new((size_t)ranks, sizeof *threads);
    for (int rank = 0; rank < ranks; rank++) {
        citizen_t *citizen = &citizens[rank];
        *citizen = (citizen_t){.office = &office, .body = body, .self = self};
        citizen->comm = (jup_comm_t){
            .rank = rank, .size = ranks, .transport = &transport, .transport_self = citizen};
        if (pthread_create(&threads[rank], NULL, live, citizen) != 0)
            abort();
    }
    for (int rank = 0; rank < ranks; rank++)
        pthread_join(threads[rank], NULL);
    jup_free(threads);
    jup_free(citizens);
}
